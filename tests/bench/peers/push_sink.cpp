// push_sink: the endpoint that pushes go to. Answers every POST with 200 and, where the body opens
// with mqload's stamp, takes the time from when the message was due (same clock, same machine).
// Says its port; GET /stats tells as JSON what came, GET /reset forgets it. One thread, loopback.
#include "tests/bench/peers/load/tally.h"

#include <arpa/inet.h>
#include <boost/json/serialize.hpp>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::load {

namespace {

constexpr std::size_t read_bytes = 1U << 18U;
constexpr std::string_view accepted =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok";

// What is at the front of the bytes of a connection.
struct Request {
    std::string_view line;
    std::string_view body;
    std::size_t bytes = 0;  // 0: it is not whole yet
};

Request first_request(std::string_view all) {
    const auto head_end = all.find("\r\n\r\n");
    if (head_end == std::string_view::npos) return {};
    std::string head(all.substr(0, head_end + 2));
    std::transform(head.begin(), head.end(), head.begin(), [](unsigned char letter) {
        return static_cast<char>(std::tolower(letter));
    });
    const std::size_t body_at = head_end + 4;
    std::size_t size = 0;
    constexpr std::string_view name = "\r\ncontent-length:";
    const auto at = head.find(name);
    if (at != std::string::npos) size = std::strtoul(&head[at + name.size()], nullptr, 10);
    if (all.size() < body_at + size) return {};
    return {all.substr(0, all.find("\r\n")), all.substr(body_at, size), body_at + size};
}

class Sink {
  public:
    Sink() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), buffer_(read_bytes) {
        options_.mode = Mode::drain;
        forget();
    }

    // False: it cannot listen.
    bool listen() {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* place = reinterpret_cast<sockaddr*>(&address);
        if (::bind(listener_, place, size) != 0 || ::listen(listener_, SOMAXCONN) != 0)
            return false;
        ::getsockname(listener_, place, &size);
        std::printf("port %d\n", static_cast<int>(ntohs(address.sin_port)));
        std::fflush(stdout);
        watch(listener_);
        return true;
    }

    void turn() {
        std::array<epoll_event, 256> events;
        const int count = ::epoll_wait(epoll_, events.data(), events.size(), -1);
        for (int at = 0; at < count; ++at) {
            const int socket = events[static_cast<std::size_t>(at)].data.fd;
            if (socket == listener_)
                accept();
            else
                read(socket);
        }
    }

  private:
    void watch(int socket) const {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = socket;
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
    }

    void forget() {
        posts_ = 0;
        tally_.emplace(options_);
        tally_->set_window(0, UINT64_MAX);
    }

    void accept() {
        const int on = 1;
        while (true) {
            const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (socket < 0) return;
            ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            watch(socket);
        }
    }

    void read(int socket) {
        const ssize_t got = ::recv(socket, buffer_.data(), buffer_.size(), 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        std::string& input = inputs_[socket];
        if (got > 0) input.append(buffer_.data(), static_cast<std::size_t>(got));
        std::string output;
        std::size_t taken = 0;
        while (got > 0) {
            const Request request = first_request(std::string_view(input).substr(taken));
            if (request.bytes == 0) break;
            answer(request, output);
            taken += request.bytes;
        }
        input.erase(0, taken);
        // Answers are far smaller than a socket's buffer; who does not read them is let go.
        const bool told = ::send(socket, output.data(), output.size(), MSG_NOSIGNAL) ==
                          static_cast<ssize_t>(output.size());
        if (got > 0 && told) return;
        inputs_.erase(socket);
        ::close(socket);
    }

    void answer(const Request& request, std::string& output) {
        if (request.line.starts_with("POST ")) {
            ++posts_;
            tally_->delivered(request.body);
            output += accepted;
            return;
        }
        const bool reset = request.line.find("/reset") != std::string_view::npos;
        if (reset) forget();
        auto figures = tally_->report({}, {});
        figures["posts"] = posts_;
        const std::string text = boost::json::serialize(figures);
        output += "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                  std::to_string(text.size()) + "\r\n\r\n" + text;
    }

    Options options_;
    const int epoll_;
    int listener_ = -1;
    std::vector<char> buffer_;
    std::map<int, std::string> inputs_;  // by socket: what came and is not whole yet
    std::optional<Tally> tally_;
    std::uint64_t posts_ = 0;
};

}  // namespace

}  // namespace penstock::load

int main() {
    penstock::load::Sink sink;
    if (!sink.listen()) {
        std::perror("push_sink");
        return 1;
    }
    while (true) sink.turn();
}

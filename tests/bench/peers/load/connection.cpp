#include "tests/bench/peers/load/connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace penstock::load {

namespace {

constexpr std::size_t kept_bytes = 64 * 1024;  // taken input that is not yet worth moving the rest

[[noreturn]] void break_off(const std::string& what) {
    throw Broken(what + ": " + std::strerror(errno));
}

}  // namespace

Connection::Connection(const Options& options, Listener& listener, Role role, int number)
    : options_(options), listener_(listener), number_(number), role_(role) {}

Connection::~Connection() {
    close();
}

void Connection::close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
}

void Connection::open(const Endpoint& to, int patience_ms) {
    close();
    input_.clear();
    output_.clear();
    taken_ = written_ = 0;
    pending.clear();
    first_tag = next_tag = 1;
    under_way = 0;
    waits_for_room = false;
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(to.port);
    if (::inet_pton(AF_INET, to.host.c_str(), &address.sin_addr) != 1)
        throw Broken("not an IPv4 address: " + to.host);
    const timeval patience{patience_ms / 1000, (patience_ms % 1000) * 1000};
    const int on = 1;
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    try {
        if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            break_off("connect to port " + std::to_string(to.port));
        greet();
        if (role_ == Role::consumer) consume();
        send_now();
    } catch (const Broken&) {
        close();
        throw;
    }
    block(false);
}

void Connection::declare() {
    block(true);
    create();
    block(false);
}

void Connection::tell_leader() {
    block(true);
    find_leader();
    block(false);
}

void Connection::block(bool wanted) {
    const int flags = ::fcntl(socket_, F_GETFL);
    ::fcntl(socket_, F_SETFL, wanted ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

bool Connection::flush() {
    while (has_output()) {
        const ssize_t sent =
            ::send(socket_, output_.data() + written_, output_.size() - written_, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return false;
        if (sent <= 0) break_off("send");
        written_ += static_cast<std::size_t>(sent);
    }
    output_.clear();
    written_ = 0;
    return true;
}

void Connection::send_now() {
    if (!flush()) throw Broken("send: it takes nothing");
}

void Connection::read_more() {
    std::array<char, kept_bytes> buffer;
    const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (got == 0) throw Broken("the other side ended the connection");
    if (got < 0 && errno == EAGAIN) throw Broken("no answer in time");
    if (got < 0) break_off("receive");
    input_.append(buffer.data(), static_cast<std::size_t>(got));
}

void Connection::need(std::size_t bytes) {
    while (unread().size() < bytes) read_more();
}

std::string Connection::line() {
    while (true) {
        const auto end = unread().find("\r\n");
        if (end != std::string_view::npos) {
            std::string found(unread().substr(0, end));
            skip(end + 2);
            return found;
        }
        read_more();
    }
}

void Connection::forget_taken() {
    if (taken_ == input_.size()) {
        input_.clear();
        taken_ = 0;
    } else if (taken_ > kept_bytes) {
        input_.erase(0, taken_);
        taken_ = 0;
    }
}

std::string Connection::queue() const {
    return queue(options_.fan > 0 ? number_ : 0);
}

std::string Connection::queue(int number) const {
    if (!options_.queues.empty())
        return options_.queues[static_cast<std::size_t>(number) % options_.queues.size()];
    return options_.fan > 0 ? options_.object + "." + std::to_string(number) : options_.object;
}

}  // namespace penstock::load

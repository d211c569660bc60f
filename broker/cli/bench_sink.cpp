#include "broker/cli/bench_sink.h"

#include "broker/base/letters.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>

namespace penstock::cli {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t stamp_digits = 16;
constexpr std::size_t push_bytes_max = 17 * 1024 * 1024;
constexpr std::string_view accepted =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nOK";

// Bytes of a whole request once its head is there; 0 before. `body_at` is set with it.
std::size_t request_bytes(std::string_view seen, std::size_t& body_at) {
    const auto end = seen.find("\r\n\r\n");
    if (end == std::string_view::npos) return 0;
    body_at = end + 4;
    std::string_view head = seen.substr(0, end);
    while (!head.empty()) {
        const auto line_end = head.find("\r\n");
        const std::string_view line = head.substr(0, line_end);
        constexpr std::string_view name = "content-length:";
        if (line.size() > name.size() && same_letters(line.substr(0, name.size()), name)) {
            return body_at + std::strtoull(line.substr(name.size()).data(), nullptr, 10);
        }
        if (line_end == std::string_view::npos) break;
        head.remove_prefix(line_end + 2);
    }
    return body_at;
}

}  // namespace

std::string stamp_of(std::int64_t steady_us) {
    std::array<char, stamp_digits + 1> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(steady_us));
    return {text.data(), stamp_digits};
}

std::int64_t stamp_in(std::string_view body) {
    if (body.size() < stamp_digits) return -1;
    std::uint64_t value = 0;
    const char* end = body.data() + stamp_digits;
    const auto read = std::from_chars(body.data(), end, value, 16);
    if (read.ptr != end || read.ec != std::errc()) return -1;
    return static_cast<std::int64_t>(value);
}

class PushSink::Receiver {
  public:
    explicit Receiver(const Clock& clock) : clock_(clock), acceptor_(context_) {}

    Result<void> start() {
        error_code failure;
        const tcp::endpoint loopback(asio::ip::address_v4::loopback(), 0);
        acceptor_.open(loopback.protocol(), failure);
        if (!failure) acceptor_.bind(loopback, failure);
        if (!failure) acceptor_.listen(asio::socket_base::max_listen_connections, failure);
        if (failure)
            return error(Errc::unavailable, "the receiver cannot listen: " + failure.message());
        port_ = acceptor_.local_endpoint(failure).port();
        accept();
        thread_ = std::thread([this] { context_.run(); });
        return {};
    }

    void stop() {
        if (!thread_.joinable()) return;
        context_.stop();
        thread_.join();
    }

    ~Receiver() { stop(); }

    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

    std::uint16_t port_ = 0;
    std::atomic<std::int64_t> from_us_ = INT64_MAX;
    std::atomic<std::int64_t> to_us_ = 0;
    std::atomic<std::uint64_t> received_ = 0;
    Histogram latency_;
    std::uint64_t arrived_ = 0;

  private:
    // One connection; kept alive by its operation under way.
    struct Peer : std::enable_shared_from_this<Peer> {
        Peer(Receiver& owner, tcp::socket accepted_socket)
            : receiver(owner), socket(std::move(accepted_socket)), input(16 * 1024, '\0') {}

        void read() {
            if (filled == input.size()) {
                if (input.size() >= push_bytes_max) return;
                input.resize(input.size() * 2);
            }
            socket.async_read_some(
                asio::buffer(input.data() + filled, input.size() - filled),
                [self = shared_from_this()](const error_code& error, std::size_t bytes) {
                    if (!error) self->take(bytes);
                });
        }

        void take(std::size_t bytes) {
            filled += bytes;
            std::size_t body_at = 0;
            const std::size_t whole = request_bytes({input.data(), filled}, body_at);
            if (whole == 0 || filled < whole) return read();
            receiver.record({input.data() + body_at, whole - body_at});
            input.replace(0, filled - whole, input, whole, filled - whole);
            filled -= whole;
            asio::async_write(socket,
                              asio::buffer(accepted.data(), accepted.size()),
                              [self = shared_from_this()](const error_code& error, std::size_t) {
                                  if (!error) self->filled == 0 ? self->read() : self->take(0);
                              });
        }

        Receiver& receiver;
        tcp::socket socket;
        std::string input;
        std::size_t filled = 0;
    };

    void accept() {
        acceptor_.async_accept([this](const error_code& failure, tcp::socket socket) {
            if (failure) return;
            error_code ignored;
            socket.set_option(tcp::no_delay(true), ignored);
            std::make_shared<Peer>(*this, std::move(socket))->read();
            accept();
        });
    }

    void record(std::string_view body) {
        const std::int64_t now_us = clock_.steady_us();
        const std::int64_t published_us = stamp_in(body);
        received_.fetch_add(1, std::memory_order_relaxed);
        const std::int64_t from_us = from_us_.load(std::memory_order_relaxed);
        const std::int64_t to_us = to_us_.load(std::memory_order_relaxed);
        if (now_us >= from_us && now_us <= to_us) ++arrived_;
        if (published_us < from_us || published_us > to_us) return;
        latency_.record(static_cast<std::uint64_t>(now_us - published_us));
    }

    const Clock& clock_;
    asio::io_context context_{1};
    tcp::acceptor acceptor_;
    std::thread thread_;
};

PushSink::PushSink(const Clock& clock) : receiver_(std::make_unique<Receiver>(clock)) {}

PushSink::~PushSink() = default;

Result<void> PushSink::start() {
    return receiver_->start();
}

std::string PushSink::url() const {
    return "http://127.0.0.1:" + std::to_string(receiver_->port_) + "/push";
}

void PushSink::measure(std::int64_t from_us, std::int64_t to_us) {
    receiver_->to_us_.store(to_us, std::memory_order_relaxed);
    receiver_->from_us_.store(from_us, std::memory_order_relaxed);
}

std::uint64_t PushSink::received() const {
    return receiver_->received_.load(std::memory_order_relaxed);
}

void PushSink::stop() {
    receiver_->stop();
}

const Histogram& PushSink::latency() const {
    return receiver_->latency_;
}

std::uint64_t PushSink::arrived() const {
    return receiver_->arrived_;
}

}  // namespace penstock::cli

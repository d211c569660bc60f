// push_bench: how many deliveries a second one dispatcher thread pushes to a trivial HTTP server on
// loopback, through scheduler, HTTP sink and client. Not a test: it prints figures.
//
//   push_bench [deliveries] [payload bytes] [concurrency]
#include "dispatcher/dispatcher.h"
#include "sinks/http/http_sink.h"
#include "tests/bench/argument.h"
#include "tests/support/fake_dispatch.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace penstock {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// Answers every request whose head and body have come. All requests of a run are of one kind.
class TrivialPeer : public std::enable_shared_from_this<TrivialPeer> {
  public:
    explicit TrivialPeer(tcp::socket socket) : socket_(std::move(socket)) {
        socket_.set_option(tcp::no_delay(true));
    }

    void read() {
        socket_.async_read_some(
            asio::buffer(chunk_),
            [self = shared_from_this()](boost::system::error_code ec, std::size_t bytes) {
                if (!ec) self->on_read(bytes);
            });
    }

  private:
    void on_read(std::size_t bytes) {
        received_.append(chunk_.data(), bytes);
        unsigned whole = 0;
        for (std::size_t length = request_length(); length > 0 && received_.size() >= length;
             length = request_length()) {
            received_.erase(0, length);
            ++whole;
        }
        answer_.clear();
        for (unsigned at = 0; at < whole; ++at) {
            answer_ += "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        }
        if (whole == 0) return read();
        asio::async_write(socket_,
                          asio::buffer(answer_),
                          [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                              if (!ec) self->read();
                          });
    }

    // Head and body of the first request; 0 while its head is not whole.
    [[nodiscard]] std::size_t request_length() const {
        const std::size_t head = received_.find("\r\n\r\n");
        if (head == std::string::npos) return 0;
        const std::string_view name = "Content-Length: ";
        const std::size_t at = received_.find(name);
        return head + 4 + std::strtoul(&received_[at + name.size()], nullptr, 10);
    }

    tcp::socket socket_;
    std::array<char, 16 * 1024> chunk_{};
    std::string received_;
    std::string answer_;
};

class TrivialServer {
  public:
    explicit TrivialServer(asio::io_context& context)
        : acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
        accept();
    }

    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  private:
    void accept() {
        acceptor_.async_accept([this](boost::system::error_code ec, tcp::socket socket) {
            if (ec) return;
            std::make_shared<TrivialPeer>(std::move(socket))->read();
            accept();
        });
    }

    tcp::acceptor acceptor_;
};

double thread_cpu_s() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

int run(std::size_t deliveries, std::size_t payload_bytes, std::uint32_t concurrency) {
    asio::io_context server_context{1};
    const TrivialServer server(server_context);
    std::thread server_thread([&server_context]() { server_context.run(); });

    asio::io_context context{1};
    SystemClock clock;
    SystemRandom random;
    testing::FakeDispatch dispatch;
    dispatch.keep_settlements = false;
    sinks::http::HttpSinkOptions options;
    options.client.addresses = sinks::client::AddressPolicy::any;
    auto http = sinks::http::HttpSink::make(
        context.get_executor(),
        clock,
        random,
        std::make_unique<sinks::client::PoolResolver>(context.get_executor(), clock),
        options);
    sinks::Sinks sinks;
    sinks.emplace(model::SinkKind::http, std::move(*http));
    dispatcher::Dispatcher dispatcher(context.get_executor(), dispatch, std::move(sinks), clock);
    dispatcher.start();

    api::Target target;
    target.subscription = model::SubscriptionNo{1};
    target.topic = "orders";
    target.name = "bench";
    target.spec.endpoint = "http://127.0.0.1:" + std::to_string(server.port()) + "/hook";
    target.spec.concurrency = concurrency;
    dispatch.add(target);
    const std::string payload(payload_bytes, 'x');
    for (std::size_t at = 0; at < deliveries; ++at) {
        dispatch.publish(target.subscription, payload);
    }

    dispatch.on_settled = [&]() {
        if (dispatch.settled_items >= deliveries) context.stop();
    };
    const std::int64_t begun_us = clock.steady_us();
    const double cpu_begun = thread_cpu_s();
    context.run();
    const double seconds = static_cast<double>(clock.steady_us() - begun_us) / 1e6;
    const double cpu = thread_cpu_s() - cpu_begun;
    const auto count = static_cast<double>(deliveries);
    std::printf(
        "push deliveries=%zu payload_bytes=%zu concurrency=%u per_second=%.0f cpu_us=%.1f\n",
        deliveries,
        payload_bytes,
        concurrency,
        count / seconds,
        cpu * 1e6 / count);
    server_context.stop();
    server_thread.join();
    return 0;
}

}  // namespace
}  // namespace penstock

int main(int count, char** values) {
    return penstock::run(penstock::argument(count, values, 1, 200'000),
                         penstock::argument(count, values, 2, 1'024),
                         static_cast<std::uint32_t>(penstock::argument(count, values, 3, 64)));
}

// http2_bench: requests of one client thread to one TLS server on loopback, by HTTP/1.1 on kept
// connections or by HTTP/2, and a burst of them with no connection open yet. Not a test: it prints
// figures.
//
//   http2_bench [off|on|auto] [concurrency] [requests] [payload bytes]
#include "sinks/client/http_client.h"
#include "tests/bench/argument.h"
#include "tests/support/fake_resolver.h"
#include "tests/support/http2_server.h"
#include "tests/support/temp_folder.h"

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace penstock {
namespace {

namespace asio = boost::asio;
namespace client = sinks::client;

double thread_cpu_s() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// So many requests at a time until all are answered.
class ClosedLoop {
  public:
    ClosedLoop(client::HttpClient& http,
               const Clock& clock,
               const std::string& url,
               std::size_t bytes)
        : http_(http), clock_(clock), url_(*client::parse_url(url)), body_(bytes, 'x') {}

    void run(asio::io_context& context, std::size_t requests, std::size_t concurrency) {
        left_ = requests;
        latencies_us_.clear();
        const std::int64_t begun_us = clock_.steady_us();
        const double cpu_begun = thread_cpu_s();
        for (std::size_t at = 0; at < concurrency; ++at) send();
        context.restart();
        while (latencies_us_.size() < requests) context.run_one();
        seconds = static_cast<double>(clock_.steady_us() - begun_us) / 1e6;
        cpu_us = (thread_cpu_s() - cpu_begun) * 1e6 / static_cast<double>(requests);
        std::sort(latencies_us_.begin(), latencies_us_.end());
    }

    [[nodiscard]] std::int64_t latency_us(std::size_t percent) const {
        return latencies_us_[(latencies_us_.size() - 1) * percent / 100];
    }

    double seconds = 0;
    double cpu_us = 0;  // of the client's thread, each
    std::size_t connections = 0;
    std::size_t failed = 0;

  private:
    void send() {
        if (left_ == 0) return;
        left_ -= 1;
        client::Outgoing request;
        request.head =
            "POST /hook HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
            std::to_string(body_.size()) +
            "\r\nContent-Type: text/plain\r\nUser-Agent: Penstock\r\nx-cmq-request-id: " +
            std::to_string(14'534'664'555 + left_) +
            "\r\nx-cmq-message-id: " + std::to_string(288'230'376'151'711'744 + left_) +
            "\r\nx-cmq-message-tag: \r\n\r\n";
        request.body = body_;
        const std::int64_t begun_us = clock_.steady_us();
        http_.send(url_, std::move(request), [this, begun_us](const client::Exchange& exchange) {
            failed += exchange.answer.status == 200 ? 0 : 1;
            latencies_us_.push_back(clock_.steady_us() - begun_us);
            connections = std::max(connections, http_.connections());
            send();
        });
    }

    client::HttpClient& http_;
    const Clock& clock_;
    client::Url url_;
    std::string body_;
    std::size_t left_ = 0;
    std::vector<std::int64_t> latencies_us_;
};

client::Http2 mode_of(std::string_view name) {
    if (name == "on") return client::Http2::on;
    return name == "auto" ? client::Http2::busy : client::Http2::off;
}

int run(const std::string& mode, std::size_t concurrency, std::size_t requests, std::size_t bytes) {
    const auto authority = testing::TlsIdentity::authority("bench");
    asio::io_context server_context{1};
    testing::Http2Server server(server_context, authority.server("DNS:localhost"));
    server.conduct.on_request = [](testing::Http2Peer& peer, const testing::Http2Request& request) {
        peer.send(testing::http2::answer(request.stream, "200", "ok"));
    };
    std::thread server_thread([&server_context]() { server_context.run(); });

    testing::TempFolder folder;
    client::ClientOptions options;
    options.addresses = client::AddressPolicy::any;
    options.http2 = mode_of(mode);
    options.ca_file = folder.file("ca.pem");
    std::ofstream(options.ca_file) << authority.certificate_pem();
    asio::io_context context{1};
    SystemClock clock;
    testing::FakeResolver resolver(context.get_executor());
    resolver.names["localhost"] = {"127.0.0.1"};
    const auto http = std::move(
        *client::HttpClient::make(context.get_executor(), clock, resolver, std::move(options)));
    ClosedLoop loop(*http, clock, server.url(), bytes);

    loop.run(context, concurrency, concurrency);
    std::printf("burst mode=%s concurrency=%zu ms=%.1f cpu_us=%.0f connections=%zu\n",
                mode.c_str(),
                concurrency,
                loop.seconds * 1e3,
                loop.cpu_us,
                loop.connections);
    loop.run(context, requests, concurrency);
    std::printf(
        "steady mode=%s concurrency=%zu per_second=%.0f cpu_us=%.1f p50_us=%lld p99_us=%lld"
        " connections=%zu failed=%zu\n",
        mode.c_str(),
        concurrency,
        static_cast<double>(requests) / loop.seconds,
        loop.cpu_us,
        static_cast<long long>(loop.latency_us(50)),
        static_cast<long long>(loop.latency_us(99)),
        loop.connections,
        loop.failed);
    http->stop();
    server_context.stop();
    server_thread.join();
    return 0;
}

}  // namespace
}  // namespace penstock

int main(int count, char** values) {
    return penstock::run(count > 1 ? values[1] : "on",
                         penstock::argument(count, values, 2, 64),
                         penstock::argument(count, values, 3, 100'000),
                         penstock::argument(count, values, 4, 1'024));
}

// Listening: a listener on a free port before a front end that answers with what it was asked, and
// RawClient, which writes bytes as they are and waits a bounded time for what comes back.
#pragma once

#include "plugins/listener/server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <future>
#include <string>

namespace penstock::plugins {

// Answers "METHOD path?query [body]"; under /wait it waits to be cancelled.
class EchoFrontEnd final : public HttpFrontEnd {
  public:
    [[nodiscard]] bool wants(const HttpRequest& request) const override {
        return !request.path.starts_with("/nobody");
    }

    asio::awaitable<HttpResponse> handle(HttpRequest request) override {
        ++asked;
        HttpResponse response;
        response.content_type = "text/plain";
        if (request.path == "/wait") co_await wait();
        if (request.path == "/throw") throw std::runtime_error("as asked");
        if (request.path == "/large") response.body.assign(3'000'000, 'x');
        if (request.path.starts_with("/stream")) {
            response.stream = std::make_shared<Pieces>(*this, request.path);
            co_return response;
        }
        if (request.path == "/split") response.headers.emplace_back("X-A", "b\r\nX-Evil: c");
        response.body += request.method + " " + request.path + "?" + request.query + " [" +
                         request.body + "]" + (request.secure ? " secure" : "");
        co_return response;
    }

    [[nodiscard]] std::optional<HttpResponse> refuse(const HttpRequest& request,
                                                     unsigned status) override {
        if (!request.path.starts_with("/own")) return std::nullopt;
        HttpResponse response;
        response.body = "own words for " + std::to_string(status);
        return response;
    }

    std::atomic<int> asked{0};
    std::atomic<int> waiting{0};
    std::atomic<int> cancelled{0};

  private:
    // "one", "three" and the end; or, after "one", nothing that ends by itself.
    class Pieces final : public HttpStream {
      public:
        Pieces(EchoFrontEnd& front_end, std::string path)
            : front_end_(front_end), path_(std::move(path)) {}

        asio::awaitable<std::string> next() override {
            if (path_ == "/stream/flood") co_return std::string(1'000'000, 'x');
            if (++pieces_ == 1) co_return "one";
            if (path_ == "/stream/endless") co_await front_end_.wait();
            co_return pieces_ == 2 && path_ == "/stream" ? "three" : "";
        }

      private:
        EchoFrontEnd& front_end_;
        std::string path_;
        int pieces_ = 0;
    };

    asio::awaitable<void> wait() {
        const auto executor = co_await asio::this_coro::executor;
        asio::steady_timer timer(executor, std::chrono::seconds(60));
        ++waiting;
        const auto [failed] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        if (failed) ++cancelled;
    }
};

class RawClient {
  public:
    explicit RawClient(std::uint16_t port) : socket_(context_) {
        socket_.connect({asio::ip::make_address("127.0.0.1"), port});
    }

    // False when the other side no longer takes bytes.
    bool send(const std::string& bytes) {
        boost::system::error_code failed;
        asio::write(socket_, asio::buffer(bytes), failed);
        return !failed;
    }

    // Reads until `count` bytes lie there, `text` was seen, or the other side closes.
    std::string read_until(const std::string& text) {
        while (received_.find(text) == std::string::npos && more()) {
        }
        const auto end = received_.find(text);
        const auto length = end == std::string::npos ? received_.size() : end + text.size();
        std::string out = received_.substr(0, length);
        received_.erase(0, length);
        return out;
    }

    // Everything until the other side closes.
    std::string read_all() {
        while (more()) {
        }
        return std::exchange(received_, {});
    }

    [[nodiscard]] bool closed() const { return closed_; }

    void shut_down() { socket_.shutdown(asio::socket_base::shutdown_send); }

    void close() { socket_.close(); }

  private:
    bool more() {
        pollfd polled{socket_.native_handle(), POLLIN, 0};
        if (closed_ || ::poll(&polled, 1, 5000) <= 0) return false;
        std::array<char, 65'536> bytes{};
        boost::system::error_code failed;
        const auto count = socket_.read_some(asio::buffer(bytes), failed);
        received_.append(bytes.data(), count);
        closed_ = static_cast<bool>(failed);
        return !closed_;
    }

    asio::io_context context_;
    asio::ip::tcp::socket socket_;
    std::string received_;
    bool closed_ = false;
};

class Listening : public ::testing::Test {
  protected:
    ~Listening() override { pool.stop(); }

    void start(HttpServerOptions options = {}) {
        options.port = 0;
        auto started = HttpServer::start(std::move(options), pool, clock, {&front_end});
        ASSERT_TRUE(started.has_value()) << started.error().detail;
        server = std::move(*started);
    }

    RawClient connect() { return RawClient(server->port()); }

    // One request on its own connection: all that comes back.
    std::string exchange(const std::string& bytes) {
        RawClient client(server->port());
        client.send(bytes);
        return client.read_all();
    }

    // True when `holds()` became true within five seconds.
    template <class Predicate>
    static bool eventually(Predicate holds) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        while (!holds()) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::yield();
        }
        return true;
    }

    SystemClock clock;
    EchoFrontEnd front_end;
    IoPool pool{2};
    std::unique_ptr<HttpServer> server;
};

inline std::string status_of(const std::string& response) {
    return response.substr(0, response.find("\r\n"));
}

inline std::string body_of(const std::string& response) {
    const auto end = response.find("\r\n\r\n");
    return end == std::string::npos ? "" : response.substr(end + 4);
}

}  // namespace penstock::plugins

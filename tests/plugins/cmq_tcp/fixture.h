// Serving: CMQ over TCP on a free port before a broker that the test answers by hand, and Caller,
// which writes frames and waits a bounded time for what comes back.
#pragma once

#include "broker/api/signature.h"
#include "plugins/cmq_tcp/reply.h"
#include "plugins/cmq_tcp/request.h"
#include "plugins/cmq_tcp/server.h"
#include "plugins/cmq_tcp/wire.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace penstock::plugins::cmq_tcp {

// Keeps what it is asked until the test answers; any thread.
class HandBroker final : public api::Broker {
  public:
    struct Asked {
        api::Principal principal;
        api::Request request;
        asio::any_io_executor executor;
        Answer answer;
    };

    std::shared_ptr<api::Cancellation> call(const api::Principal& principal,
                                            api::Request request,
                                            asio::any_io_executor executor,
                                            Answer answer) override {
        const std::lock_guard lock(mutex_);
        asked_.push_back({principal, std::move(request), std::move(executor), std::move(answer)});
        return std::make_shared<Cancelled>(*this);
    }

    [[nodiscard]] std::optional<api::AccessKey> key_of(std::string_view key_id) const override {
        if (key_id != "AKIDdemo0001" || key_gone) return std::nullopt;
        return api::AccessKey{"demoSecretKey0001", true};
    }

    [[nodiscard]] bool ready() const override { return true; }

    // Waits for the next request of kind R; requests of other kinds wait on.
    template <class R>
    std::optional<Asked> next() {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        while (std::chrono::steady_clock::now() < end) {
            {
                const std::lock_guard lock(mutex_);
                for (auto at = asked_.begin(); at != asked_.end(); ++at) {
                    if (!std::holds_alternative<R>(at->request)) continue;
                    Asked found = std::move(*at);
                    asked_.erase(at);
                    return found;
                }
            }
            std::this_thread::yield();
        }
        return std::nullopt;
    }

    template <class R>
    static void answer(const Asked& asked, api::Outcome<typename R::Reply> outcome) {
        asio::post(asked.executor, [answer = asked.answer, outcome = std::move(outcome)] {
            answer(std::any(outcome));
        });
    }

    [[nodiscard]] std::size_t waiting() const {
        const std::lock_guard lock(mutex_);
        return asked_.size();
    }

    void drop() {
        const std::lock_guard lock(mutex_);
        asked_.clear();
    }

    std::atomic<int> cancelled{0};
    std::atomic<bool> key_gone{false};

  private:
    class Cancelled final : public api::Cancellation {
      public:
        explicit Cancelled(HandBroker& broker) : broker_(broker) {}

        void cancel() override { ++broker_.cancelled; }

      private:
        HandBroker& broker_;
    };

    mutable std::mutex mutex_;
    std::vector<Asked> asked_;
};

class Caller {
  public:
    explicit Caller(std::uint16_t port) {
        socket_->connect({asio::ip::make_address("127.0.0.1"), port});
    }

    // Under TLS; throws when the server does not speak it.
    Caller(std::uint16_t port, asio::ssl::context& trusted) : Caller(port) {
        tls_ = std::make_unique<Tls>(*socket_, trusted);
        tls_->handshake(Tls::client);
    }

    // False when the other side no longer takes bytes.
    bool send(const std::string& bytes) {
        boost::system::error_code failed;
        if (tls_) {
            asio::write(*tls_, asio::buffer(bytes), failed);
        } else {
            asio::write(*socket_, asio::buffer(bytes), failed);
        }
        return !failed;
    }

    template <class Fields>
    static std::string frame(std::int64_t seqno, Command command, Fields fields) {
        Request request;
        request.seqno = seqno;
        request.command = static_cast<std::int32_t>(command);
        request.fields = std::move(fields);
        std::string out;
        append_request(out, request);
        return out;
    }

    // The next reply; one with result -1: none came in time, or the connection ended.
    Reply reply() {
        while (true) {
            const Frame frame = first_frame(received_, 1U << 24U);
            if (frame.state == Frame::State::whole) {
                auto read = decode_reply(frame.payload);
                received_.erase(0, frame.bytes);
                if (read) return *read;
            }
            if (frame.state != Frame::State::partial || !more()) break;
        }
        Reply none;
        none.result = -1;
        return none;
    }

    // As authenticate's reply is seen.
    Reply greet(const std::string& secret = "demoSecretKey0001") {
        const std::string signature =
            api::sign(api::SignatureMethod::hmac_sha256, secret, "127.0.0.1@testAKIDdemo0001");
        send(frame(1,
                   Command::authenticate,
                   Authenticate{"AKIDdemo0001", signature, "127.0.0.1@test", "HmacSHA256"}));
        return reply();
    }

    // True when the other side closes, whatever it sends before.
    bool ends() {
        while (more()) {
        }
        return closed_;
    }

    void close() { socket_->close(); }

  private:
    using Tls = asio::ssl::stream<asio::ip::tcp::socket&>;

    bool more() {
        pollfd polled{socket_->native_handle(), POLLIN, 0};
        // Records that came with one before wait in the stream, deciphered or not.
        const bool here = tls_ && (::SSL_has_pending(tls_->native_handle()) == 1 ||
                                   ::BIO_ctrl_pending(::SSL_get_rbio(tls_->native_handle())) > 0);
        if (closed_ || (!here && ::poll(&polled, 1, 5000) <= 0)) return false;
        std::array<char, 65'536> bytes{};
        boost::system::error_code failed;
        const auto count = tls_ ? tls_->read_some(asio::buffer(bytes), failed)
                                : socket_->read_some(asio::buffer(bytes), failed);
        received_.append(bytes.data(), count);
        closed_ = static_cast<bool>(failed);
        return !closed_;
    }

    std::unique_ptr<asio::io_context> context_ = std::make_unique<asio::io_context>();
    std::unique_ptr<asio::ip::tcp::socket> socket_ =
        std::make_unique<asio::ip::tcp::socket>(*context_);
    std::unique_ptr<Tls> tls_;  // nullptr: in the clear
    std::string received_;
    bool closed_ = false;
};

class Serving : public ::testing::Test {
  protected:
    // Sessions end before the threads' contexts do.
    ~Serving() override {
        pool.stop();
        broker.drop();
    }

    void start(TcpLimits limits = {}, const ServerTls* tls = nullptr) {
        TcpServerOptions options;
        options.port = 0;
        options.limits = limits;
        options.tls = tls;
        auto bound = TcpServer::bind(std::move(options), pool, clock);
        ASSERT_TRUE(bound.has_value()) << bound.error().detail;
        server = std::move(*bound);
        server->serve(broker);
    }

    // A connection whose key is accepted.
    Caller greeted() {
        Caller caller(server->port());
        EXPECT_EQ(caller.greet().result, 0);
        return caller;
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
    HandBroker broker;
    IoPool pool{2};
    std::unique_ptr<TcpServer> server;
};

}  // namespace penstock::plugins::cmq_tcp

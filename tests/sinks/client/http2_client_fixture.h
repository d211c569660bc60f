// Http2ClientTest: a client that offers HTTP/2 and trusts the test's authority.
#pragma once

#include "sinks/client/http_client.h"
#include "tests/support/fake_resolver.h"
#include "tests/support/http2_server.h"
#include "tests/support/run_until.h"
#include "tests/support/temp_folder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks::client {

using testing::Http2Frame;
using testing::Http2Peer;
using testing::Http2Request;
using testing::Http2Server;
namespace http2 = testing::http2;

class Http2ClientTest : public ::testing::Test {
  protected:
    Http2ClientTest() {
        resolver_.names["localhost"] = {"127.0.0.1"};
        std::ofstream(options_.ca_file) << authority_.certificate_pem();
        open();
    }

    // Starts anew with the options as they are.
    void open() {
        client_ =
            std::move(*HttpClient::make(context_.get_executor(), clock_, resolver_, options_));
    }

    // Sends a request; its end comes into ends_ at the place that is given back.
    std::size_t send(const std::string& url,
                     std::uint32_t timeout_ms = 5'000,
                     const std::string& path = "/hook") {
        return send(*parse_url(url), timeout_ms, path);
    }

    std::size_t send(const Url& url, std::uint32_t timeout_ms, const std::string& path) {
        Outgoing request;
        request.head = "POST " + path +
                       " HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n"
                       "Content-Length: 5\r\nX-Case: Kept\r\n\r\n";
        request.body = "hello";
        request.timeout_ms = timeout_ms;
        const std::size_t place = ends_.size();
        ends_.emplace_back();
        client_->send(url, std::move(request), [this, place](Exchange exchange) {
            ends_[place] = std::move(exchange);
            ended_ += 1;
        });
        return place;
    }

    void send_many(const std::string& url, std::size_t count, std::uint32_t timeout_ms = 5'000) {
        for (std::size_t at = 0; at < count; ++at) send(url, timeout_ms);
    }

    void run_to_end() {
        EXPECT_TRUE(testing::run_until(context_, [this]() { return ended_ == ends_.size(); }));
    }

    Exchange push(const std::string& url, std::uint32_t timeout_ms = 5'000) {
        const std::size_t place = send(url, timeout_ms);
        run_to_end();
        return ends_[place];
    }

    // The first one that ends takes the client along.
    void send_five_and_end(const std::string& url, std::uint32_t timeout_ms) {
        for (int at = 0; at < 5; ++at) {
            Outgoing request;
            request.head = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
            request.timeout_ms = timeout_ms;
            client_->send(*parse_url(url), std::move(request), [this](const Exchange&) {
                ended_ += 1;
                client_.reset();
            });
        }
        EXPECT_TRUE(testing::run_until(context_, [this]() { return ended_ > 0; }));
        context_.poll();
        EXPECT_EQ(ended_, 1U);
    }

    [[nodiscard]] std::size_t count(Ending ending) const {
        return static_cast<std::size_t>(
            std::count_if(ends_.begin(), ends_.end(), [ending](const Exchange& exchange) {
                return exchange.ending == ending;
            }));
    }

    static ClientOptions options(const std::string& ca_file) {
        ClientOptions made;
        made.addresses = AddressPolicy::any;
        made.http2 = Http2::on;
        made.ca_file = ca_file;
        return made;
    }

    testing::TempFolder folder_;
    testing::TlsIdentity authority_ = testing::TlsIdentity::authority("test authority");
    testing::TlsIdentity identity_ = authority_.server("DNS:localhost");
    ClientOptions options_ = options(folder_.file("ca.pem"));
    asio::io_context context_{1};
    SystemClock clock_;
    testing::FakeResolver resolver_{context_.get_executor()};
    std::unique_ptr<HttpClient> client_;
    std::vector<Exchange> ends_;
    std::size_t ended_ = 0;
};

}  // namespace penstock::sinks::client

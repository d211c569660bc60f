// A name with several addresses of which one lets every connection wait.
#include "sinks/client/http_client.h"
#include "tests/support/fake_resolver.h"
#include "tests/support/run_until.h"
#include "tests/support/scripted_server.h"

#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace penstock::sinks::client {
namespace {

using testing::ScriptedServer;
using tcp = asio::ip::tcp;

constexpr const char* silent_text = "127.0.0.2";

// A listener that takes nobody in and whose queue is full: the kernel answers no knock.
class SilentListener {
  public:
    SilentListener(asio::io_context& context, std::uint16_t port)
        : acceptor_(context), crowd_{tcp::socket(context), tcp::socket(context)} {
        const tcp::endpoint door(asio::ip::make_address(silent_text), port);
        acceptor_.open(tcp::v4());
        acceptor_.bind(door);
        acceptor_.listen(0);
        for (tcp::socket& one : crowd_) {
            one.async_connect(door, [](const boost::system::error_code&) {});
        }
    }

  private:
    tcp::acceptor acceptor_;
    std::array<tcp::socket, 2> crowd_;
};

class SilentAddressTest : public ::testing::Test {
  protected:
    SilentAddressTest() {
        ClientOptions options;
        options.addresses = AddressPolicy::any;
        options.connect_ms_max = 1'000;
        client_ = std::move(
            *HttpClient::make(context_.get_executor(), clock_, resolver_, std::move(options)));
        resolver_.names["both.test"] = {silent_text, "127.0.0.1"};
        resolver_.names["silent.test"] = {silent_text};
    }

    Exchange get(const std::string& host, std::uint32_t timeout_ms) {
        const Url url = *parse_url("http://" + host + ":" + std::to_string(server_.port()) + "/");
        Outgoing request;
        request.head = "GET / HTTP/1.1\r\nHost: " + url.authority + "\r\n\r\n";
        request.timeout_ms = timeout_ms;
        std::optional<Exchange> ended;
        client_->send(
            url, std::move(request), [&ended](Exchange exchange) { ended = std::move(exchange); });
        EXPECT_TRUE(testing::run_until(context_, [&ended]() { return ended.has_value(); }));
        return ended.value_or(Exchange{});
    }

    asio::io_context context_{1};
    SystemClock clock_;
    testing::FakeResolver resolver_{context_.get_executor()};
    std::unique_ptr<HttpClient> client_;
    // Each request needs a connection of its own.
    ScriptedServer server_{
        context_,
        {testing::always("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")}};
    SilentListener silent_{context_, server_.port()};
};

TEST_F(SilentAddressTest, LeavesTimeForTheNextAndIsTriedLastFromThenOn) {
    EXPECT_EQ(get("both.test", 5'000).ending, Ending::answered);
    // Too short a time for the silent one first.
    EXPECT_EQ(get("both.test", 400).ending, Ending::answered);
}

TEST_F(SilentAddressTest, IsATimeoutWhereThereIsNoOther) {
    EXPECT_EQ(get("silent.test", 100).ending, Ending::timeout);
}

}  // namespace
}  // namespace penstock::sinks::client

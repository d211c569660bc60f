// ConnectProxy: an HTTP proxy on loopback that opens tunnels by CONNECT and leads every one of them
// to 127.0.0.1 and the port that was asked for, or refuses. Lives on the test's io_context; wholly
// used on its thread; the context does not run after its end.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

namespace asio = boost::asio;

class ConnectProxy {
  public:
    using tcp = asio::ip::tcp;

    explicit ConnectProxy(asio::io_context& context)
        : acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
        asio::co_spawn(context, accept(), ignore);
    }

    [[nodiscard]] std::string url() const {
        return "http://proxy.test:" + std::to_string(acceptor_.local_endpoint().port());
    }

    std::string refusal;             // its answer instead of a tunnel; empty: none
    std::vector<std::string> asked;  // first lines, "CONNECT 192.0.2.1:443 HTTP/1.1"

  private:
    using Peer = std::shared_ptr<tcp::socket>;

    static void ignore(std::exception_ptr) {}  // either side goes when it likes

    asio::awaitable<void> accept() {
        for (;;) {
            auto client =
                std::make_shared<tcp::socket>(co_await acceptor_.async_accept(asio::use_awaitable));
            asio::co_spawn(acceptor_.get_executor(), serve(std::move(client)), ignore);
        }
    }

    asio::awaitable<void> serve(Peer client) {
        std::string head;
        co_await asio::async_read_until(
            *client, asio::dynamic_buffer(head), "\r\n\r\n", asio::use_awaitable);
        asked.push_back(head.substr(0, head.find("\r\n")));
        if (!refusal.empty()) {
            co_await asio::async_write(*client, asio::buffer(refusal), asio::use_awaitable);
            co_return;
        }
        const std::string& line = asked.back();
        const std::string port = line.substr(line.find(':') + 1);
        auto server = std::make_shared<tcp::socket>(acceptor_.get_executor());
        const tcp::endpoint here(asio::ip::address_v4::loopback(),
                                 static_cast<std::uint16_t>(std::stoul(port)));
        co_await server->async_connect(here, asio::use_awaitable);
        const std::string answer = "HTTP/1.1 200 Connection established\r\n\r\n";
        co_await asio::async_write(*client, asio::buffer(answer), asio::use_awaitable);
        asio::co_spawn(acceptor_.get_executor(), pump(client, server), ignore);
        co_await pump(server, client);
    }

    // Until one side has ended; then neither goes on.
    static asio::awaitable<void> pump(Peer from, Peer to) {
        std::array<char, 16 * 1024> chunk{};
        boost::system::error_code ec;
        while (!ec) {
            const std::size_t bytes = co_await from->async_read_some(
                asio::buffer(chunk), asio::redirect_error(asio::use_awaitable, ec));
            if (ec) break;
            co_await asio::async_write(
                *to, asio::buffer(chunk, bytes), asio::redirect_error(asio::use_awaitable, ec));
        }
        boost::system::error_code ignored;
        from->close(ignored);
        to->close(ignored);
    }

    tcp::acceptor acceptor_;
};

}  // namespace penstock::testing

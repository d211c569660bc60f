// ScriptedServer: a TCP server on loopback that does to its clients what a script says, rightly or
// wrongly. Each connection follows the next script, the last one serving all that come later. Lives
// on the test's io_context; wholly used on its thread; the context does not run after its end.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::testing {

namespace asio = boost::asio;

struct Step {
    enum class Kind {
        read,    // one whole request
        peek,    // only its first byte
        send,    // `text`
        drip,    // `text` byte by byte, `pause` between, again and again
        flood,   // `text` again and again
        pause,   // for `pause`
        reset,   // RST
        close,   // FIN
        hang,    // nothing, until the client goes
        repeat,  // from the first step
    };

    Kind kind = Kind::hang;
    std::string text;
    std::chrono::milliseconds pause{0};
};

using Script = std::vector<Step>;

inline Step step(Step::Kind kind, std::string text = {}, int pause_ms = 0) {
    return Step{kind, std::move(text), std::chrono::milliseconds(pause_ms)};
}

// Reads each request and answers it with `text`, for ever.
inline Script always(const std::string& text) {
    return {step(Step::Kind::read), step(Step::Kind::send, text), step(Step::Kind::repeat)};
}

inline const std::string ok_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class ScriptedServer {
  public:
    using tcp = asio::ip::tcp;

    ScriptedServer(asio::io_context& context, std::vector<Script> scripts)
        : scripts_(std::move(scripts)),
          acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
        asio::co_spawn(context, accept(), report);
    }

    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

    [[nodiscard]] std::string url(const std::string& path = "/hook") const {
        return "http://127.0.0.1:" + std::to_string(port()) + path;
    }

    std::vector<std::string> requests;  // as they came, head and body
    unsigned connections = 0;

  private:
    struct Peer {
        explicit Peer(tcp::socket accepted) : socket(std::move(accepted)) {}

        tcp::socket socket;
        std::string received;
    };

    static void report(std::exception_ptr failed) {
        try {
            if (failed) std::rethrow_exception(failed);
        } catch (const boost::system::system_error&) {
            // The client went away: for a hostile server that is the normal end.
        }
    }

    asio::awaitable<void> accept() {
        for (;;) {
            tcp::socket socket = co_await acceptor_.async_accept(asio::use_awaitable);
            const std::size_t number = connections++;
            auto peer = std::make_shared<Peer>(std::move(socket));
            const Script& script = scripts_[std::min(number, scripts_.size() - 1)];
            asio::co_spawn(acceptor_.get_executor(), serve(peer, script), report);
        }
    }

    asio::awaitable<void> serve(std::shared_ptr<Peer> peer, const Script& script) {
        for (std::size_t at = 0; at < script.size(); ++at) {
            if (script[at].kind == Step::Kind::repeat) {
                at = static_cast<std::size_t>(-1);
                continue;
            }
            co_await perform(*peer, script[at]);
        }
    }

    asio::awaitable<void> perform(Peer& peer, const Step& next) {
        switch (next.kind) {
            case Step::Kind::read:
                co_await read(peer);
                break;
            case Step::Kind::peek:
                co_await peer.socket.async_wait(tcp::socket::wait_read, asio::use_awaitable);
                break;
            case Step::Kind::send:
                co_await send(peer, next.text);
                break;
            case Step::Kind::drip:
                co_await drip(peer, next);
                break;
            case Step::Kind::flood:
                for (;;) co_await send(peer, next.text);
            case Step::Kind::pause:
                co_await wait(next.pause);
                break;
            case Step::Kind::reset:
                peer.socket.set_option(asio::socket_base::linger(true, 0));
                peer.socket.close();
                break;
            case Step::Kind::close:
                peer.socket.shutdown(tcp::socket::shutdown_send);
                break;
            case Step::Kind::hang:
                co_await drain(peer);
                break;
            case Step::Kind::repeat:
                break;
        }
    }

    asio::awaitable<void> read(Peer& peer) {
        auto buffer = asio::dynamic_buffer(peer.received);
        const std::size_t head =
            co_await asio::async_read_until(peer.socket, buffer, "\r\n\r\n", asio::use_awaitable);
        const std::size_t whole = head + content_length(peer.received.substr(0, head));
        if (peer.received.size() < whole) {
            const auto missing = asio::transfer_at_least(whole - peer.received.size());
            co_await asio::async_read(peer.socket, buffer, missing, asio::use_awaitable);
        }
        requests.push_back(peer.received.substr(0, whole));
        peer.received.erase(0, whole);
    }

    static std::size_t content_length(const std::string& head) {
        const std::string_view name = "Content-Length: ";
        const std::size_t at = head.find(name);
        return at == std::string::npos ? 0 : std::strtoul(&head[at + name.size()], nullptr, 10);
    }

    static asio::awaitable<void> send(Peer& peer, std::string_view text) {
        co_await asio::async_write(peer.socket, asio::buffer(text), asio::use_awaitable);
    }

    asio::awaitable<void> drip(Peer& peer, const Step& next) {
        for (;;) {
            for (const char& byte : next.text) {
                co_await send(peer, std::string_view(&byte, 1));
                co_await wait(next.pause);
            }
        }
    }

    asio::awaitable<void> wait(std::chrono::milliseconds pause) {
        asio::steady_timer timer(acceptor_.get_executor());
        timer.expires_after(pause);
        co_await timer.async_wait(asio::use_awaitable);
    }

    static asio::awaitable<void> drain(Peer& peer) {
        std::string chunk(4096, '\0');
        for (;;) co_await peer.socket.async_read_some(asio::buffer(chunk), asio::use_awaitable);
    }

    std::vector<Script> scripts_;
    tcp::acceptor acceptor_;
};

}  // namespace penstock::testing

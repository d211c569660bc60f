// RuntimeClient: the other side of the runtime APIs, byte by byte: one connection of a program on
// the test's io_context. Wholly used on its thread.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace penstock::testing {

class RuntimeClient {
  public:
    RuntimeClient(boost::asio::io_context& context, std::uint16_t port)
        : peer_(std::make_shared<Peer>(context)) {
        peer_->socket.connect({boost::asio::ip::address_v4::loopback(), port});
        read(peer_);
    }

    ~RuntimeClient() { close(); }

    RuntimeClient(const RuntimeClient&) = delete;
    RuntimeClient& operator=(const RuntimeClient&) = delete;

    void get(const std::string& path) { send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n"); }

    void post(const std::string& path, const std::string& body, const std::string& headers = {}) {
        send("POST " + path + " HTTP/1.1\r\nHost: h\r\n" + headers +
             "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    }

    void send(const std::string& bytes) {
        auto kept = std::make_shared<std::string>(bytes);
        boost::asio::async_write(peer_->socket,
                                 boost::asio::buffer(*kept),
                                 [kept](const boost::system::error_code&, std::size_t) {});
    }

    void close() {
        boost::system::error_code ignored;
        peer_->socket.close(ignored);
    }

    // Answers that came, head and body each.
    [[nodiscard]] const std::vector<std::string>& answers() const { return peer_->answers; }

    [[nodiscard]] bool ended() const { return peer_->ended; }

  private:
    struct Peer {
        explicit Peer(boost::asio::io_context& context) : socket(context) {}

        boost::asio::ip::tcp::socket socket;
        std::string received;
        std::vector<std::string> answers;
        bool ended = false;
    };

    static void read(const std::shared_ptr<Peer>& peer) {
        const std::size_t old = peer->received.size();
        peer->received.resize(old + 64 * 1024);
        peer->socket.async_read_some(
            boost::asio::buffer(peer->received) + old,
            [peer, old](const boost::system::error_code& ec, std::size_t bytes) {
                peer->received.resize(old + bytes);
                peer->ended = peer->ended || ec.failed();
                if (ec) return;
                take(*peer);
                read(peer);
            });
    }

    static void take(Peer& peer) {
        for (;;) {
            const std::size_t head = peer.received.find("\r\n\r\n");
            if (head == std::string::npos) return;
            std::size_t length = 0;
            const std::size_t at = peer.received.find("Content-Length: ");
            if (at < head) length = std::strtoul(&peer.received[at + 16], nullptr, 10);
            if (peer.received.size() < head + 4 + length) return;
            peer.answers.push_back(peer.received.substr(0, head + 4 + length));
            peer.received.erase(0, head + 4 + length);
        }
    }

    std::shared_ptr<Peer> peer_;
};

}  // namespace penstock::testing

// RawSocket and RawNode: a caller at a node's port that does by hand what a node would do, or
// something else. Blocking, with a deadline on every wait; one test, its thread.
#pragma once

#include "broker/replication/transport/frame.h"
#include "broker/replication/transport/tls_peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::replication::transport {

class RawSocket {
  public:
    explicit RawSocket(std::uint16_t port) : handle_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const auto* there = reinterpret_cast<const sockaddr*>(&address);
        if (::connect(handle_, there, sizeof address) != 0)
            throw std::runtime_error("no connection to the node");
    }

    struct Accepted {
        int handle;
    };

    explicit RawSocket(Accepted accepted) : handle_(accepted.handle) {}

    ~RawSocket() { ::close(handle_); }

    RawSocket(const RawSocket&) = delete;
    RawSocket& operator=(const RawSocket&) = delete;

    // False: the other side is gone, or takes nothing for ten seconds.
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            if (!ready(POLLOUT)) return false;
            const auto sent = ::send(handle_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }

    // Some bytes; empty: the end, or nothing for ten seconds.
    std::string receive() {
        std::string bytes(64 * 1024, '\0');
        if (!ready(POLLIN)) return {};
        const auto got = ::recv(handle_, bytes.data(), bytes.size(), 0);
        bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return bytes;
    }

    // True when the other side ends the connection, whatever it sends before.
    bool ends() {
        while (ready(POLLIN)) {
            char byte = 0;
            if (::recv(handle_, &byte, 1, 0) <= 0) return true;
        }
        return false;
    }

  private:
    [[nodiscard]] bool ready(short events) const {
        pollfd polled{handle_, events, 0};
        return ::poll(&polled, 1, 10'000) == 1;
    }

    int handle_;
};

// A node without TLS that dials.
class RawNode {
  public:
    RawNode(std::uint16_t port, std::uint64_t id) : socket(port) {
        greeting.hello.cluster = "orders";
        greeting.hello.node = NodeId{id};
        greeting.hello.process = 1'000 + id;
        greeting.hello.peer_address = "127.0.0.1:1";
        greeting.hello.wall_ms = SystemClock().wall_ms();
        greeting.nonce = {id, id + 1};
    }

    void write(FrameKind kind, std::string_view head, std::string_view body = {}) {
        std::string bytes;
        encoder.append(bytes, kind, head, body);
        sent += bytes;
        socket.send(bytes);
    }

    // The next frame; false: the connection ended.
    bool read(Frame& frame) {
        for (;;) {
            std::string_view rest = unread;
            const auto state = decoder.feed(rest, frame);
            unread = std::string(rest);
            if (state == FrameDecoder::State::whole) return true;
            if (state != FrameDecoder::State::more) return false;
            unread = socket.receive();
            if (unread.empty()) return false;
        }
    }

    // Greetings in both directions; false: none came.
    bool greet() {
        write(FrameKind::hello, encode_greeting(greeting));
        Frame frame;
        if (!read(frame) || frame.kind != FrameKind::hello) return false;
        const auto theirs = decode_greeting(frame.payload);
        if (!theirs) return false;
        const auto conversation = conversation_of(greeting.nonce, theirs.value().nonce);
        encoder.begin_conversation(conversation);
        decoder.begin_conversation(conversation);
        return true;
    }

    // The whole way in.
    bool enter() {
        if (!greet()) return false;
        write(FrameKind::ready, {});
        Frame frame;
        return read(frame) && frame.kind == FrameKind::welcome;
    }

    RawSocket socket;
    Greeting greeting;
    FrameEncoder encoder;
    FrameDecoder decoder{frame_bytes_max + 8};
    std::string unread;
    std::string sent;  // everything, as an eavesdropper would have it
};

// A port at which a node without TLS is let in and then left alone.
class RawListener {
  public:
    RawListener() : handle_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto* here = reinterpret_cast<sockaddr*>(&address);
        if (::bind(handle_, here, length) != 0 || ::listen(handle_, 16) != 0 ||
            ::getsockname(handle_, here, &length) != 0)
            throw std::runtime_error("no port to listen at");
        port_ = ntohs(address.sin_port);
    }

    ~RawListener() { ::close(handle_); }

    RawListener(const RawListener&) = delete;
    RawListener& operator=(const RawListener&) = delete;

    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

    // Lets the three lanes of one node in, as node `id`, and keeps their connections open.
    bool welcome(std::uint64_t id) {
        for (std::size_t lane = 0; lane < lane_count; ++lane) {
            sockets_.push_back(std::make_unique<RawSocket>(
                RawSocket::Accepted{::accept(handle_, nullptr, nullptr)}));
            if (!welcome(*sockets_.back(), id)) return false;
        }
        return true;
    }

  private:
    static bool welcome(RawSocket& socket, std::uint64_t id) {
        Greeting greeting;
        greeting.hello.cluster = "orders";
        greeting.hello.node = NodeId{id};
        greeting.hello.process = 1;
        greeting.hello.wall_ms = SystemClock().wall_ms();
        FrameEncoder encoder;
        std::string bytes;
        encoder.append(bytes, FrameKind::hello, encode_greeting(greeting), {});
        socket.send(bytes);
        FrameDecoder decoder(greeting_bytes_max);
        const std::string came = socket.receive();
        std::string_view rest = came;
        Frame frame;
        if (decoder.feed(rest, frame) != FrameDecoder::State::whole) return false;
        const auto theirs = decode_greeting(frame.payload);
        if (!theirs) return false;
        encoder.begin_conversation(conversation_of(theirs.value().nonce, greeting.nonce));
        bytes.clear();
        encoder.append(bytes, FrameKind::welcome, {}, {});
        return socket.send(bytes);
    }

    int handle_;
    std::uint16_t port_ = 0;
    std::vector<std::unique_ptr<RawSocket>> sockets_;
};

}  // namespace penstock::replication::transport

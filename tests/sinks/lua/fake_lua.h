// FakeLua: penstock-lua as a test plays it: reads the frames of a process that an IdleLauncher
// recorded and answers as it is told. Lives on the test's io_context, wholly used on its thread.
#pragma once

#include "sinks/worker/protocol.h"
#include "tests/support/idle_launcher.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/write.hpp>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

class FakeLua {
  public:
    using Order = sinks::worker::Order;

    FakeLua(boost::asio::io_context& context, IdleLauncher::Started& process)
        : peer_(std::make_shared<Peer>(context, process)) {
        peer_->owner = this;
        read(peer_);
    }

    ~FakeLua() {
        peer_->owner = nullptr;
        boost::system::error_code ignored;
        peer_->input.close(ignored);
        peer_->output.close(ignored);
    }

    FakeLua(const FakeLua&) = delete;
    FakeLua& operator=(const FakeLua&) = delete;

    void say(const std::string& frame) {
        peer_->unsaid += frame + "\n";
        if (peer_->saying.empty()) write(peer_);
    }

    // Orders of one kind, in the order they came.
    [[nodiscard]] std::vector<Order> heard(Order::Kind kind) const {
        std::vector<Order> some;
        for (const Order& order : orders) {
            if (order.kind == kind) some.push_back(order);
        }
        return some;
    }

    std::vector<Order> orders;
    bool input_ended = false;
    bool deaf = false;  // reads nothing any more

    // What it does by itself; a script loads and an event succeeds unless told otherwise.
    std::function<void(const Order&)> on_script = [this](const Order& order) {
        say(R"({"type":"loaded","role":")" + order.script.role + R"(","version":)" +
            std::to_string(order.script.version) + "}");
    };
    std::function<void(const Order&)> on_event = [this](const Order& order) {
        say(R"({"id":")" + order.id + R"(","ok":true})");
    };

  private:
    struct Peer {
        Peer(boost::asio::io_context& context, const IdleLauncher::Started& process)
            : input(context, ::dup(process.files.at(0))),
              output(context, ::dup(process.files.at(1))) {}

        FakeLua* owner = nullptr;
        boost::asio::posix::stream_descriptor input;
        boost::asio::posix::stream_descriptor output;
        sinks::worker::FrameReader frames{sinks::worker::Framing::lines};
        std::string chunk = std::string(64 * 1024, '\0');
        std::string unsaid;
        std::string saying;  // being written
    };

    static void write(const std::shared_ptr<Peer>& peer) {
        peer->saying = std::exchange(peer->unsaid, {});
        boost::asio::async_write(peer->output,
                                 boost::asio::buffer(peer->saying),
                                 [peer](const boost::system::error_code& ec, std::size_t) {
                                     peer->saying.clear();
                                     if (!ec && !peer->unsaid.empty()) write(peer);
                                 });
    }

    static void read(const std::shared_ptr<Peer>& peer) {
        peer->input.async_read_some(boost::asio::buffer(peer->chunk),
                                    [peer](const boost::system::error_code& ec, std::size_t bytes) {
                                        if (peer->owner == nullptr) return;
                                        if (ec) {
                                            peer->owner->input_ended = true;
                                            return;
                                        }
                                        if (peer->frames.put({peer->chunk.data(), bytes}))
                                            peer->owner->take();
                                        if (!peer->owner->deaf) read(peer);
                                    });
    }

    void take() {
        while (const auto frame = peer_->frames.next()) {
            orders.push_back(sinks::worker::decode_order(*frame));
            const Order order = orders.back();
            if (order.kind == Order::Kind::script) on_script(order);
            if (order.kind == Order::Kind::event) on_event(order);
        }
    }

    std::shared_ptr<Peer> peer_;
};

}  // namespace penstock::testing

// CapturingProxy: stands between a node that dials and the node it means, passes everything on and
// keeps what the dialer sent. One connection; a thread of its own until stop().
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <thread>

namespace penstock::testing {

class CapturingProxy {
  public:
    explicit CapturingProxy(std::uint16_t target) : target_(target) {
        thread_ = std::thread([this] { run(); });
    }

    ~CapturingProxy() { stop(); }

    CapturingProxy(const CapturingProxy&) = delete;
    CapturingProxy& operator=(const CapturingProxy&) = delete;

    [[nodiscard]] std::string address() const {
        return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
    }

    // What the dialer sent, when both connections have ended.
    std::string stop() {
        context_.stop();
        if (thread_.joinable()) thread_.join();
        return captured_;
    }

  private:
    using tcp = boost::asio::ip::tcp;
    using Chunk = std::array<char, 16 * 1024>;

    void run() {
        acceptor_.async_accept(dialer_, [this](boost::system::error_code failed) {
            if (failed) return;
            const tcp::endpoint there(boost::asio::ip::address_v4::loopback(), target_);
            node_.connect(there, failed);
            if (failed) return;
            pass(dialer_, node_, from_dialer_, &captured_);
            pass(node_, dialer_, from_node_, nullptr);
        });
        context_.run();
    }

    void pass(tcp::socket& from, tcp::socket& to, Chunk& chunk, std::string* copy) {
        from.async_read_some(
            boost::asio::buffer(chunk),
            [this, &from, &to, &chunk, copy](boost::system::error_code failed, std::size_t bytes) {
                if (copy != nullptr) copy->append(chunk.data(), bytes);
                if (!failed) boost::asio::write(to, boost::asio::buffer(chunk, bytes), failed);
                if (!failed) pass(from, to, chunk, copy);
            });
    }

    std::uint16_t target_;
    boost::asio::io_context context_{1};
    tcp::acceptor acceptor_{context_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
    tcp::socket dialer_{context_};
    tcp::socket node_{context_};
    Chunk from_dialer_{};
    Chunk from_node_{};
    std::string captured_;
    std::thread thread_;
};

}  // namespace penstock::testing

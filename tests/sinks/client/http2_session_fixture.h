// Http2SessionTest: a session without a connection; the test is the server.
#pragma once

#include "sinks/client/http2_session.h"
#include "tests/support/http2_frames.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks::client {

namespace http2 = testing::http2;
using How = Http2Session::How;

inline constexpr std::string_view request_head =
    "POST /hook HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhe";
inline constexpr std::string_view request_rest = "llo";
inline constexpr std::size_t answer_max = 64;
inline constexpr std::size_t frame_head_bytes = 9;

struct Sent {
    std::uint8_t type = 0;
    std::uint8_t flags = 0;
    std::uint32_t stream = 0;
    std::string payload;
};

class Http2SessionTest : public ::testing::Test {
  protected:
    // Greeted by a server that says `settings` of itself.
    void greet(const std::vector<std::pair<http2::Setting, std::uint32_t>>& settings = {}) {
        sent();
        session_.receive(http2::settings_frame(settings));
        sent();
    }

    StreamId ask(std::string_view rest = request_rest, std::size_t most = answer_max) {
        const StreamId id = session_.start(request_head, rest, most);
        for (Sent& one : sent()) frames_.push_back(std::move(one));
        return id;
    }

    void receive(const std::string& bytes) {
        session_.receive(bytes);
        for (Sent& one : sent()) frames_.push_back(std::move(one));
    }

    // What ended, all of it.
    std::vector<Http2Session::Ended> ended() { return session_.take_ended(); }

    // The only one that ended.
    Http2Session::Ended end() {
        auto all = session_.take_ended();
        EXPECT_EQ(all.size(), 1U);
        return all.empty() ? Http2Session::Ended{} : std::move(all.front());
    }

    [[nodiscard]] std::size_t count_sent(std::uint8_t type, std::uint32_t stream) const {
        return static_cast<std::size_t>(
            std::count_if(frames_.begin(), frames_.end(), [=](const Sent& one) {
                return one.type == type && one.stream == stream;
            }));
    }

    Http2Session session_;
    std::vector<Sent> frames_;

  private:
    std::vector<Sent> sent() {
        std::vector<Sent> all;
        for (;;) {
            std::string bytes;
            session_.fill(bytes);
            if (bytes.empty()) return all;
            std::string_view left = bytes;
            if (left.starts_with("PRI * HTTP/2.0")) left.remove_prefix(24);
            while (!left.empty()) {
                const std::size_t size = http2::read_number(left.substr(0, 3));
                all.push_back({static_cast<std::uint8_t>(left[3]),
                               static_cast<std::uint8_t>(left[4]),
                               http2::read_number(left.substr(5, 4)),
                               std::string(left.substr(frame_head_bytes, size))});
                left.remove_prefix(frame_head_bytes + size);
            }
        }
    }
};

}  // namespace penstock::sinks::client

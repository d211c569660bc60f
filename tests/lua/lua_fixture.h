// LuaFixture: a Worker without processes or pipes: frames go in as calls and come out as decoded
// values. Test support of this room; one thread.
#pragma once

#include "lua/budget.h"
#include "lua/cpu_watch.h"
#include "lua/worker.h"
#include "sinks/worker/protocol.h"
#include "tests/support/manual_clock.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace penstock::lua {

class LuaFixture : public ::testing::Test {
  protected:
    using Heard = sinks::worker::Heard;
    using Kind = Heard::Kind;

    explicit LuaFixture(const Limits& limits = {})
        : worker_(limits, clock_, out_, [this] { ++breaths_; }) {
        EXPECT_TRUE(CpuWatch::arm(&budget_hook));
    }

    static constexpr std::int64_t deadline_ms = 2'000'000'000'000;

    // Everything the worker has written since the last call.
    std::vector<Heard> heard() {
        std::vector<Heard> frames;
        sinks::worker::FrameReader reader(sinks::worker::Framing::lines);
        EXPECT_TRUE(reader.put(out_));
        while (const auto frame = reader.next()) {
            frames.push_back(sinks::worker::decode_frame(*frame));
            EXPECT_EQ(frames.back().problem, "") << *frame;
            EXPECT_NE(frames.back().kind, Kind::text) << *frame;
        }
        EXPECT_EQ(reader.unfinished(), 0U);
        out_.clear();
        return frames;
    }

    // The error of loading; empty: it is in use.
    std::string load(const std::string& code,
                     const std::string& role = "handler",
                     std::uint32_t version = 1) {
        worker_.hear(sinks::worker::script_frame({role, version, code}));
        const auto frames = heard();
        if (frames.empty() || frames.back().kind != Kind::loaded) return "no loaded frame";
        EXPECT_EQ(frames.back().loaded.version, version);
        return frames.back().loaded.error;
    }

    void send(const std::string& id, const std::string& body, const std::string& role = {}) {
        sinks::worker::Event event;
        event.id = "m" + id;
        event.topic = "orders";
        event.subscription = "lua";
        event.body = body;
        worker_.hear(sinks::worker::event_frame(id, event, deadline_ms, role));
    }

    // One message to its end; the last frame.
    Heard handle(const std::string& body, const std::string& role = {}) {
        send("1", body, role);
        worker_.rest();
        const auto frames = heard();
        EXPECT_FALSE(frames.empty());
        return frames.empty() ? Heard{} : frames.back();
    }

    // What `code`, a handler's lines, answers.
    Heard run(const std::string& code, const std::string& body = "{}") {
        EXPECT_EQ(load("function handle(event, ctx)\n" + code + "\nend"), "");
        return handle(body);
    }

    testing::ManualClock clock_;
    std::string out_;
    int breaths_ = 0;
    Worker worker_;
};

}  // namespace penstock::lua

// Scripts loaded once before they are used, in processes that the test plays.
#include "sinks/lua/lua_trials.h"

#include "tests/sinks/lua/fake_lua.h"
#include "tests/support/idle_launcher.h"
#include "tests/support/run_until.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace penstock::sinks::lua {
namespace {

using Kind = api::ScriptTrial::Kind;
using ScriptOrder = testing::FakeLua::Order;
using model::ScriptRole;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using worker::ProcessEnd;

constexpr std::uint32_t wished_mib = 24;
constexpr std::string_view loaded = R"({"type":"loaded","role":"handler","version":1})";

class LuaTrialsTest : public ::testing::Test {
  protected:
    ~LuaTrialsTest() override {
        trials_.reset();
        processes_.clear();
        context_.restart();
        context_.poll();
    }

    void limit(const LuaTrialLimits& limits) {
        trials_ = std::make_unique<LuaTrials>(
            context_.get_executor(), clock_, launcher_, LuaProgram{"/opt/penstock-lua"}, limits);
    }

    // Trial number `number` begins.
    void load(int number,
              const std::string& code = "x = 1",
              ScriptRole role = ScriptRole::handler) {
        if (!trials_) limit({});
        model::Script script;
        script.role = role;
        script.code = code;
        script.file = "score.lua";
        trials_->load(script, wished_mib, [this, number](const api::ScriptTrial& trial) {
            ended_.emplace(number, trial);
        });
    }

    api::ScriptTrial ended(int number) {
        EXPECT_TRUE(until([&]() { return ended_.count(number) > 0; })) << "trial " << number;
        return ended_[number];
    }

    template <class Predicate>
    bool until(Predicate holds) {
        return testing::run_until(context_, holds);
    }

    // Whatever can happen now has happened.
    void settle() {
        context_.restart();
        context_.poll();
    }

    // Process number `number` as it starts. Silent: it reads its script and says nothing.
    testing::FakeLua& process(std::uint64_t number, bool silent = false) {
        EXPECT_TRUE(until([&]() { return launcher_.last >= number; })) << "process " << number;
        auto& lua = processes_[number];
        lua = std::make_unique<testing::FakeLua>(context_, launcher_.processes.at(number));
        if (silent)
            lua->on_script = [](const ScriptOrder&) {
            };
        return *lua;
    }

    // Process `number` has read its script and is silent.
    void read_by(std::uint64_t number) {
        testing::FakeLua& lua = process(number, true);
        EXPECT_TRUE(until([&]() { return !lua.orders.empty(); }));
    }

    void end(std::uint64_t number, ProcessEnd::Kind kind, int code, const std::string& why = {}) {
        processes_.erase(number);
        ProcessEnd end;
        end.kind = kind;
        end.code = code;
        end.detail = why;
        launcher_.end(number, end);
    }

    boost::asio::io_context context_{1};
    SystemClock clock_;
    testing::IdleLauncher launcher_;
    std::unique_ptr<LuaTrials> trials_;
    std::map<std::uint64_t, std::unique_ptr<testing::FakeLua>> processes_;
    std::map<int, api::ScriptTrial> ended_;
};

TEST_F(LuaTrialsTest, AScriptThatLoadsIsToldSoAndItsProcessEnds) {
    load(1, "function handle() end");
    testing::FakeLua& lua = process(1);
    EXPECT_EQ(ended(1).kind, Kind::loads);
    ASSERT_EQ(lua.orders.size(), 1U);
    EXPECT_EQ(lua.orders[0].script.role, "handler");
    EXPECT_EQ(lua.orders[0].script.code, "function handle() end");
    EXPECT_EQ(lua.orders[0].script.name, "score.lua");
    EXPECT_TRUE(launcher_.processes.at(1).killed);
    const auto& order = launcher_.processes.at(1).order;
    EXPECT_THAT(order.command, ElementsAre("/opt/penstock-lua", "--memory", "24"));
    EXPECT_TRUE(order.only_computes);
}

TEST_F(LuaTrialsTest, AScriptThatDoesNotLoadFailsInItsWorkersWords) {
    load(1);
    testing::FakeLua& lua = process(1);
    lua.on_script = [&lua](const ScriptOrder&) {
        lua.say(R"({"type":"loaded","role":"handler","version":1,"error":"score.lua:2: oops"})");
    };
    const auto trial = ended(1);
    EXPECT_EQ(trial.kind, Kind::fails);
    EXPECT_EQ(trial.detail, "score.lua:2: oops");
}

TEST_F(LuaTrialsTest, WhatAnEndedProcessHadSaidCounts) {
    load(1);
    read_by(1);
    const std::string frame = std::string(loaded) + "\n";
    const int output = launcher_.processes.at(1).files.at(1);
    ASSERT_EQ(::write(output, frame.data(), frame.size()), static_cast<ssize_t>(frame.size()));
    end(1, ProcessEnd::Kind::exited, 0);
    EXPECT_EQ(ended(1).kind, Kind::loads);
}

TEST_F(LuaTrialsTest, AFilterHasTheMemoryOfAStage) {
    load(1, "x = 1", ScriptRole::filter);
    process(1);
    EXPECT_EQ(ended(1).kind, Kind::loads);
    EXPECT_THAT(launcher_.processes.at(1).order.command, Contains("16"));
}

TEST_F(LuaTrialsTest, AScriptThatEndsItsProcessFails) {
    load(1);
    read_by(1);
    end(1, ProcessEnd::Kind::exited, 70);
    const auto trial = ended(1);
    EXPECT_EQ(trial.kind, Kind::fails);
    EXPECT_THAT(trial.detail, HasSubstr("score.lua:1: while loading, penstock-lua exited"));
}

TEST_F(LuaTrialsTest, EndsThatAreNotTheScriptsDoingSayNothingOfIt) {
    load(1);
    read_by(1);
    end(1, ProcessEnd::Kind::signalled, SIGKILL);
    EXPECT_EQ(ended(1).kind, Kind::untried);

    load(2);
    EXPECT_TRUE(until([&]() { return launcher_.last >= 2; }));
    end(2, ProcessEnd::Kind::exited, 1);  // before it had read its script
    EXPECT_EQ(ended(2).kind, Kind::untried);

    load(3);
    EXPECT_TRUE(until([&]() { return launcher_.last >= 3; }));
    end(3, ProcessEnd::Kind::not_started, 2, "there is no such file");
    EXPECT_EQ(ended(3).kind, Kind::untried);
    EXPECT_THAT(ended(3).detail, HasSubstr("there is no such file"));
}

TEST_F(LuaTrialsTest, NoAnswerInTimeIsUntriedAndEndsTheProcess) {
    LuaTrialLimits limits;
    limits.time_max = std::chrono::milliseconds(100);
    limit(limits);
    load(1);
    process(1, true);
    const auto trial = ended(1);
    EXPECT_EQ(trial.kind, Kind::untried);
    EXPECT_THAT(trial.detail, HasSubstr("100 ms"));
    EXPECT_TRUE(launcher_.processes.at(1).killed);
}

TEST_F(LuaTrialsTest, ItWaitsUntilProcessesCanBeStarted) {
    launcher_.is_available = false;
    load(1);
    settle();
    EXPECT_EQ(launcher_.last, 0U);
    launcher_.is_available = true;
    process(1);
    EXPECT_EQ(ended(1).kind, Kind::loads);
}

TEST_F(LuaTrialsTest, FewRunAtATimeAndAPlaceIsFreeWhenItsProcessIsGone) {
    LuaTrialLimits limits;
    limits.at_once_max = 1;
    limits.waiting_max = 1;
    limit(limits);
    load(1);
    read_by(1);
    load(2);
    load(3);
    EXPECT_EQ(ended(3).kind, Kind::untried) << "one runs, one waits, a third is too many";
    settle();
    EXPECT_EQ(launcher_.last, 1U);
    processes_.at(1)->say(std::string(loaded));
    EXPECT_EQ(ended(1).kind, Kind::loads);
    settle();
    EXPECT_EQ(launcher_.last, 1U) << "the first process is not gone yet";
    end(1, ProcessEnd::Kind::signalled, SIGKILL);
    process(2);
    EXPECT_EQ(ended(2).kind, Kind::loads);
}

}  // namespace
}  // namespace penstock::sinks::lua

// LuaFixture: LuaPools whose processes are FakeLua, with a FakeDispatch behind them, on the test's
// io_context.
#pragma once

#include "sinks/lua/lua_pools.h"
#include "tests/sinks/lua/fake_lua.h"
#include "tests/support/fake_dispatch.h"
#include "tests/support/idle_launcher.h"
#include "tests/support/run_until.h"
#include "tests/support/scripted_server.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks::lua {

class LuaFixture : public ::testing::Test {
  protected:
    LuaFixture() {
        LuaOptions options;
        options.program.path = "/opt/penstock-lua";
        options.client.addresses = client::AddressPolicy::any;
        pools_ = std::move(*LuaPools::make(workshop_, dispatch_, options));
        target_.subscription = model::SubscriptionNo{7};
        target_.topic = "orders";
        target_.name = "score";
        target_.spec.sink = model::SinkKind::lua;
        target_.spec.function.memory_mib = 16;
    }

    ~LuaFixture() override {
        pools_->stop();
        processes_.clear();
        context_.restart();
        context_.poll();
    }

    void deploy(model::ScriptRole role, std::uint32_t version, const std::string& code = "x = 1") {
        model::Script script;
        script.role = role;
        script.version = version;
        script.code = code;
        target_.scripts[role] = std::make_shared<const model::Script>(script);
    }

    void deliver(Sink& sink, std::uint64_t id, const std::string& payload = "hello") {
        api::Delivery& delivery = deliveries_[id];
        delivery.subscription = target_.subscription;
        delivery.sequence = id;
        delivery.message = model::MessageId(id);
        delivery.payload = payload;
        targets_.push_back(std::make_unique<api::Target>(target_));
        sink.deliver(*targets_.back(), delivery, [this, id](AttemptResult result) {
            results_.emplace(id, std::move(result));
        });
    }

    template <class Predicate>
    bool until(Predicate holds) {
        return testing::run_until(context_, holds);
    }

    AttemptResult result(std::uint64_t id) {
        EXPECT_TRUE(until([&]() { return results_.count(id) > 0; })) << "message " << id;
        return results_[id];
    }

    // Process number `number` as it starts.
    testing::FakeLua& process(std::uint64_t number = 1) {
        EXPECT_TRUE(until([&]() { return launcher_.last >= number; }));
        auto& lua = processes_[number];
        if (!lua) {
            lua = std::make_unique<testing::FakeLua>(context_, launcher_.processes.at(number));
        }
        return *lua;
    }

    // A server that lives as long as the context runs.
    testing::ScriptedServer& serve(std::vector<testing::Script> scripts) {
        server_ = std::make_unique<testing::ScriptedServer>(context_, std::move(scripts));
        return *server_;
    }

    std::size_t events(testing::FakeLua& lua) {
        return lua.heard(testing::FakeLua::Order::Kind::event).size();
    }

    boost::asio::io_context context_{1};
    SystemClock clock_;
    SeededRandom random_{1};
    testing::IdleLauncher launcher_;
    testing::FakeDispatch dispatch_;
    worker::LogBook log_book_{context_.get_executor(), clock_, launcher_};
    worker::Workshop workshop_{context_.get_executor(), clock_, random_, launcher_, log_book_, {}};
    std::shared_ptr<LuaPools> pools_;
    std::map<std::uint64_t, std::unique_ptr<testing::FakeLua>> processes_;
    std::unique_ptr<testing::ScriptedServer> server_;
    api::Target target_;
    std::vector<std::unique_ptr<api::Target>> targets_;
    std::map<std::uint64_t, api::Delivery> deliveries_;
    std::map<std::uint64_t, AttemptResult> results_;
};

}  // namespace penstock::sinks::lua

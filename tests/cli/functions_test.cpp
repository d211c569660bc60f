// Functions on the command line: the rest of the line as a command, scripts from files, `penstock
// fn`.
#include "tests/cli/fixture.h"

#include <filesystem>
#include <fstream>

namespace penstock::testing {

namespace {

class CliFunctions : public CliFixture {
  protected:
    CliFunctions() {
        broker.answer_with<api::Subscribe>({});
        // What would be penstock-lua: says its arguments, and fails where the file's name says so.
        environment["PENSTOCK_LUA"] = script("tool.sh",
                                             "#!/bin/sh\necho \"$@\" >&2\n"
                                             "case \"$2\" in *bad*) exit 1;; esac\n");
        std::filesystem::permissions(environment["PENSTOCK_LUA"], std::filesystem::perms::all);
    }

    std::string script(const std::string& name, const std::string& text) {
        const std::string path = (folder.path() / name).string();
        std::ofstream(path) << text;
        return path;
    }

    const api::Subscribe& added(std::vector<std::string> words) {
        words.insert(words.begin(), {"sub", "add", "orders", "score"});
        EXPECT_EQ(run(words), 0) << err;
        return *broker.last<api::Subscribe>();
    }
};

TEST_F(CliFunctions, TheRestOfTheLineIsTheCommandWithItsOwnFlags) {
    const auto asked =
        added({"--tag", "paid", "--exec", "sh", "-c", "cat", "--tag", "x", "--http"});
    EXPECT_EQ(asked.spec.sink, model::SinkKind::exec);
    EXPECT_EQ(asked.spec.function.command,
              (std::vector<std::string>{"sh", "-c", "cat", "--tag", "x", "--http"}));
    EXPECT_EQ(asked.spec.filter_tags, std::vector<std::string>{"paid"});
    EXPECT_EQ(asked.spec.function.folder, std::filesystem::current_path().string());
}

TEST_F(CliFunctions, AProgramWithASlashIsMeantFromWhereTheUserStands) {
    const auto asked = added({"--worker", "./a/../b.sh", "c/d"});
    EXPECT_EQ(asked.spec.function.command.front(),
              (std::filesystem::current_path() / "b.sh").string());
    EXPECT_EQ(asked.spec.function.command.back(), "c/d");
}

TEST_F(CliFunctions, OptionsOfFunctionsArePassedOn) {
    const auto asked = added({"--processes",
                              "2",
                              "--window",
                              "8",
                              "--memory",
                              "64MiB",
                              "--startup",
                              "2s",
                              "--ready",
                              "--framing",
                              "content-length",
                              "--recycle-after",
                              "100",
                              "--recycle-age",
                              "1h",
                              "--recycle-memory",
                              "48MiB",
                              "--crashes",
                              "5",
                              "--worker",
                              "w"});
    const auto& function = asked.spec.function;
    EXPECT_EQ(function.processes, 2U);
    EXPECT_EQ(function.window, 8U);
    EXPECT_EQ(function.memory_mib, 64U);
    EXPECT_EQ(function.startup_ms, 2'000U);
    EXPECT_TRUE(function.ready_line);
    EXPECT_TRUE(function.content_length);
    EXPECT_EQ(function.recycle_after, 100U);
    EXPECT_EQ(function.recycle_age_ms, 3'600'000U);
    EXPECT_EQ(function.recycle_memory_mib, 48U);
    EXPECT_EQ(function.crashes_max, 5U);
    EXPECT_EQ(added({"--concurrency", "7", "--exec", "true"}).spec.function.processes, 7U);
}

TEST_F(CliFunctions, LuaFilesTravelAsText) {
    const std::string code = script("handler.lua", "function handle() end\n");
    const std::string filter = script("keep.lua", "function filter() end\n");
    const auto asked = added({"--lua", code, "--filter-lua", filter, "--http-allow", "*"});
    ASSERT_EQ(asked.scripts.size(), 2U);
    EXPECT_EQ(asked.scripts[0].code, "function handle() end\n");
    EXPECT_EQ(asked.scripts[0].file, "handler.lua");
    EXPECT_EQ(asked.scripts[1].file, "keep.lua");
    EXPECT_EQ(asked.scripts[1].role, model::ScriptRole::filter);
    EXPECT_EQ(asked.spec.function.http_allow, std::vector<std::string>{"*"});
}

TEST_F(CliFunctions, ScriptsAreCheckedBeforeASubscriptionIsMade) {
    const std::string good = script("good.lua", "function handle() end\n");
    const std::string bad = script("bad.lua", "function\n");
    EXPECT_EQ(run({"sub", "add", "orders", "score", "--lua", bad}), 1);
    EXPECT_NE(err.find("--force"), std::string::npos) << "where there is no penstock-lua, too";
    EXPECT_EQ(run({"sub", "add", "orders", "score", "--lua", good, "--filter-lua", bad}), 1);
    EXPECT_EQ(broker.last<api::Subscribe>(), nullptr);
    EXPECT_EQ(added({"--force", "--lua", bad}).scripts.at(0).file, "bad.lua");
}

TEST_F(CliFunctions, DeployChecksFirstAndSaysTheVersion) {
    broker.answer_with<api::DeployScript>({7});
    const std::string good = script("good.lua", "function handle() end\n");
    EXPECT_EQ(run({"fn", "deploy", "orders/score", good, "--note", "faster"}), 0);
    EXPECT_EQ(out, "version 7\n");
    EXPECT_EQ(broker.last<api::DeployScript>()->script.note, "faster");
    EXPECT_EQ(broker.last<api::DeployScript>()->script.file, "good.lua");
    broker.requests.clear();
    const std::string bad = script("bad.lua", "function\n");
    EXPECT_EQ(run({"fn", "deploy", "orders/score", bad}), 1);
    EXPECT_TRUE(broker.requests.empty());
    EXPECT_EQ(run({"fn", "deploy", "orders/score", bad, "--force", "--transform"}), 0);
    EXPECT_EQ(broker.last<api::DeployScript>()->script.role, model::ScriptRole::transform);
}

TEST_F(CliFunctions, CheckAndTestRunTheToolAndKeepItsExitCode) {
    EXPECT_EQ(run({"fn", "check", script("good.lua", "x")}), 0);
    EXPECT_EQ(run({"fn", "check", script("bad.lua", "x")}), 1);
    EXPECT_EQ(run({"fn", "test", script("good.lua", "x"), "--event", "e.json"}), 0);
    environment["PENSTOCK_LUA"] = "/no/such/tool";
    EXPECT_EQ(run({"fn", "check", script("good.lua", "x")}), 1);
    EXPECT_NE(err.find("beside the penstock program"), std::string::npos) << err;
}

TEST_F(CliFunctions, RollbackUsesTheVersionBeforeOrTheOneNamed) {
    broker.answer_with<api::ActivateScript>({1});
    EXPECT_EQ(run({"fn", "rollback", "orders/score"}), 0);
    EXPECT_EQ(out, "version 1\n");
    EXPECT_EQ(broker.last<api::ActivateScript>()->version, 0U);
    EXPECT_EQ(run({"fn", "rollback", "orders/score", "--to", "3", "--filter"}), 0);
    EXPECT_EQ(broker.last<api::ActivateScript>()->version, 3U);
    EXPECT_EQ(broker.last<api::ActivateScript>()->role, model::ScriptRole::filter);
}

TEST_F(CliFunctions, ListShowsFunctionsOrTheVersionsOfOne) {
    api::SubscriptionPage page;
    api::SubscriptionView function;
    function.topic = "orders";
    function.name = "score";
    function.spec.sink = model::SinkKind::worker;
    function.spec.function.command = {"/usr/bin/python3", "w.py"};
    function.spec.state = model::SubscriptionState::disabled;
    function.spec.state_reason = "it crashed";
    api::SubscriptionView webhook;
    webhook.topic = "orders";
    webhook.name = "hook";
    page.items = {function, webhook};
    page.total = 2;
    broker.answer_with<api::ListSubscriptions>(page);
    EXPECT_EQ(run({"fn", "list"}), 0);
    EXPECT_EQ(out, "orders/score\tworker\t/usr/bin/python3 w.py\tdisabled\t0\t0\tit crashed\n");
    api::ScriptView view;
    view.script.version = 2;
    view.in_use = true;
    view.code_bytes = 9;
    broker.answer_with<api::ListScripts>({{view}});
    EXPECT_EQ(run({"fn", "list", "orders/score"}), 0);
    EXPECT_EQ(out.rfind("orders/score\thandler\t2\t", 0), 0U) << out;
}

class NoScriptLoads final : public api::ScriptTrials {
  public:
    void load(model::Script script,
              std::uint32_t /*memory_mib*/,
              std::function<void(api::ScriptTrial)> answer) override {
        answer({api::ScriptTrial::Kind::fails, script.file + ":1: no"});
    }
};

// What an export holds may have been taken untried.
TEST_F(CliFunctions, WhatIsAppliedByForceIsTakenUntried) {
    NoScriptLoads trials;
    plugins::NativeOptions options{clock};
    options.trials = &trials;
    front_end = plugins::make_native_front_end(broker, options);
    broker.answer_with<api::ListQueues>({});
    broker.answer_with<api::ListTopics>({});
    broker.answer_with<api::ListSubscriptions>({});
    broker.answer_with<api::CreateTopic>({});
    const std::string state =
        "[topics.orders.subscriptions.count]\nlua = { code = 'x', file = 'count.lua' }\n";
    EXPECT_EQ(run({"apply", "-f", "-"}, state), 2);
    EXPECT_NE(err.find("count.lua:1: no"), std::string::npos) << err;
    EXPECT_EQ(broker.last<api::Subscribe>(), nullptr);
    EXPECT_EQ(run({"apply", "--force", "-f", "-"}, state), 0) << err;
    EXPECT_NE(broker.last<api::Subscribe>(), nullptr);
}

TEST_F(CliFunctions, WhereAScriptIsTheTargetTheListSaysSo) {
    api::SubscriptionView script;
    script.topic = "orders";
    script.name = "count";
    script.spec.sink = model::SinkKind::lua;
    broker.answer_with<api::ListSubscriptions>(api::SubscriptionPage{1, {script}});
    EXPECT_EQ(run({"sub", "list"}), 0);
    EXPECT_EQ(out.rfind("orders\tcount\tlua\t", 0), 0U) << out;
    EXPECT_EQ(run({"sub", "list", "-o", "json"}), 0);
    EXPECT_EQ(out.find("\"to\""), std::string::npos) << "as /v1 has it";
}

}  // namespace

}  // namespace penstock::testing

// Functions over /v1: how they are subscribed, their scripts, and what can be seen of them.
#include "tests/plugins/native/fixture.h"

namespace penstock::testing {

namespace {

const std::string to = "/v1/topics/orders/subscriptions";

class FakeFunctions final : public api::Functions {
  public:
    void logs(api::FunctionLogQuery query,
              std::function<void(api::FunctionLogPage)> answer) override {
        asked = query;
        api::FunctionLogPage page;
        page.lines.push_back({8, 1'700'000'000'000, query.subscription, "stderr", "77", "hello"});
        page.last = 8;
        answer(std::move(page));
    }

    void status(model::SubscriptionNo, std::function<void(api::FunctionStatus)> answer) override {
        api::FunctionStatus status;
        status.processes.push_back({3, "busy", 2, 40, 1'700'000'000'000});
        status.starts = 4;
        status.crashes = 1;
        status.last_problem = "it fell";
        answer(std::move(status));
    }

    void sandbox(std::function<void(api::SandboxReport)> answer) override {
        answer({{"cgroup", "v2"}, {"seccomp", "active"}});
    }

    api::FunctionLogQuery asked;
};

// A script whose text is "bad" does not load; of "lost" nobody can tell.
class FakeTrials final : public api::ScriptTrials {
  public:
    using Kind = api::ScriptTrial::Kind;

    void load(model::Script script,
              std::uint32_t memory_mib,
              std::function<void(api::ScriptTrial)> answer) override {
        memory = memory_mib;
        tried.push_back(script.role);
        if (script.code == "bad") return answer({Kind::fails, script.file + ":2: '=' expected"});
        if (script.code == "lost") return answer({Kind::untried, "no process"});
        answer({});
    }

    std::vector<model::ScriptRole> tried;
    std::uint32_t memory = 0;
};

class NativeFunctions : public NativeFixture {
  protected:
    NativeFunctions() {
        plugins::NativeOptions options{clock, &functions};
        options.trials = &trials;
        front_end = plugins::make_native_front_end(broker, options);
        broker.answer_with<api::Subscribe>({});
        api::SubscriptionView view;
        view.number = 9;
        view.topic = "orders";
        view.name = "score";
        broker.answer_with<api::GetSubscription>(view);
    }

    const api::Subscribe& subscribed(const std::string& sink) {
        const auto response = ask("POST", to, "{\"name\":\"score\"," + sink + "}");
        EXPECT_EQ(response.status, 201U) << response.body;
        return *broker.last<api::Subscribe>();
    }

    FakeFunctions functions;
    FakeTrials trials;
};

TEST_F(NativeFunctions, EveryKindHasItsObjectAndDefaults) {
    const auto exec = subscribed(R"("exec":{"command":["sh","-c","a\nb"],"stdin":"envelope"})");
    EXPECT_EQ(exec.spec.sink, model::SinkKind::exec);
    EXPECT_EQ(exec.spec.function.command, (std::vector<std::string>{"sh", "-c", "a\nb"}));
    EXPECT_TRUE(exec.spec.function.envelope);
    EXPECT_EQ(exec.spec.concurrency, 4U);
    const auto worker =
        subscribed(R"("worker":{"command":["w"],"cwd":"/srv","processes":2,"window":8,)"
                   R"("framing":"content-length","ready_line":true,"startup_ms":500,)"
                   R"("memory_mib":64,"recycle_after":1000,"recycle_age_ms":60000,)"
                   R"("recycle_memory_mib":48,"crashes_max":5})");
    EXPECT_EQ(worker.spec.sink, model::SinkKind::worker);
    EXPECT_EQ(worker.spec.function.folder, "/srv");
    EXPECT_EQ(worker.spec.concurrency, 16U);
    EXPECT_TRUE(worker.spec.function.content_length);
    EXPECT_TRUE(worker.spec.function.ready_line);
    EXPECT_EQ(worker.spec.function.startup_ms, 500U);
    EXPECT_EQ(worker.spec.function.memory_mib, 64U);
    EXPECT_EQ(worker.spec.function.recycle_after, 1000U);
    EXPECT_EQ(worker.spec.function.recycle_age_ms, 60'000U);
    EXPECT_EQ(worker.spec.function.recycle_memory_mib, 48U);
    EXPECT_EQ(worker.spec.function.crashes_max, 5U);
    const auto http = subscribed(R"("worker_http":{"command":["w"]})");
    EXPECT_EQ(http.spec.sink, model::SinkKind::worker_http);
    const auto runtime = subscribed(R"("runtime":{"folder":"/f","batch":10})");
    EXPECT_EQ(runtime.spec.sink, model::SinkKind::runtime);
    EXPECT_EQ(runtime.spec.function.command, std::vector<std::string>{"/f"});
    EXPECT_EQ(runtime.spec.function.batch, 10U);
    const auto lua = subscribed(R"("lua":{"code":"x","file":"h.lua","http_allow":["a.example"]})");
    EXPECT_EQ(lua.spec.sink, model::SinkKind::lua);
    EXPECT_EQ(lua.spec.concurrency, 64U);
    EXPECT_EQ(lua.spec.function.memory_mib, 16U);
    EXPECT_EQ(lua.spec.function.http_allow, std::vector<std::string>{"a.example"});
    ASSERT_EQ(lua.scripts.size(), 1U);
    EXPECT_EQ(lua.scripts[0].code, "x");
    EXPECT_EQ(lua.scripts[0].file, "h.lua");
}

TEST_F(NativeFunctions, FilterAndTransformStandBeforeAnySink) {
    const auto asked = subscribed(
        R"("queue":{"name":"q"},"filter_lua":"f","filter_file":"f.lua","transform_lua":"t",)"
        R"("transform_file":"t.lua","concurrency":3)");
    ASSERT_EQ(asked.scripts.size(), 2U);
    EXPECT_EQ(asked.scripts[0].role, model::ScriptRole::filter);
    EXPECT_EQ(asked.scripts[0].code, "f");
    EXPECT_EQ(asked.scripts[0].file, "f.lua");
    EXPECT_EQ(asked.scripts[1].file, "t.lua");
    EXPECT_EQ(asked.scripts[1].role, model::ScriptRole::transform);
    EXPECT_EQ(asked.spec.concurrency, 3U);
}

TEST_F(NativeFunctions, WrongFieldsAreNamed) {
    const std::vector<std::tuple<std::string, std::string, std::string>> table = {
        {R"("exec":{"command":["a"]},"lua":{"code":"x"})", "http", "exactly one"},
        {R"("exec":{})", "exec.command", "is missing"},
        {R"("exec":{"command":[]})", "exec.command", "1 to 1000"},
        {R"("exec":{"command":"true"})", "exec.command", "list"},
        {R"("exec":{"command":[1]})", "exec.command", "must be text"},
        {R"("exec":{"command":["a"],"window":2})", "exec.window", "no such field"},
        {R"("exec":{"command":["a"],"stdin":"json"})", "exec.stdin", "body"},
        {R"("exec":{"command":["a"],"cwd":""})", "exec.cwd", "1 to 4096"},
        {R"("worker":{"command":["a"],"window":0})", "worker.window", "1 to 256"},
        {R"("worker":{"command":["a"],"window":257})", "worker.window", "1 to 256"},
        {R"("worker":{"command":["a"],"processes":65})", "worker.processes", "1 to 64"},
        {R"("worker":{"command":["a"],"startup_ms":99})", "worker.startup_ms", "100 to 300000"},
        {R"("worker":{"command":["a"],"crashes_max":0})", "worker.crashes_max", "1 to 100"},
        {R"("worker":{"command":["a"],"framing":"netstring"})", "worker.framing", "lines"},
        {R"("worker":{"command":["a"],"ready_line":1})", "worker.ready_line", "true or false"},
        {R"("runtime":{})", "runtime.folder", "is missing"},
        {R"("runtime":{"folder":"/f","batch":17})", "runtime.batch", "1 to 16"},
        {R"("lua":{})", "lua.code", "is missing"},
        {R"("lua":{"code":""})", "lua.code", "1 to"},
        {R"("lua":{"code":"x","memory_mib":0})", "lua.memory_mib", "1 to"},
        {R"("lua":"x")", "lua", "object"},
        {R"("http":{"url":"http://x"},"filter_lua":7)", "filter_lua", "must be text"},
    };
    for (const auto& [sink, subject, said] : table) {
        const auto response = ask("POST", to, "{\"name\":\"score\"," + sink + "}");
        EXPECT_EQ(response.status, 400U) << sink;
        EXPECT_EQ(text(json(response), "subject"), subject) << sink;
        EXPECT_NE(text(json(response), "detail").find(said), std::string::npos) << response.body;
    }
    EXPECT_TRUE(broker.requests.empty());
}

TEST_F(NativeFunctions, ScriptsAreListedDeployedAndActivated) {
    api::ScriptView view;
    view.script.role = model::ScriptRole::filter;
    view.script.version = 3;
    view.script.note = "why";
    view.in_use = true;
    view.code_bytes = 12;
    broker.answer_with<api::ListScripts>({{view}});
    broker.answer_with<api::DeployScript>({4});
    broker.answer_with<api::ActivateScript>({2});
    const std::string scripts = "/v1/subscriptions/orders/score/scripts";
    const auto listed = json(ask("GET", scripts + "?code=true"));
    EXPECT_TRUE(broker.last<api::ListScripts>()->with_code);
    const auto& first = listed.at("items").as_array().at(0).as_object();
    EXPECT_EQ(text(first, "role"), "filter");
    EXPECT_EQ(text(first, "version"), "3");
    EXPECT_EQ(text(first, "in_use"), "true");
    const auto deployed =
        json(ask("POST", scripts, R"({"code":"x","role":"transform","note":"n"})"));
    EXPECT_EQ(text(deployed, "version"), "4");
    EXPECT_EQ(broker.last<api::DeployScript>()->script.role, model::ScriptRole::transform);
    EXPECT_EQ(broker.last<api::DeployScript>()->script.note, "n");
    const auto active = json(ask("POST", scripts + "/activate", R"({"version":2})"));
    EXPECT_EQ(text(active, "version"), "2");
    EXPECT_EQ(broker.last<api::ActivateScript>()->version, 2U);
    EXPECT_EQ(ask("POST", scripts, "{}").status, 400U);
    EXPECT_EQ(ask("POST", scripts, R"({"code":"x","role":"main"})").status, 400U);
    EXPECT_EQ(ask("POST", scripts + "/activate", R"({"version":0})").status, 400U);
}

TEST_F(NativeFunctions, AScriptThatDoesNotLoadIsRefusedInItsWorkersWords) {
    const std::string scripts = "/v1/subscriptions/orders/score/scripts";
    const std::vector<std::pair<std::string, std::string>> table = {
        {to, R"({"name":"score","lua":{"code":"bad","file":"a.lua"}})"},
        {to, R"({"name":"score","queue":{"name":"q"},"filter_lua":"bad","filter_file":"a.lua"})"},
        {to,
         R"({"name":"score","lua":{"code":"x"},"filter_lua":"y","transform_lua":"bad",)"
         R"("transform_file":"a.lua"})"},
        {scripts, R"({"code":"bad","file":"a.lua"})"},
        {scripts, R"({"code":"bad","file":"a.lua","role":"transform"})"},
    };
    for (const auto& [path, body] : table) {
        const auto response = ask("POST", path, body);
        EXPECT_EQ(response.status, 400U) << body;
        EXPECT_EQ(text(json(response), "code"), "script_invalid") << body;
        EXPECT_EQ(text(json(response), "detail"), "a.lua:2: '=' expected") << body;
    }
    EXPECT_TRUE(broker.requests.empty());
}

TEST_F(NativeFunctions, ScriptsAreTriedInOrderWithTheMemoryOfTheFunction) {
    subscribed(R"("lua":{"code":"x","memory_mib":40},"filter_lua":"y","transform_lua":"z")");
    using enum model::ScriptRole;
    EXPECT_EQ(trials.tried, (std::vector<model::ScriptRole>{handler, filter, transform}));
    EXPECT_EQ(trials.memory, 40U);
}

TEST_F(NativeFunctions, AScriptThatCannotBeTriedIsTaken) {
    subscribed(R"("lua":{"code":"lost"},"filter_lua":"y")");
    EXPECT_EQ(trials.tried.size(), 1U) << "the others would wait as long for no answer";
}

TEST_F(NativeFunctions, AScriptIsTakenUntriedWhereThatIsAskedFor) {
    const std::string scripts = "/v1/subscriptions/orders/score/scripts";
    broker.answer_with<api::DeployScript>({4});
    EXPECT_EQ(ask("POST", scripts + "?force=true", R"({"code":"bad"})").status, 200U);
    const std::string made = R"({"name":"score","lua":{"code":"bad"}})";
    EXPECT_EQ(ask("POST", to + "?force=true", made).status, 201U);
    EXPECT_TRUE(trials.tried.empty());
    EXPECT_EQ(ask("POST", to + "?force=false", made).status, 400U);
    for (const char* query : {"?force=maybe", "?forced=true"}) {
        EXPECT_EQ(text(json(ask("POST", to + query, made)), "code"), "invalid_parameter");
        EXPECT_EQ(text(json(ask("POST", scripts + query, R"({"code":"x"})")), "code"),
                  "invalid_parameter");
    }
}

TEST_F(NativeFunctions, OnlyWhoMayDefineFunctionsHasScriptsTried) {
    broker.root = false;
    broker.refuse<api::Subscribe>(model::Reason::denied);
    EXPECT_EQ(ask("POST", to, R"({"name":"score","lua":{"code":"bad"}})").status, 403U);
    EXPECT_TRUE(trials.tried.empty());
}

TEST_F(NativeFunctions, LogsProcessesAndWallsAreShown) {
    const auto logs = json(ask("GET", "/v1/functions/logs?subscription=orders%2Fscore&after=7"));
    EXPECT_EQ(functions.asked.after, 7U);
    EXPECT_EQ(functions.asked.subscription.value, 9U);
    EXPECT_EQ(text(logs, "last"), "8");
    const auto& line = logs.at("items").as_array().at(0).as_object();
    EXPECT_EQ(text(line, "text"), "hello");
    EXPECT_EQ(text(line, "message"), "77");
    EXPECT_EQ(text(line, "subscription"), "orders/score");
    const auto status = json(ask("GET", "/v1/subscriptions/orders/score/processes"));
    EXPECT_EQ(text(status, "last_problem"), "it fell");
    EXPECT_EQ(text(status.at("processes").as_array().at(0).as_object(), "state"), "busy");
    const auto walls = json(ask("GET", "/v1/functions/sandbox"));
    EXPECT_EQ(text(walls, "cgroup"), "v2");
    EXPECT_EQ(ask("GET", "/v1/functions/logs?limit=0").status, 400U);
    EXPECT_EQ(ask("GET", "/v1/functions/logs?after=x").status, 400U);
}

TEST_F(NativeFunctions, AServerWithoutFunctionsSaysSo) {
    front_end = plugins::make_native_front_end(broker, {clock});
    EXPECT_EQ(ask("GET", "/v1/functions/logs").status, 503U);
    EXPECT_EQ(ask("GET", "/v1/functions/sandbox").status, 503U);
}

}  // namespace

}  // namespace penstock::testing

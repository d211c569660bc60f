// Functions as objects: who may define them, their scripts by version, what the dispatcher is told,
// and taking them out of service.
#include "tests/node/function_fixture.h"

#include <gmock/gmock.h>

namespace penstock::testing {

using model::Reason;
using model::ScriptRole;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace {

template <class R>
std::optional<Reason> refusal(SteppedNode& node, R request) {
    const auto outcome = node.ask(std::move(request));
    if (outcome) return {};
    return outcome.error().reason;
}

api::Subscribe subscribe_process(std::string name, std::vector<std::string> command) {
    api::Subscribe request = subscribe("news", std::move(name));
    request.spec.sink = model::SinkKind::exec;
    request.spec.endpoint.clear();
    request.spec.function.command = std::move(command);
    return request;
}

api::DeployScript deploy(std::string code, ScriptRole role = ScriptRole::handler) {
    return {"news", "fn", lua_script(std::move(code), role)};
}

api::ActivateScript activate(std::uint32_t version, ScriptRole role = ScriptRole::handler) {
    return {"news", "fn", role, version};
}

std::string code_in_use(const FunctionNode& node, ScriptRole role = ScriptRole::handler) {
    const auto& scripts = node.deliveries.targets.at(node.function).scripts;
    const auto found = scripts.find(role);
    return found == scripts.end() ? "none" : found->second->code;
}

}  // namespace

TEST(Function, IsDefinedWithARootKeyOnly) {
    FunctionNode node;
    node.node.principal.root = false;
    EXPECT_EQ(refusal(node.node, subscribe_lua("news", "other")), Reason::denied);
    EXPECT_EQ(refusal(node.node, subscribe_process("other", {"/bin/true"})), Reason::denied);
    auto filtered = subscribe("news", "other");
    filtered.scripts = {lua_script("return true", ScriptRole::filter)};
    EXPECT_EQ(refusal(node.node, filtered), Reason::denied);
    EXPECT_EQ(refusal(node.node, deploy("changed")), Reason::denied);
    EXPECT_EQ(refusal(node.node, activate(1)), Reason::denied);
    EXPECT_EQ(refusal(node.node, api::GetSubscription{"news", "other"}),
              Reason::subscription_not_found);
    EXPECT_EQ(code_in_use(node), "function handle(event, ctx) end");
    EXPECT_EQ(refusal(node.node, subscribe("news", "plain")), std::nullopt);
    EXPECT_EQ(refusal(node.node, api::ListScripts{"news", "fn", true}), std::nullopt);
}

TEST(Function, ProgramsRunOnlyWhereTheServerAllowsThem) {
    FunctionNode node;
    const auto refused = node.node.ask(subscribe_process("program", {"/bin/true"}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, Reason::function_not_allowed);
    EXPECT_THAT(refused.error().detail, HasSubstr("functions.allow_processes"));
    EXPECT_EQ(refusal(node.node, subscribe_lua("news", "script")), std::nullopt);
}

TEST(Function, ACommandIsKeptAsTheServerResolvedIt) {
    node::NodeOptions options;
    options.functions.processes = true;
    options.functions.resolve =
        [](model::SinkKind kind,
           const std::vector<std::string>& command) -> Result<std::vector<std::string>> {
        check(kind == model::SinkKind::exec, "the kind is told");
        if (command.front() == "missing") {
            return error(Errc::not_found, "there is no program \"missing\" on the path");
        }
        return std::vector<std::string>{"/usr/bin/" + command.front(), command.back()};
    };
    FunctionNode node(options);
    const auto made = node.node.ask(subscribe_process("program", {"jq", "."}));
    ASSERT_TRUE(made);
    EXPECT_THAT(made->spec.function.command, ElementsAre("/usr/bin/jq", "."));
    const auto missing = node.node.ask(subscribe_process("other", {"missing"}));
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().reason, Reason::function_not_allowed);
    EXPECT_EQ(missing.error().detail, "there is no program \"missing\" on the path");
    EXPECT_EQ(missing.error().subject, "missing");
    EXPECT_EQ(refusal(node.node, subscribe_process("empty", {})), Reason::invalid_parameter);
    EXPECT_EQ(refusal(node.node, subscribe_process("empty", {""})), Reason::invalid_parameter);
    EXPECT_EQ(refusal(node.node, subscribe_process("zero", {std::string("a\0b", 3)})),
              Reason::invalid_parameter);
}

TEST(Function, ItsScriptsMustFitItsKind) {
    FunctionNode node;
    auto lua = subscribe_lua("news", "other");
    lua.scripts.clear();
    EXPECT_EQ(refusal(node.node, lua), Reason::script_invalid);
    lua.scripts = {lua_script("a"), lua_script("b")};
    EXPECT_EQ(refusal(node.node, lua), Reason::script_invalid);
    lua.scripts = {lua_script("a"), lua_script("b", static_cast<ScriptRole>(4))};
    EXPECT_EQ(refusal(node.node, lua), Reason::script_invalid);
    lua.scripts = {lua_script("a"), lua_script("b", static_cast<ScriptRole>(0))};
    EXPECT_EQ(refusal(node.node, lua), Reason::script_invalid);
    lua.scripts = {lua_script("")};
    EXPECT_EQ(refusal(node.node, lua), Reason::script_invalid);
    lua.scripts = {lua_script(std::string(262'145, 'x'))};
    EXPECT_EQ(refusal(node.node, lua), Reason::script_invalid);
    lua.scripts = {lua_script("a")};
    lua.scripts[0].note = std::string(257, 'n');
    EXPECT_EQ(refusal(node.node, lua), Reason::script_invalid);
    auto push = subscribe("news", "other");
    push.scripts = {lua_script("a")};
    EXPECT_EQ(refusal(node.node, push), Reason::script_invalid);
    push.scripts = {lua_script("a", ScriptRole::filter), lua_script("b", ScriptRole::transform)};
    EXPECT_EQ(refusal(node.node, push), std::nullopt);
}

TEST(Function, WhatAClientSaysAboutVersionsInUseIsIgnored) {
    FunctionNode node;
    auto push = subscribe("news", "other");
    push.spec.scripts = {3, 4, 5};
    push.spec.state_reason = "because";
    const auto made = node.node.ask(push);
    ASSERT_TRUE(made);
    EXPECT_THAT(made->spec.scripts, ElementsAre(0, 0, 0));
    EXPECT_EQ(made->spec.state_reason, "");
    const model::SubscriptionNo number{made->number};
    EXPECT_THAT(node.deliveries.targets.at(number).scripts, IsEmpty());
}

TEST(Function, ADeployedScriptReachesTheDispatcherAndSoDoesARollback) {
    FunctionNode node;
    EXPECT_EQ(code_in_use(node), "function handle(event, ctx) end");
    EXPECT_EQ(node.node.ask(deploy("second"))->version, 2U);
    EXPECT_EQ(code_in_use(node), "second");
    EXPECT_EQ(code_in_use(node, ScriptRole::filter), "none");
    const auto handler = node.deliveries.targets.at(node.function).scripts.at(ScriptRole::handler);
    EXPECT_EQ(node.node.ask(deploy("keep", ScriptRole::filter))->version, 1U);
    EXPECT_EQ(code_in_use(node, ScriptRole::filter), "keep");
    EXPECT_EQ(node.deliveries.targets.at(node.function).scripts.at(ScriptRole::handler), handler)
        << "what did not change is not read again";
    EXPECT_EQ(node.node.ask(activate(0))->version, 1U);
    EXPECT_EQ(code_in_use(node), "function handle(event, ctx) end");
    EXPECT_EQ(refusal(node.node, activate(0)), Reason::script_not_found);
    EXPECT_EQ(refusal(node.node, activate(9)), Reason::script_not_found);
    EXPECT_EQ(node.node.ask(activate(2))->version, 2U);
    node.node.restart();
    node.attach_again();
    EXPECT_EQ(code_in_use(node), "second");
    EXPECT_EQ(code_in_use(node, ScriptRole::filter), "keep");
}

TEST(Function, ListsItsScriptsWithOrWithoutCode) {
    FunctionNode node;
    ASSERT_TRUE(node.node.ask(deploy("second")));
    ASSERT_TRUE(node.node.ask(deploy("filter", ScriptRole::filter)));
    ASSERT_TRUE(node.node.ask(activate(1)));
    const auto list = node.node.ask(api::ListScripts{"news", "fn", false});
    ASSERT_TRUE(list);
    ASSERT_THAT(list->items, SizeIs(3));
    EXPECT_EQ(list->items[0].script.version, 1U);
    EXPECT_TRUE(list->items[0].in_use);
    EXPECT_EQ(list->items[1].script.version, 2U);
    EXPECT_FALSE(list->items[1].in_use);
    EXPECT_EQ(list->items[1].code_bytes, 6U);
    EXPECT_EQ(list->items[1].script.code, "");
    EXPECT_EQ(list->items[2].script.role, ScriptRole::filter);
    EXPECT_TRUE(list->items[2].in_use);
    EXPECT_EQ(node.node.ask(api::ListScripts{"news", "fn", true})->items[1].script.code, "second");
    EXPECT_EQ(refusal(node.node, api::ListScripts{"news", "nobody", false}),
              Reason::subscription_not_found);
}

TEST(Function, OnlyALuaFunctionTakesAHandler) {
    FunctionNode node;
    ASSERT_TRUE(node.node.ask(subscribe("news", "hook")));
    EXPECT_EQ(refusal(node.node, api::DeployScript{"news", "hook", lua_script("a")}),
              Reason::script_invalid);
    EXPECT_EQ(
        refusal(node.node, api::DeployScript{"news", "hook", lua_script("a", ScriptRole::filter)}),
        std::nullopt);
    EXPECT_EQ(refusal(node.node, api::DeployScript{"news", "nobody", lua_script("a")}),
              Reason::subscription_not_found);
    EXPECT_EQ(refusal(node.node, deploy("")), Reason::script_invalid);
}

TEST(Function, ATransformedQueueSubscriptionIsHandedToTheDispatcher) {
    FunctionNode node;
    auto request = subscribe("copies", "inbox");
    request.spec.sink = model::SinkKind::queue;
    request.spec.endpoint = "done";
    request.spec.format = model::ContentFormat::simplified;
    request.scripts = {lua_script("return event", ScriptRole::transform)};
    const auto made = node.node.ask(request);
    ASSERT_TRUE(made);
    node.node.node->grant(model::SubscriptionNo{made->number}, 10);
    ASSERT_TRUE(node.node.ask(publish("copies", {"one"})));
    node.node.settle_down();
    EXPECT_THAT(node.payloads_in("done"), IsEmpty());
    EXPECT_THAT(node.deliveries.take(), SizeIs(1));
}

TEST(Function, ADisabledOneIsHandedNothingUntilItIsResumed) {
    FunctionNode node;
    node.node.node->disable(node.function, "/usr/bin/handler is missing");
    node.node.settle_down();
    EXPECT_EQ(node.deliveries.targets.at(node.function).spec.state,
              model::SubscriptionState::disabled);
    EXPECT_THAT(node.deliver({"one"}), IsEmpty());
    const auto view = node.node.ask(api::GetSubscription{"news", "fn"});
    EXPECT_EQ(view->spec.state_reason, "/usr/bin/handler is missing");
    EXPECT_EQ(view->backlog, 1U);
    node.node.restart();
    EXPECT_THAT(node.attach_again(), IsEmpty());
    api::SetSubscription resume;
    resume.topic = "news";
    resume.name = "fn";
    resume.state = model::SubscriptionState::active;
    const auto resumed = node.node.ask(resume);
    ASSERT_TRUE(resumed);
    EXPECT_EQ(resumed->spec.state_reason, "");
    node.node.settle_down();
    EXPECT_THAT(node.deliveries.take(), SizeIs(1));
}

TEST(Function, APausedOneStaysPausedWhenItsTargetIsBroken) {
    FunctionNode node;
    api::SetSubscription pause;
    pause.topic = "news";
    pause.name = "fn";
    pause.state = model::SubscriptionState::paused;
    ASSERT_TRUE(node.node.ask(pause));
    node.node.node->disable(node.function, "too late");
    node.node.settle_down();
    const auto view = node.node.ask(api::GetSubscription{"news", "fn"});
    EXPECT_EQ(view->spec.state, model::SubscriptionState::paused);
    EXPECT_EQ(view->spec.state_reason, "");
}

TEST(Function, ItsRowsAreReadAsApplied) {
    FunctionNode node;
    const auto taken = node.deliver({"one"});
    EXPECT_EQ(node.read("n").version, 0U);
    api::HandlerEffects effects;
    effects.writes = {write_add("n", 5)};
    node.settle(node.acknowledge(taken.at(0), std::move(effects)));
    const api::KvRow row = node.read("n");
    EXPECT_EQ(row.value, "5");
    EXPECT_EQ(row.version, node.node.node->data_set().applied());
}

TEST(Function, ADeadLetterTellsTheEndOfItsStderr) {
    FunctionNode node;
    const auto taken = node.deliver({"one"});
    auto settlement = node.acknowledge(taken.at(0), {});
    settlement.effects.clear();
    settlement.items[0].verdict = model::Verdict::rejected;
    settlement.items[0].failure = model::Failure::handler;
    settlement.items[0].log = "Traceback (most recent call last)";
    node.settle(std::move(settlement));
    const auto letters = node.node.ask(api::ListDeadLetters{"news/fn", 0, 10});
    ASSERT_THAT(letters->items, SizeIs(1));
    EXPECT_EQ(letters->items[0].log, "Traceback (most recent call last)");
    EXPECT_EQ(letters->items[0].reason, "handler");
}

}  // namespace penstock::testing

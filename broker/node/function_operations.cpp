// Operations on functions: who may define them, their scripts and versions.
#include "broker/node/operations.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace penstock::node {

namespace {

Refused check_administrator(const Call& call) {
    if (call.root()) return {};
    return model::Refusal{model::Reason::denied,
                          {},
                          "functions and scripts are defined with the root key only: whoever "
                          "defines them runs code on the server"};
}

// One script a role; a handler exactly where the sink is Lua.
Refused check_scripts(const api::Subscribe& request) {
    std::array<unsigned, 3> count{};
    for (const model::Script& script : request.scripts) {
        const auto slot = static_cast<std::size_t>(script.role) - 1;
        if (slot >= count.size() || ++count[slot] > 1) {
            return model::Refusal{model::Reason::script_invalid,
                                  "script",
                                  "one script a role: handler, filter, transform"};
        }
        if (auto refused = check_script(script)) return refused;
    }
    const bool lua = request.spec.sink == model::SinkKind::lua;
    if (lua == (count[0] == 1)) return {};
    return model::Refusal{model::Reason::script_invalid,
                          "script",
                          lua ? "a Lua subscription needs its handler's script"
                              : "only a Lua subscription has a handler's script"};
}

}  // namespace

Refused Operations::check_functions(const Call& call,
                                    const api::Subscribe& request,
                                    model::SubscriptionSpec& spec) const {
    const bool function = model::is_function(spec.sink);
    if (!function && request.scripts.empty()) return {};
    if (auto refused = check_administrator(call)) return refused;
    if (auto refused = check_scripts(request)) return refused;
    if (!function || spec.sink == model::SinkKind::lua) return {};
    const FunctionRules& rules = desk_.options.functions;
    if (!rules.processes || !rules.resolve) {
        return model::Refusal{model::Reason::function_not_allowed,
                              std::string(model::to_text(spec.sink)),
                              "this server runs no programs: functions.allow_processes is off"};
    }
    auto command = rules.resolve(spec.sink, spec.function.command);
    if (!command) {
        return model::Refusal{model::Reason::function_not_allowed,
                              spec.function.command.front(),
                              command.error().detail};
    }
    spec.function.command = std::move(*command);
    return {};
}

void Operations::run(const CallPtr& call, const api::ListScripts& request) {
    auto subscription = desk_.names.subscription(request.topic, request.name);
    if (!subscription) return refuse(call, subscription.error());
    const auto info = core::subscription_info(desk_.data.rows(), subscription->number);
    if (!info) {
        return refuse(call, {model::Reason::subscription_not_found, request.name, "deleted"});
    }
    api::ScriptList list;
    for (model::Script& script : core::scripts_of(desk_.data.rows(), subscription->number)) {
        api::ScriptView view;
        view.code_bytes = script.code.size();
        const auto slot = static_cast<std::size_t>(script.role) - 1;
        view.in_use = info->spec.scripts.at(slot) == script.version;
        if (!request.with_code) script.code.clear();
        view.script = std::move(script);
        list.items.push_back(std::move(view));
    }
    answer<api::ScriptList>(call, std::move(list));
}

void Operations::deploy(const CallPtr& call, model::Command command) {
    const auto replied = [this, call](model::Reply reply) {
        if (auto* refusal = std::get_if<model::Refusal>(&reply)) {
            return refuse(call, std::move(*refusal));
        }
        const std::uint32_t version = std::get<model::Deployed>(reply).version;
        answer<api::DeployedScript>(call, api::DeployedScript{version});
    };
    desk_.data.submit(Submission{std::move(command), {}, call, replied});
}

void Operations::run(const CallPtr& call, api::DeployScript request) {
    if (auto refused = check_administrator(*call)) return refuse(call, std::move(*refused));
    if (auto refused = check_space()) return refuse(call, std::move(*refused));
    if (auto refused = check_script(request.script)) return refuse(call, std::move(*refused));
    auto subscription = desk_.names.subscription(request.topic, request.name);
    if (!subscription) return refuse(call, subscription.error());
    const auto info = core::subscription_info(desk_.data.rows(), subscription->number);
    const bool lua = info && info->spec.sink == model::SinkKind::lua;
    if (request.script.role == model::ScriptRole::handler && !lua) {
        return refuse(call,
                      {model::Reason::script_invalid,
                       request.name,
                       "the subscription is no Lua function: it takes filter and transform only"});
    }
    deploy(call, model::DeployScript{subscription->number, std::move(request.script)});
}

void Operations::run(const CallPtr& call, const api::ActivateScript& request) {
    if (auto refused = check_administrator(*call)) return refuse(call, std::move(*refused));
    auto subscription = desk_.names.subscription(request.topic, request.name);
    if (!subscription) return refuse(call, subscription.error());
    deploy(call, model::ActivateScript{subscription->number, request.role, request.version});
}

}  // namespace penstock::node

#include "plugins/native/script_trials.h"

#include "broker/base/log.h"
#include "plugins/native/answered.h"

#include <functional>
#include <string>
#include <utility>

namespace penstock::plugins::native {

namespace {

using Kind = api::ScriptTrial::Kind;

Problem does_not_load(std::string why) {
    model::Refusal refusal;
    refusal.reason = model::Reason::script_invalid;
    refusal.detail = std::move(why);
    return refused(refusal);
}

}  // namespace

bool is_forced(const Call& call, Fields& fields) {
    Fields query = query_fields(call.request.query, {"force"});
    const bool forced = query.flag("force").value_or(false);
    fields.adopt(query);
    return forced;
}

asio::awaitable<std::optional<Problem>> try_scripts(Call& call,
                                                    std::span<const model::Script> scripts,
                                                    std::uint32_t memory_mib) {
    if (call.trials == nullptr || !call.principal.root) co_return std::nullopt;
    for (const model::Script& script : scripts) {
        std::function<void(std::function<void(api::ScriptTrial)>)> start =
            [&call, &script, memory_mib](std::function<void(api::ScriptTrial)> done) {
                call.trials->load(script, memory_mib, std::move(done));
            };
        const auto trial = co_await answer<api::ScriptTrial>(std::move(start));
        if (trial.kind == Kind::fails) co_return does_not_load(trial.detail);
        if (trial.kind == Kind::loads) continue;
        log_line(LogLevel::warn,
                 "plugins/native",
                 "event=script_untried path=" + call.request.path +
                     " role=" + std::string(model::to_text(script.role)) + " why=" + trial.detail);
        // The others would wait as long for no answer.
        break;
    }
    co_return std::nullopt;
}

}  // namespace penstock::plugins::native

// Handlers of jobs: replays are started, both kinds are shown and steered.
#include "plugins/native/message_filter.h"
#include "plugins/native/routes.h"

namespace penstock::plugins::native {

namespace {

std::string subscription_of(const Call& call) {
    return call.names[0] + "/" + call.names[1];
}

asio::awaitable<Reply> get(Call& call, model::JobKind kind, std::string name) {
    api::GetJob request;
    request.kind = kind;
    request.name = std::move(name);
    const auto outcome = co_await ask(call, std::move(request));
    co_return shown(outcome);
}

asio::awaitable<Reply> change(Call& call, model::JobKind kind, std::string name) {
    Fields fields = json_fields(call.request.body, {"action"});
    const std::vector<std::string_view> actions = {"pause", "resume", "cancel"};
    const auto action = fields.one_of("action", actions);
    if (!action) fields.refuse("action", "is missing; one of pause, resume, cancel.");
    if (!fields.ok()) co_return *fields.problem();
    api::ChangeJob request;
    request.kind = kind;
    request.name = std::move(name);
    if (*action == "pause") request.action = model::JobAction::pause;
    if (*action == "resume") request.action = model::JobAction::resume;
    const auto outcome = co_await ask(call, std::move(request));
    co_return shown(outcome);
}

}  // namespace

asio::awaitable<Reply> get_redrive(Call& call) {
    co_return co_await get(call, model::JobKind::redrive, call.names[0]);
}

asio::awaitable<Reply> change_redrive(Call& call) {
    co_return co_await change(call, model::JobKind::redrive, call.names[0]);
}

asio::awaitable<Reply> start_replay(Call& call) {
    const auto known = with_filter({"rate", "preview"}, false);
    Fields fields = json_fields(call.request.body, known);
    api::ReplayMessages request;
    request.topic = call.names[0];
    request.name = call.names[1];
    request.preview = fields.flag("preview").value_or(false);
    request.rate_per_s = read_rate(fields);
    request.filter = read_filter(fields, false);
    if (!fields.has("from")) {
        fields.refuse("from", "is missing; a time such as 2026-01-31T08:05:09Z (RFC 3339).");
    }
    if (!fields.ok()) co_return *fields.problem();
    const bool preview = request.preview;
    const auto outcome = co_await ask(call, std::move(request));
    if (!outcome) co_return refused(outcome.error());
    co_return started(*outcome, preview);
}

asio::awaitable<Reply> get_replay(Call& call) {
    std::string name = subscription_of(call);
    co_return co_await get(call, model::JobKind::replay, std::move(name));
}

asio::awaitable<Reply> change_replay(Call& call) {
    std::string name = subscription_of(call);
    co_return co_await change(call, model::JobKind::replay, std::move(name));
}

}  // namespace penstock::plugins::native

// Handlers that look at messages without touching them, and those on delayed messages.
#include "plugins/native/message_filter.h"
#include "plugins/native/routes.h"

namespace penstock::plugins::native {

namespace {

constexpr char peek_cursor = 'p';
constexpr Range page_limit{1, 1000};
constexpr std::uint32_t page_limit_default = 50;
constexpr Range delay_s{0, 1'296'000, "seconds"};

std::optional<model::MessageId> message_id(const std::string& text) {
    const auto number = model::parse_decimal(text);
    if (!number || *number == 0) return std::nullopt;
    return model::MessageId(*number);
}

asio::awaitable<Reply> peek(Call& call,
                            api::PeekMessages request,
                            std::vector<std::string_view> states) {
    Fields fields = filtered_query(call.request.query, {"state", "limit", "cursor"}, false);
    request.state = fields.one_of("state", states).value_or("");
    request.filter = read_filter(fields, false);
    request.first = cursor_of(fields, peek_cursor);
    request.limit = fields.whole32("limit", page_limit).value_or(page_limit_default);
    if (!fields.ok()) co_return *fields.problem();
    const auto page = co_await ask(call, std::move(request));
    if (!page) co_return refused(page.error());
    boost::json::array items;
    for (const auto& message : page->items) {
        items.emplace_back(show(message));
    }
    co_return list_reply(std::move(items), peek_cursor, page->next);
}

asio::awaitable<Reply> cancel(Call& call, api::ChangeDelayed request) {
    const auto id = message_id(call.names[1]);
    if (!id) co_return invalid_parameter("id", "'id': must be a message id in decimal digits.");
    request.id = *id;
    request.cancel = true;
    const auto outcome = co_await ask(call, std::move(request));
    co_return done(outcome);
}

asio::awaitable<Reply> move(Call& call, api::ChangeDelayed request) {
    const auto id = message_id(call.names[1]);
    if (!id) co_return invalid_parameter("id", "'id': must be a message id in decimal digits.");
    request.id = *id;
    Fields fields = json_fields(call.request.body, {"due_at", "delay"});
    if (fields.has("due_at") == fields.has("delay")) {
        fields.refuse("due_at", "exactly one of due_at (a time) and delay (seconds) is needed.");
    }
    const auto due_ms = fields.instant("due_at");
    request.delay_s = fields.whole32("delay", delay_s).value_or(0);
    if (!fields.ok()) co_return *fields.problem();
    request.due_ms = due_ms.value_or(0);
    const auto outcome = co_await ask(call, std::move(request));
    co_return done(outcome);
}

asio::awaitable<Reply> set_paused(Call& call, bool paused) {
    api::SetQueue request;
    request.name = call.names[0];
    request.change.paused = paused;
    co_return co_await carry_out(call, std::move(request));
}

api::ChangeDelayed in_queue(const Call& call) {
    api::ChangeDelayed request;
    request.queue = call.names[0];
    return request;
}

api::ChangeDelayed in_topic(const Call& call) {
    api::ChangeDelayed request;
    request.topic = call.names[0];
    return request;
}

}  // namespace

asio::awaitable<Reply> peek_queue(Call& call) {
    api::PeekMessages request;
    request.queue = call.names[0];
    std::vector<std::string_view> states = {
        "visible", "in_flight", "delayed", "deleted", "prepared"};
    co_return co_await peek(call, std::move(request), std::move(states));
}

asio::awaitable<Reply> peek_topic(Call& call) {
    api::PeekMessages request;
    request.topic = call.names[0];
    std::vector<std::string_view> states = {"retained", "delayed"};
    co_return co_await peek(call, std::move(request), std::move(states));
}

asio::awaitable<Reply> cancel_delayed_in_queue(Call& call) {
    api::ChangeDelayed request = in_queue(call);
    co_return co_await cancel(call, std::move(request));
}

asio::awaitable<Reply> cancel_delayed_in_topic(Call& call) {
    api::ChangeDelayed request = in_topic(call);
    co_return co_await cancel(call, std::move(request));
}

asio::awaitable<Reply> move_delayed_in_queue(Call& call) {
    api::ChangeDelayed request = in_queue(call);
    co_return co_await move(call, std::move(request));
}

asio::awaitable<Reply> move_delayed_in_topic(Call& call) {
    api::ChangeDelayed request = in_topic(call);
    co_return co_await move(call, std::move(request));
}

asio::awaitable<Reply> pause_queue(Call& call) {
    co_return co_await set_paused(call, true);
}

asio::awaitable<Reply> resume_queue(Call& call) {
    co_return co_await set_paused(call, false);
}

}  // namespace penstock::plugins::native

#include "broker/base/instant.h"
#include "plugins/native/routes.h"

namespace penstock::plugins::native {

namespace {

constexpr char delivery_cursor = 'd';
constexpr Range page_limit{1, 1000};
constexpr std::uint32_t page_limit_default = 50;
constexpr Range subscription_bytes{3, 129};

std::optional<model::MessageId> message_id(const std::string& text) {
    const auto number = model::parse_decimal(text);
    if (!number || *number == 0) return std::nullopt;
    return model::MessageId(*number);
}

}  // namespace

asio::awaitable<Reply> list_dead_letter_queues(Call& call) {
    Fields fields = query_fields(call.request.query, {"search", "limit", "cursor"});
    NameListing listing = name_listing(fields);
    api::ListQueues request;
    request.search = std::move(listing.search);
    request.page = listing.page;
    request.automatic = true;
    request.only_automatic = true;
    if (!fields.ok()) co_return *fields.problem();
    const auto page = co_await ask(call, std::move(request));
    if (!page) co_return refused(page.error());
    boost::json::array items;
    for (const auto& item : page->items) {
        api::GetQueue get;
        get.name = item.name;
        const auto queue = co_await ask(call, std::move(get));
        if (queue) items.emplace_back(show(*queue));
    }
    co_return list_reply(
        std::move(items), name_cursor, next_page(listing.page, page->items.size(), page->total));
}

asio::awaitable<Reply> list_deliveries(Call& call) {
    Fields fields = query_fields(call.request.query, {"subscription", "status", "cursor", "limit"});
    api::ListDeliveries request;
    request.subscription = fields.text("subscription", subscription_bytes).value_or("");
    request.status = fields.one_of("status", {"ok", "failed", "retry", "parked"}).value_or("");
    request.before = cursor_of(fields, delivery_cursor);
    request.limit = fields.whole32("limit", page_limit).value_or(page_limit_default);
    if (!fields.ok()) co_return *fields.problem();
    const auto page = co_await ask(call, std::move(request));
    if (!page) co_return refused(page.error());
    boost::json::array items;
    for (const auto& delivery : page->items) {
        items.emplace_back(show(delivery));
    }
    co_return list_reply(std::move(items), delivery_cursor, page->next);
}

namespace {

asio::awaitable<Reply> release(Call& call, bool drop) {
    api::ReleaseDelivery request;
    request.subscription = call.names[0] + "/" + call.names[1];
    const auto id = message_id(call.names[2]);
    if (!id) co_return invalid_parameter("id", "'id': must be a message id in decimal digits.");
    request.message = *id;
    request.drop = drop;
    const auto outcome = co_await ask(call, std::move(request));
    co_return done(outcome);
}

}  // namespace

asio::awaitable<Reply> retry_delivery(Call& call) {
    co_return co_await release(call, false);
}

asio::awaitable<Reply> drop_delivery(Call& call) {
    co_return co_await release(call, true);
}

asio::awaitable<Reply> track_message(Call& call) {
    const auto id = message_id(call.names[0]);
    if (!id) co_return invalid_parameter("id", "'id': must be a message id in decimal digits.");
    api::TrackMessage request;
    request.id = *id;
    const auto outcome = co_await ask(call, std::move(request));
    co_return shown(outcome);
}

asio::awaitable<Reply> get_status(Call& call) {
    api::GetStatus request;
    const auto outcome = co_await ask(call, std::move(request));
    if (!outcome) co_return refused(outcome.error());
    boost::json::object body = show(*outcome);
    if (call.tls != nullptr) body["certificate_ends_at"] = format_instant(call.tls->ends_ms());
    co_return json_reply(body);
}

}  // namespace penstock::plugins::native

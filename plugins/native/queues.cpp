#include "plugins/native/routes.h"

namespace penstock::plugins::native {

namespace {

const std::vector<std::string_view> attribute_fields = {"visibility",
                                                        "retention",
                                                        "rewind",
                                                        "poll",
                                                        "max_size",
                                                        "max_messages",
                                                        "paused",
                                                        "dead_letter",
                                                        "ordered",
                                                        "qps",
                                                        "transaction"};

constexpr Range visibility_s{1, 43'200, "seconds"};
constexpr Range retention_s{60, 1'296'000, "seconds"};
constexpr Range rewind_s{0, 1'296'000, "seconds"};
constexpr Range poll_s{0, 30, "seconds"};
constexpr Range message_bytes{model::message_bytes_least, model::message_bytes_most};
constexpr Range messages_max{1'000'000, 1'000'000'000};
constexpr Range receives_max{1, 1000};
constexpr Range time_to_live_s{300, 43'200, "seconds"};
constexpr Range first_query_s{1, model::first_query_s_max, "seconds"};
constexpr Range queries_range{1, model::queries_most};

std::vector<std::string_view> with_name() {
    std::vector<std::string_view> known = attribute_fields;
    known.insert(known.begin(), "name");
    return known;
}

// {"queue": NAME, "max_receives": N} or {"queue": NAME, "time_to_live": SECONDS}.
void read_dead_letter(Fields& fields, api::QueueChange& change) {
    if (fields.is_null("dead_letter")) change.unbind_dead_letter = true;
    auto policy = fields.object("dead_letter", {"queue", "max_receives", "time_to_live"});
    if (!policy) return;
    api::DeadLetterSpec spec;
    spec.queue = policy->need_text("queue", name_bytes);
    if (policy->has("max_receives") == policy->has("time_to_live")) {
        policy->refuse("max_receives", "exactly one of max_receives and time_to_live is needed.");
    } else if (policy->has("max_receives")) {
        spec.max_receives =
            static_cast<std::uint32_t>(policy->need_whole("max_receives", receives_max));
    } else {
        spec.kind = model::DeadLetterPolicy::Kind::time_to_live;
        spec.time_to_live_s =
            static_cast<std::uint32_t>(policy->need_whole("time_to_live", time_to_live_s));
    }
    fields.adopt(*policy);
    change.dead_letter = std::move(spec);
}

// {"first_query": SECONDS, "queries": N}, both as they please; null: none.
void read_transaction(Fields& fields, api::QueueChange& change) {
    if (fields.is_null("transaction")) change.transactional = false;
    auto policy = fields.object("transaction", {"first_query", "queries"});
    if (!policy) return;
    change.transactional = true;
    change.first_query_s = policy->whole32("first_query", first_query_s);
    change.queries_max = policy->whole32("queries", queries_range);
    fields.adopt(*policy);
}

api::QueueChange read_change(Fields& fields) {
    api::QueueChange change;
    change.visibility_s = fields.whole32("visibility", visibility_s);
    change.retention_s = fields.whole32("retention", retention_s);
    change.rewind_s = fields.whole32("rewind", rewind_s);
    change.polling_wait_s = fields.whole32("poll", poll_s);
    change.message_bytes_max = fields.whole32("max_size", message_bytes);
    change.messages_max = fields.whole("max_messages", messages_max);
    change.paused = fields.flag("paused");
    change.ordered = fields.flag("ordered");
    change.messages_per_s = fields.whole32("qps", rate_per_s);
    read_dead_letter(fields, change);
    read_transaction(fields, change);
    return change;
}

}  // namespace

asio::awaitable<Reply> list_queues(Call& call) {
    Fields fields = query_fields(call.request.query, {"search", "limit", "cursor", "all"}, {});
    NameListing listing = name_listing(fields);
    api::ListQueues request;
    request.search = std::move(listing.search);
    request.page = listing.page;
    request.automatic = fields.flag("all").value_or(false);
    if (!fields.ok()) co_return *fields.problem();
    const auto page = co_await ask(call, std::move(request));
    if (!page) co_return refused(page.error());

    boost::json::array items;
    for (const auto& item : page->items) {
        api::GetQueue get;
        get.name = item.name;
        const auto queue = co_await ask(call, std::move(get));
        if (queue) {
            items.emplace_back(show(*queue));
        } else if (queue.error().reason != model::Reason::queue_not_found) {
            co_return refused(queue.error());  // one deleted meanwhile is just left out
        }
    }
    co_return list_reply(
        std::move(items), name_cursor, next_page(listing.page, page->items.size(), page->total));
}

asio::awaitable<Reply> create_queue(Call& call) {
    Fields fields = json_fields(call.request.body, with_name());
    api::CreateQueue request;
    request.name = fields.need_text("name", name_bytes);
    request.change = read_change(fields);
    request.change.unbind_dead_letter = false;  // null at creation: none, as is the default
    if (!fields.ok()) co_return *fields.problem();
    const auto outcome = co_await ask(call, std::move(request));
    co_return shown(outcome, 201);
}

asio::awaitable<Reply> get_queue(Call& call) {
    api::GetQueue request;
    request.name = call.names[0];
    const auto outcome = co_await ask(call, std::move(request));
    co_return shown_if_new(call, outcome);
}

asio::awaitable<Reply> set_queue(Call& call) {
    Fields fields = json_fields(call.request.body, attribute_fields);
    api::SetQueue request;
    request.name = call.names[0];
    request.change = read_change(fields);
    if (!fields.ok()) co_return *fields.problem();
    co_return co_await carry_out(call, std::move(request));
}

asio::awaitable<Reply> delete_queue(Call& call) {
    api::DeleteQueue request;
    request.name = call.names[0];
    co_return co_await carry_out(call, std::move(request));
}

asio::awaitable<Reply> clear_queue(Call& call) {
    api::ClearQueue request;
    request.name = call.names[0];
    const auto outcome = co_await ask(call, std::move(request));
    co_return done(outcome);
}

asio::awaitable<Reply> rewind_queue(Call& call) {
    Fields fields = json_fields(call.request.body, {"to"});
    api::RewindQueue request;
    request.name = call.names[0];
    const auto to_ms = fields.instant("to");
    if (!to_ms) fields.refuse("to", "is missing; a time such as 2026-01-31T08:05:09Z (RFC 3339).");
    request.to_ms = to_ms.value_or(0);
    if (!fields.ok()) co_return *fields.problem();
    const auto outcome = co_await ask(call, std::move(request));
    co_return done(outcome);
}

}  // namespace penstock::plugins::native

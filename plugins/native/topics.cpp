#include "plugins/native/routes.h"

namespace penstock::plugins::native {

namespace {

constexpr Range retention_s{60, 1'296'000, "seconds"};
constexpr Range message_bytes{model::message_bytes_least, model::message_bytes_most};

}  // namespace

asio::awaitable<Reply> list_topics(Call& call) {
    Fields fields = query_fields(call.request.query, {"search", "limit", "cursor"});
    NameListing listing = name_listing(fields);
    api::ListTopics request;
    request.search = std::move(listing.search);
    request.page = listing.page;
    if (!fields.ok()) co_return *fields.problem();
    const auto page = co_await ask(call, std::move(request));
    if (!page) co_return refused(page.error());

    boost::json::array items;
    for (const auto& item : page->items) {
        api::GetTopic get;
        get.name = item.name;
        const auto topic = co_await ask(call, std::move(get));
        if (topic) {
            items.emplace_back(show(*topic));
        } else if (topic.error().reason != model::Reason::topic_not_found) {
            co_return refused(topic.error());  // one deleted meanwhile is just left out
        }
    }
    co_return list_reply(
        std::move(items), name_cursor, next_page(listing.page, page->items.size(), page->total));
}

asio::awaitable<Reply> create_topic(Call& call) {
    Fields fields =
        json_fields(call.request.body, {"name", "match", "retention", "max_size", "qps"});
    api::CreateTopic request;
    request.name = fields.need_text("name", name_bytes);
    if (fields.one_of("match", {"tags", "key"}).value_or("tags") == "key") {
        request.attributes.filter = model::FilterKind::routing_key;
    }
    const auto retention = fields.whole32("retention", retention_s);
    const auto max_size = fields.whole32("max_size", message_bytes);
    request.attributes.messages_per_s = fields.whole32("qps", rate_per_s).value_or(0);
    if (!fields.ok()) co_return *fields.problem();
    request.attributes.retention_s = retention.value_or(request.attributes.retention_s);
    request.attributes.message_bytes_max = max_size.value_or(request.attributes.message_bytes_max);
    const auto outcome = co_await ask(call, std::move(request));
    co_return shown(outcome, 201);
}

asio::awaitable<Reply> get_topic(Call& call) {
    api::GetTopic request;
    request.name = call.names[0];
    const auto outcome = co_await ask(call, std::move(request));
    co_return shown_if_new(call, outcome);
}

asio::awaitable<Reply> set_topic(Call& call) {
    Fields fields = json_fields(call.request.body, {"retention", "max_size", "qps"});
    api::SetTopic request;
    request.name = call.names[0];
    request.retention_s = fields.whole32("retention", retention_s);
    request.message_bytes_max = fields.whole32("max_size", message_bytes);
    request.messages_per_s = fields.whole32("qps", rate_per_s);
    if (!fields.ok()) co_return *fields.problem();
    co_return co_await carry_out(call, std::move(request));
}

asio::awaitable<Reply> delete_topic(Call& call) {
    api::DeleteTopic request;
    request.name = call.names[0];
    co_return co_await carry_out(call, std::move(request));
}

}  // namespace penstock::plugins::native

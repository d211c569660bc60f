// Handlers of dead letters: listing by a filter, one with every attempt, editing, redriving.
#include "broker/base/base64.h"
#include "plugins/native/message_filter.h"
#include "plugins/native/routes.h"

#include <utility>

namespace penstock::plugins::native {

namespace {

constexpr char letter_cursor = 'l';
constexpr Range page_limit{1, 1000};
constexpr std::uint32_t page_limit_default = 50;
constexpr Range redrive_items{1, 1000};
constexpr Range id_bytes{1, 20};
constexpr Range payload_bytes{1, model::edited_bytes_max};
constexpr Range payload_base64_bytes{4, 1'398'104};
constexpr Range tag_items{0, 16};
constexpr Range text_bytes{0, 128};

std::optional<model::MessageId> message_id(const std::string& text) {
    const auto number = model::parse_decimal(text);
    if (!number || *number == 0) return std::nullopt;
    return model::MessageId(*number);
}

// Lays what was given over the letter as it is.
void read_edit(Fields& fields, model::NewMessage& message) {
    if (fields.has("body") && fields.has("body_base64")) {
        fields.refuse("body", "at most one of body and body_base64 may be there.");
    }
    if (auto text = fields.payload("body", payload_bytes)) message.payload = std::move(*text);
    if (const auto text = fields.text("body_base64", payload_base64_bytes)) {
        auto bytes = decode_base64(*text);
        if (!bytes || bytes->empty()) {
            fields.refuse("body_base64", "must be padded standard base64.");
        } else {
            message.payload = std::move(*bytes);
        }
    }
    model::MessageMeta& meta = message.meta;
    if (auto tags = fields.texts("tags", tag_items, text_bytes)) meta.tags = std::move(*tags);
    if (auto key = fields.text("key", text_bytes)) meta.routing_key = std::move(*key);
    if (auto key = fields.text("ordering_key", text_bytes)) meta.ordering_key = std::move(*key);
    if (auto type = fields.text("content_type", text_bytes)) meta.content_type = std::move(*type);
}

}  // namespace

Reply started(const api::JobStarted& job, bool preview) {
    boost::json::object body;
    body["messages"] = job.messages;
    body["preview"] = preview;
    if (job.job != 0) body["job"] = std::to_string(job.job);
    return json_reply(body, preview ? 200 : 202);
}

asio::awaitable<Reply> list_dead_letters(Call& call) {
    Fields fields = filtered_query(call.request.query, {"limit", "cursor", "bodies"}, true);
    api::ListDeadLetters request;
    request.queue = call.names[0];
    request.first = cursor_of(fields, letter_cursor);
    request.limit = fields.whole32("limit", page_limit).value_or(page_limit_default);
    request.filter = read_filter(fields, true);
    request.bodies = fields.flag("bodies").value_or(true);
    if (!fields.ok()) co_return *fields.problem();
    const auto page = co_await ask(call, std::move(request));
    if (!page) co_return refused(page.error());
    boost::json::array items;
    for (const auto& letter : page->items) {
        items.emplace_back(show(letter));
    }
    co_return list_reply(std::move(items), letter_cursor, page->next);
}

asio::awaitable<Reply> get_dead_letter(Call& call) {
    const auto id = message_id(call.names[1]);
    if (!id) co_return invalid_parameter("id", "'id': must be a message id in decimal digits.");
    api::FindDeadLetter find;
    find.queue = call.names[0];
    find.id = *id;
    const auto letter = co_await ask(call, std::move(find));
    if (!letter) co_return refused(letter.error());
    boost::json::object body = show(*letter);
    boost::json::array history;
    api::TrackMessage track;
    track.id = *id;
    // The track keeps attempts for its own time; what it has no more is not in the way of the rest.
    const auto tracked = co_await ask(call, std::move(track));
    if (tracked) {
        for (const auto& place : tracked->places) {
            // What other subscriptions made of the message is no part of why this one gave up.
            if (!letter->source.empty() && place.object != letter->source) continue;
            for (const auto& attempt : place.attempts) history.emplace_back(show(attempt));
        }
    }
    body["history"] = std::move(history);
    co_return json_reply(body);
}

asio::awaitable<Reply> edit_dead_letter(Call& call) {
    const auto id = message_id(call.names[1]);
    if (!id) co_return invalid_parameter("id", "'id': must be a message id in decimal digits.");
    const std::vector<std::string_view> known = {
        "body", "body_base64", "content_type", "tags", "key", "ordering_key"};
    Fields fields = json_fields(call.request.body, known);
    api::FindDeadLetter find;
    find.queue = call.names[0];
    find.id = *id;
    if (!fields.ok()) co_return *fields.problem();
    const auto letter = co_await ask(call, std::move(find));
    if (!letter) co_return refused(letter.error());
    model::NewMessage message{letter->meta, letter->payload};
    read_edit(fields, message);
    if (!fields.ok()) co_return *fields.problem();
    api::EditDeadLetter request;
    request.queue = call.names[0];
    request.id = *id;
    request.messages.push_back(std::move(message));
    const auto outcome = co_await ask(call, std::move(request));
    if (!outcome) co_return refused(outcome.error());
    boost::json::object body;
    body["id"] = model::to_text(outcome->id);
    body["edited_from"] = model::to_text(*id);
    co_return json_reply(body, 202);
}

asio::awaitable<Reply> redrive_dead_letters(Call& call) {
    const auto known = with_filter({"messages", "preview", "rate"}, true);
    Fields fields = json_fields(call.request.body, known);
    api::RedriveDeadLetters request;
    request.queue = call.names[0];
    request.preview = fields.flag("preview").value_or(false);
    request.rate_per_s = read_rate(fields);
    request.filter = read_filter(fields, true);
    if (const auto ids = fields.texts("messages", redrive_items, id_bytes)) {
        for (const auto& text : *ids) {
            const auto id = message_id(text);
            if (!id) fields.refuse("messages", "must hold message ids in decimal digits.");
            request.messages.push_back(id.value_or(model::MessageId()));
        }
        const bool filtered = request.filter != model::MessageFilter{};
        if (filtered || request.rate_per_s != 0) {
            fields.refuse("messages", "are sent without a filter and without a rate.");
        }
    }
    if (!fields.ok()) co_return *fields.problem();
    const bool preview = request.preview;
    const auto outcome = co_await ask(call, std::move(request));
    if (!outcome) co_return refused(outcome.error());
    co_return started(*outcome, preview);
}

}  // namespace penstock::plugins::native

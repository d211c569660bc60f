#include "plugins/cmq_tcp/translate.h"

#include "broker/api/names.h"
#include "plugins/cmq_http/limits.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace penstock::plugins::cmq_tcp {

namespace {

constexpr std::int64_t ms_per_s = 1'000;

std::vector<model::NewMessage> messages_of(const std::vector<std::string_view>& bodies,
                                           std::string_view ordering_key) {
    std::vector<model::NewMessage> messages(bodies.size());
    for (std::size_t at = 0; at < bodies.size(); ++at) {
        messages[at].payload = bodies[at];
        messages[at].meta.ordering_key = ordering_key;
    }
    return messages;
}

cmq::Failure check_batch(std::size_t items, const char* name) {
    if (items <= cmq::batch_items_max) return {};
    return {cmq::faults::batch_size, name};
}

cmq::Failure check_range(std::int64_t value,
                         std::int64_t least,
                         std::int64_t most,
                         const char* name) {
    if (value >= least && value <= most) return {};
    return {cmq::faults::out_of_range, name};
}

// Of a routing or an ordering key.
cmq::Failure check_key(std::string_view key, const char* name) {
    if (!api::valid_utf8(key)) return {cmq::faults::value_malformed, {}};
    return check_range(static_cast<std::int64_t>(key.size()), 0, cmq::key_bytes_max, name);
}

cmq::Failure check_tags(const std::vector<std::string_view>& tags) {
    if (tags.size() > cmq::tags_max) return {cmq::faults::too_many_tags, {}};
    for (const std::string_view tag : tags) {
        if (!api::valid_utf8(tag)) return {cmq::faults::value_malformed, {}};
        auto failure = check_range(cmq::characters_of(tag), 1, cmq::tag_characters_max, "msgTags");
        if (!failure.none()) return failure;
    }
    return {};
}

cmq::Failure first_of(std::initializer_list<cmq::Failure> failures) {
    for (const cmq::Failure& failure : failures) {
        if (!failure.none()) return failure;
    }
    return {};
}

bool is(const Reply& reply, Command command) {
    return reply.command == static_cast<std::int32_t>(command);
}

// How a command names trouble of the server's own in which nothing happened.
cmq::Fault failed_of(const Reply& reply) {
    if (is(reply, Command::pull) || is(reply, Command::pull_batch)) {
        return cmq::faults::receive_failed;
    }
    if (is(reply, Command::remove) || is(reply, Command::remove_batch)) {
        return cmq::faults::delete_failed;
    }
    if (is(reply, Command::confirm)) return cmq::faults::none_confirmed;
    return cmq::faults::send_failed;
}

cmq::Family family_of(const Reply& reply) {
    const bool topic = is(reply, Command::publish) || is(reply, Command::publish_batch);
    return topic ? cmq::Family::topic : cmq::Family::queue;
}

}  // namespace

cmq::Failure judge(const Send& fields) {
    return first_of({check_batch(fields.bodies.size(), "msgBody"),
                     check_key(fields.ordering_key, "ordering_key")});
}

cmq::Failure judge(const Pull& fields) {
    constexpr auto most = static_cast<std::int64_t>(cmq::batch_items_max);
    return first_of(
        {check_range(fields.messages_max, 1, most, "num_msg"),
         check_range(fields.wait_s.value_or(0), 0, cmq::polling_wait_s_max, "poll_wait_seconds"),
         check_range(fields.visibility_s, 0, cmq::visibility_s_max, "visible_timeout")});
}

cmq::Failure judge(const Remove& fields) {
    return check_batch(fields.receipts.size(), "receipt_handle");
}

cmq::Failure judge(const Publish& fields) {
    if (cmq::has_too_many_dots(fields.routing_key)) return {cmq::faults::too_many_dots, {}};
    return first_of({check_batch(fields.bodies.size(), "msgBody"),
                     check_tags(fields.tags),
                     check_key(fields.routing_key, "routing_key"),
                     check_key(fields.ordering_key, "ordering_key")});
}

cmq::Failure judge(const Confirm& fields) {
    const bool sensible =
        std::all_of(fields.items.begin(), fields.items.end(), [](const Confirm::Item& item) {
            return item.state == Confirm::committed || item.state == Confirm::rolled_back;
        });
    if (!sensible) return {cmq::faults::out_of_range, "state"};
    constexpr auto most = static_cast<std::int64_t>(model::confirm_items_max);
    return check_range(static_cast<std::int64_t>(fields.items.size()), 1, most, "item");
}

api::SendMessages to_broker(const Send& fields) {
    api::SendMessages request;
    request.queue = fields.queue;
    request.messages = messages_of(fields.bodies, fields.ordering_key);
    request.delay_s = fields.delay_s;
    request.transaction = fields.transaction != 0;
    // Seconds; a well-known client sends 5000 unless it is told otherwise.
    if (request.transaction && fields.first_query_s > 0) {
        request.first_query_s =
            std::min(static_cast<std::uint32_t>(fields.first_query_s), model::first_query_s_max);
    }
    return request;
}

api::ReceiveMessages to_broker(const Pull& fields) {
    api::ReceiveMessages request;
    request.queue = fields.queue;
    request.messages_max = static_cast<std::uint32_t>(fields.messages_max);
    if (fields.wait_s) request.wait_s = static_cast<std::uint32_t>(*fields.wait_s);
    request.visibility_s = fields.visibility_s;
    return request;
}

api::DeleteMessages to_broker(const Remove& fields) {
    api::DeleteMessages request;
    request.queue = fields.queue;
    for (const std::uint64_t receipt : fields.receipts) request.receipts.emplace_back(receipt);
    return request;
}

api::PublishMessages to_broker(const Publish& fields) {
    api::PublishMessages request;
    request.topic = fields.topic;
    request.messages = messages_of(fields.bodies, fields.ordering_key);
    request.want_receiver = true;
    for (model::NewMessage& message : request.messages) {
        message.meta.tags.assign(fields.tags.begin(), fields.tags.end());
        message.meta.routing_key = fields.routing_key;
    }
    return request;
}

api::ConfirmTransactions to_broker(const Confirm& fields) {
    api::ConfirmTransactions request;
    request.queue = fields.queue;
    for (const Confirm::Item& item : fields.items) {
        request.items.push_back({model::MessageId{item.id}, item.state == Confirm::committed});
    }
    return request;
}

void tell(Reply& reply, const api::SentMessages& sent) {
    reply.ids.reserve(sent.ids.size());
    for (const model::MessageId id : sent.ids) reply.ids.push_back(id.value);
}

void tell(Reply& reply, api::ReceivedMessages received) {
    if (received.messages.empty()) return tell(reply, cmq::Failure{cmq::faults::no_message, {}});
    for (api::ReceivedMessage& message : received.messages) {
        PulledMessage& pulled = reply.pulled.emplace_back();
        pulled.id = message.id.value;
        pulled.receipt = message.receipt.value;
        pulled.body = std::move(message.payload);
        pulled.enqueued_s = message.enqueued_ms / ms_per_s;
        pulled.next_visible_s = message.next_visible_ms / ms_per_s;
        pulled.first_received_s = message.first_received_ms / ms_per_s;
        pulled.receives = message.receives;
        pulled.ordering_key = std::move(message.meta.ordering_key);
    }
}

void tell(Reply& reply,
          const api::DeletedMessages& deleted,
          const std::vector<model::Receipt>& receipts) {
    const bool batch = is(reply, Command::remove_batch);
    for (std::size_t at = 0; at < deleted.removed.size(); ++at) {
        if (deleted.removed[at]) continue;
        if (!batch) return tell(reply, cmq::Failure{cmq::faults::receipt_invalid, {}});
        const auto& fault = cmq::faults::receipt_invalid;
        reply.failures.push_back({receipts[at].value, fault.code, "(10260)invalid receiptHandle"});
    }
    if (reply.failures.empty()) return;
    const bool none = reply.failures.size() == receipts.size();
    tell(reply, cmq::Failure{none ? cmq::faults::none_deleted : cmq::faults::some_not_deleted, {}});
}

void tell(Reply& reply,
          const api::ConfirmedTransactions& confirmed,
          const api::ConfirmTransactions& asked) {
    using model::ConfirmResult;
    reply.confirmed_queue = asked.queue;
    std::size_t failed = 0;
    for (std::size_t at = 0; at < confirmed.results.size(); ++at) {
        const ConfirmResult result = confirmed.results[at];
        ConfirmedItem& item = reply.confirmed.emplace_back();
        item.id = asked.items[at].message.value;
        const bool committed = asked.items[at].commit == (result == ConfirmResult::done);
        item.state = result == ConfirmResult::unknown ? ConfirmedItem::unknown
                     : committed                      ? Confirm::committed
                                                      : Confirm::rolled_back;
        if (result == ConfirmResult::done) continue;
        ++failed;
        const bool unknown = result == ConfirmResult::unknown;
        const auto& fault =
            unknown ? cmq::faults::message_not_found : cmq::faults::operation_not_allowed;
        item.code = fault.code;
        item.text = cmq::message_of({fault, {}});
    }
    if (failed == 0) return;
    const bool none = failed == asked.items.size();
    tell(reply,
         cmq::Failure{none ? cmq::faults::none_confirmed : cmq::faults::some_not_confirmed, {}});
}

void tell(Reply& reply, const model::Refusal& refusal) {
    tell(reply, failure_of(refusal, family_of(reply), failed_of(reply)));
}

void tell(Reply& reply, const cmq::Failure& failure) {
    reply.result = failure.fault.code;
    if (failure.fault.module == cmq::faults::no_message.module) reply.result = result_no_message;
    reply.error = message_of(failure);
}

}  // namespace penstock::plugins::cmq_tcp

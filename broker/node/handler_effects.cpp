#include "broker/node/handler_effects.h"

#include "broker/core/data_query.h"
#include "broker/core/kv.h"
#include "broker/model/account_name.h"

#include <algorithm>
#include <string>
#include <utility>

namespace penstock::node {

namespace {

model::Refusal refuse(std::string_view subject, std::string detail) {
    return {model::Reason::invalid_parameter, std::string(subject), std::move(detail)};
}

model::Refusal too_many(std::string_view what, std::size_t most) {
    return refuse(what,
                  "a handler may give at most " + std::to_string(most) + " " + std::string(what) +
                      " with one message");
}

Refused check_outputs(const std::vector<api::HandlerOutput>& outputs) {
    std::uint64_t bytes = 0;
    for (const api::HandlerOutput& output : outputs) {
        const std::uint32_t payload_bytes = model::size_sent(output.message);
        bytes += payload_bytes;
        if (output.delay_ms > std::uint64_t{delay_s_max} * 1'000) {
            return out_of_range("delay", 0, delay_s_max, "seconds");
        }
        const model::BodyInfo info{output.message.meta, payload_bytes};
        if (auto refused = check_batch({info}, 0, {}, outputs_bytes_max)) return refused;
    }
    if (bytes > outputs_bytes_max) {
        return refuse("outputs",
                      "the outputs of one message have together at most " +
                          std::to_string(outputs_bytes_max) + " bytes");
    }
    return {};
}

}  // namespace

Refused HandlerEffects::check(const api::HandlerEffects& effects) const {
    if (effects.outputs.size() > model::outputs_per_message_max) {
        return too_many("outputs", model::outputs_per_message_max);
    }
    if (effects.writes.size() > model::kv_writes_per_message_max) {
        return too_many("kv writes", model::kv_writes_per_message_max);
    }
    if (effects.reads.size() > model::kv_reads_per_message_max) {
        return too_many("kv reads", model::kv_reads_per_message_max);
    }
    for (const model::KvWrite& write : effects.writes) {
        if (auto refused = core::check_shape(write)) return refused;
    }
    for (const model::KvRead& read : effects.reads) {
        if (read.key.size() > model::kv_key_bytes_max) {
            return out_of_range("kv key", 1, model::kv_key_bytes_max, "bytes");
        }
    }
    if (auto refused = check_outputs(effects.outputs)) return refused;
    const bool sealed = std::all_of(
        effects.outputs.begin(), effects.outputs.end(), [](const api::HandlerOutput& output) {
            return output.message.packing && output.message.packing->seal;
        });
    if (sealed_only_ && !sealed) {
        return model::Refusal{
            model::Reason::unavailable, "outputs", "a message that is not sealed is not kept here"};
    }
    if (!effects.outputs.empty() || !effects.writes.empty()) return check_space_();
    return {};
}

Outcome<model::Output> HandlerEffects::resolve(const api::HandlerOutput& output,
                                               std::string_view account) {
    // Of the server's own account too: what belongs to another is reached from there alone.
    const bool foreign = !model::account_of(output.queue + output.topic).empty();
    if (foreign) return refuse("outputs", "a name of another account");
    model::Output resolved;
    resolved.delay_ms = output.delay_ms;
    if (!output.queue.empty()) {
        auto queue = names_.queue(model::stored_name(account, output.queue));
        if (!queue) return std::move(queue.error());
        resolved.target = place_of(*queue);
        resolved.to_queue = true;
        return resolved;
    }
    if (output.topic.empty()) return refuse("outputs", "each names a topic or a queue");
    auto topic = names_.topic(model::stored_name(account, output.topic));
    if (!topic) return std::move(topic.error());
    resolved.target = place_of(*topic);
    const auto info = core::topic_info(data_.rows(), topic->number);
    const bool by_key = info && info->attributes.filter == model::FilterKind::routing_key;
    if (by_key && output.message.meta.routing_key.empty()) {
        return refuse("routing_key", "topic " + output.topic + " matches by routing key: give one");
    }
    return resolved;
}

Refused HandlerEffects::prepare(api::HandlerEffects effects,
                                model::SubscriptionNo subscription,
                                model::HandlerCommit& commit,
                                PreparedBodies& bodies) {
    if (effects.refused) return std::move(effects.refused);
    if (auto refused = check(effects)) return refused;
    std::vector<model::Output> outputs;
    std::string account;
    if (!effects.outputs.empty()) account = model::account_of(names_.name_of(subscription));
    for (const api::HandlerOutput& output : effects.outputs) {
        auto resolved = resolve(output, account);
        if (!resolved) return std::move(resolved.error());
        outputs.push_back(*resolved);
    }
    for (std::size_t at = 0; at < outputs.size(); ++at) {
        model::NewMessage& message = effects.outputs[at].message;
        outputs[at].ordinal = static_cast<std::uint32_t>(bodies.bytes.size());
        bodies.bytes.push_back(model::encode_body(message));
        bodies.infos.push_back(model::take_info(message));
    }
    commit.outputs = std::move(outputs);
    commit.writes = std::move(effects.writes);
    commit.reads = std::move(effects.reads);
    return {};
}

}  // namespace penstock::node

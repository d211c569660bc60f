#include "plugins/cmq_http/dead_letter_policy.h"

#include "broker/api/names.h"
#include "broker/model/ids.h"

#include <boost/json.hpp>

namespace penstock::plugins::cmq {

namespace {

namespace json = boost::json;

constexpr std::int64_t receives_max = 1000;
constexpr std::int64_t time_to_live_min_s = 300;
constexpr std::int64_t time_to_live_max_s = 43200;

// A number, or a number in a string as some clients write it.
std::optional<std::int64_t> number_at(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains({name.data(), name.size()});
    if (value == nullptr) return std::nullopt;
    if (const auto* number = value->if_int64()) return *number;
    if (const auto* text = value->if_string()) {
        const auto decimal = model::parse_decimal({text->data(), text->size()});
        if (decimal && *decimal <= INT32_MAX) return static_cast<std::int64_t>(*decimal);
    }
    return std::nullopt;
}

bool between(const std::optional<std::int64_t>& value, std::int64_t min, std::int64_t max) {
    return value && *value >= min && *value <= max;
}

}  // namespace

Failure parse_policy(std::string_view text,
                     std::optional<std::uint32_t> retention_s,
                     api::DeadLetterSpec& spec) {
    using Kind = model::DeadLetterPolicy::Kind;
    boost::system::error_code failed;
    const json::value document = json::parse({text.data(), text.size()}, failed);
    const json::object* policy = failed ? nullptr : document.if_object();
    if (policy == nullptr) return {faults::policy_not_json, {}};
    const json::value* queue = policy->if_contains("deadLetterQueue");
    if (queue == nullptr || !queue->is_string()) return {faults::policy_without_queue, {}};
    spec.queue = queue->get_string();
    if (!api::valid_name(spec.queue)) return {faults::dead_letter_not_found, {}};
    const auto kind = number_at(*policy, "policy");
    if (!between(kind, 0, 1)) return {faults::policy_without_kind, {}};
    spec.kind = *kind == 0 ? Kind::receives : Kind::time_to_live;
    const auto receives = number_at(*policy, "maxReceiveCount");
    const auto time_to_live = number_at(*policy, "maxTimeToLive");
    if (spec.kind == Kind::receives) {
        if (!between(receives, 1, receives_max)) return {faults::policy_values, {}};
        spec.max_receives = static_cast<std::uint32_t>(*receives);
        return {};
    }
    if (!between(time_to_live, time_to_live_min_s, time_to_live_max_s) ||
        (retention_s && *time_to_live >= *retention_s)) {
        return {faults::policy_values, {}};
    }
    spec.time_to_live_s = static_cast<std::uint32_t>(*time_to_live);
    return {};
}

}  // namespace penstock::plugins::cmq

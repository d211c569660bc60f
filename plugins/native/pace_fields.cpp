#include "plugins/native/pace_fields.h"

#include "plugins/native/views.h"

#include <boost/json/array.hpp>

#include <utility>

namespace penstock::plugins::native {

namespace {

namespace json = boost::json;
using model::ConcurrencyMode;
using model::Handshake;
using model::OnExhausted;

constexpr Range rate_range{0, model::push_rate_max};
constexpr Range share_range{0, 99};
constexpr Range deferral_range_ms{
    model::deferral_ms_least, model::deferral_ms_most, "milliseconds"};
constexpr Range batch_range{1, model::batch_messages_most};
constexpr Range batch_bytes_range{model::batch_bytes_least, model::batch_bytes_most};
constexpr Range batch_linger_range_ms{0, model::batch_linger_ms_most, "milliseconds"};
constexpr std::uint64_t status_min = 400;
constexpr std::uint64_t status_max = 499;

std::optional<std::vector<std::uint16_t>> read_statuses(Fields& object) {
    const json::value* value = object.raw("retried_statuses");
    if (value == nullptr) return {};
    std::vector<std::uint16_t> statuses;
    bool good = value->is_array() && value->get_array().size() <= model::retried_statuses_max;
    if (good) {
        for (const json::value& item : value->get_array()) {
            const std::int64_t status = item.is_int64() ? item.get_int64() : 0;
            good = good && std::cmp_greater_equal(status, status_min) &&
                   std::cmp_less_equal(status, status_max);
            statuses.push_back(static_cast<std::uint16_t>(status));
        }
    }
    if (good) return statuses;
    object.refuse("retried_statuses", "must be a list of at most 32 numbers, 400 to 499.");
    return {};
}

std::optional<ConcurrencyMode> read_mode(Fields& object) {
    const auto mode = object.one_of("concurrency_mode", {"fixed", "aimd", "gradient"});
    if (!mode) return {};
    if (*mode == "fixed") return ConcurrencyMode::fixed;
    return *mode == "aimd" ? ConcurrencyMode::aimd : ConcurrencyMode::gradient;
}

std::optional<OnExhausted> read_on_exhausted(Fields& object) {
    const auto choice = object.one_of("on_exhausted", {"dead", "park", "stop"});
    if (!choice) return {};
    if (*choice == "dead") return OnExhausted::dead;
    return *choice == "park" ? OnExhausted::park : OnExhausted::stop;
}

std::optional<Handshake> read_handshake(Fields& object) {
    const auto kind = object.one_of("handshake", {"none", "challenge", "cloudevents"});
    if (!kind) return {};
    if (*kind == "none") return Handshake::none;
    return *kind == "challenge" ? Handshake::challenge : Handshake::cloudevents;
}

}  // namespace

model::PushChange read_pace(Fields& fields) {
    model::PushChange change;
    auto object = fields.object("push",
                                {"breaker",
                                 "heed_answers",
                                 "concurrency_mode",
                                 "rate_per_s",
                                 "retry_share_percent",
                                 "client_errors",
                                 "retried_statuses",
                                 "deferral_max_ms",
                                 "on_exhausted",
                                 "order_by_key",
                                 "outputs",
                                 "batch",
                                 "batch_bytes",
                                 "batch_linger_ms",
                                 "handshake"});
    if (!object) return change;
    change.breaker = object->flag("breaker");
    change.heeds_answers = object->flag("heed_answers");
    change.concurrency = read_mode(*object);
    change.rate_per_s = object->whole32("rate_per_s", rate_range);
    change.retry_share_percent = object->whole32("retry_share_percent", share_range);
    if (const auto meaning = object->one_of("client_errors", {"retry", "dead"})) {
        change.client_errors_die = *meaning == "dead";
    }
    change.retried_statuses = read_statuses(*object);
    change.deferral_ms_max = object->whole("deferral_max_ms", deferral_range_ms);
    change.on_exhausted = read_on_exhausted(*object);
    change.order_by_key = object->flag("order_by_key");
    change.outputs = object->flag("outputs");
    change.batch = object->whole32("batch", batch_range);
    change.batch_bytes = object->whole32("batch_bytes", batch_bytes_range);
    change.batch_linger_ms = object->whole32("batch_linger_ms", batch_linger_range_ms);
    change.handshake = read_handshake(*object);
    fields.adopt(*object);
    return change;
}

model::PushPolicy first_pace(const model::SubscriptionSpec& spec, bool schedule_by_name) {
    using Name = model::RetryPolicy::Name;
    const bool exact = spec.retry.name == Name::backoff || spec.retry.name == Name::exponential;
    const bool attended = spec.sink == model::SinkKind::http && !(exact && schedule_by_name);
    return attended ? model::attentive_push() : model::PushPolicy{};
}

json::object show(const model::PushPolicy& push) {
    json::array statuses;
    for (const std::uint16_t status : push.retried_statuses) statuses.emplace_back(status);
    json::object out;
    out["breaker"] = push.breaker;
    out["heed_answers"] = push.heeds_answers;
    out["concurrency_mode"] = model::to_text(push.concurrency);
    out["rate_per_s"] = push.rate_per_s;
    out["retry_share_percent"] = push.retry_share_percent;
    out["client_errors"] = push.client_errors_die ? "dead" : "retry";
    out["retried_statuses"] = std::move(statuses);
    out["deferral_max_ms"] = push.deferral_ms_max;
    out["on_exhausted"] = model::to_text(push.on_exhausted);
    out["order_by_key"] = push.order_by_key;
    out["outputs"] = push.outputs;
    out["batch"] = push.batch;
    out["batch_bytes"] = push.batch_bytes;
    out["batch_linger_ms"] = push.batch_linger_ms;
    out["handshake"] = model::to_text(push.handshake);
    return out;
}

json::object show(const model::PushHealth& health) {
    json::object out;
    out["state"] = health.hold == model::Hold::none ? "ok" : model::to_text(health.hold);
    put_time(out, "until", health.until_ms);
    if (!health.reason.empty()) out["reason"] = readable(health.reason);
    put_time(out, "agreed_at", health.agreed_ms);
    if (health.agreed_per_minute > 0) out["agreed_per_minute"] = health.agreed_per_minute;
    return out;
}

}  // namespace penstock::plugins::native

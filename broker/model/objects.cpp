#include "broker/model/objects.h"

#include <utility>

namespace penstock::model {

namespace {

constexpr std::pair<ContentFormat, std::string_view> format_names[] = {
    {ContentFormat::cmq_json, "cmq-json"},
    {ContentFormat::simplified, "simplified"},
    {ContentFormat::scf, "scf"},
    {ContentFormat::cloudevents, "cloudevents"},
    {ContentFormat::cloudevents_structured, "cloudevents-structured"},
    {ContentFormat::cloudevents_batch, "cloudevents-batch"},
};

}  // namespace

std::string_view to_text(ContentFormat format) {
    for (const auto& [one, name] : format_names) {
        if (one == format) return name;
    }
    return "unknown";
}

std::optional<ContentFormat> content_format(std::string_view name) {
    for (const auto& [format, one] : format_names) {
        if (one == name) return format;
    }
    return {};
}

std::string_view to_text(SinkKind kind) {
    switch (kind) {
        case SinkKind::http:
            return "http";
        case SinkKind::queue:
            return "queue";
        case SinkKind::exec:
            return "exec";
        case SinkKind::worker:
            return "worker";
        case SinkKind::worker_http:
            return "worker-http";
        case SinkKind::runtime:
            return "runtime";
        case SinkKind::lua:
            return "lua";
    }
    return "unknown";
}

bool is_function(SinkKind kind) {
    return kind != SinkKind::http && kind != SinkKind::queue;
}

RetryPolicy backoff_retry(std::uint32_t min_ms, std::uint32_t max_ms) {
    return RetryPolicy{RetryPolicy::Name::backoff, true, {{min_ms, max_ms, 3}}};
}

RetryPolicy exponential_retry() {
    RetryPolicy policy{RetryPolicy::Name::exponential, false, {}};
    for (std::uint32_t pause_s = 1; pause_s <= 256; pause_s *= 2) {
        policy.steps.push_back({pause_s * 1000, pause_s * 1000, 1});
    }
    policy.steps.push_back({512'000, 512'000, 167});
    return policy;
}

RetryPolicy standard_retry() {
    RetryPolicy policy{RetryPolicy::Name::standard, false, {}};
    for (const std::uint32_t pause_s : {5U, 300U, 1'800U, 7'200U, 18'000U, 36'000U, 36'000U}) {
        policy.steps.push_back({pause_s * 800, pause_s * 1'200, 1});
    }
    return policy;
}

RetryPolicy custom_retry(const std::vector<std::uint32_t>& pauses_ms) {
    RetryPolicy policy{RetryPolicy::Name::custom, false, {}};
    for (const std::uint32_t pause : pauses_ms) policy.steps.push_back({pause, pause, 1});
    return policy;
}

std::optional<std::uint32_t> retry_pause_ms(const RetryPolicy& policy,
                                            std::uint32_t retry,
                                            std::uint64_t jitter) {
    for (const RetryStep& step : policy.steps) {
        if (retry > step.times) {
            retry -= step.times;
            continue;
        }
        const std::uint64_t span = std::uint64_t{step.max_ms} - step.min_ms + 1;
        return step.min_ms + static_cast<std::uint32_t>(jitter % span);
    }
    return {};
}

}  // namespace penstock::model

#include "sinks/http/receiver_control.h"

#include "sinks/http/classify.h"

#include <algorithm>
#include <charconv>

namespace penstock::sinks::http {
namespace {

std::uint64_t milliseconds_of(std::string_view unit) {
    if (unit.empty() || unit == "s") return 1'000;
    if (unit == "m") return 60'000;
    return unit == "h" ? 3'600'000 : 0;
}

}  // namespace

std::uint32_t parse_delay(std::string_view text) {
    std::uint32_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{}) return 0;
    const auto digits = static_cast<std::size_t>(end - text.data());
    const std::uint64_t unit_ms = milliseconds_of(text.substr(digits));
    if (unit_ms == 0) return 0;
    return static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(number * unit_ms, retry_after_ms_min, retry_after_ms_max));
}

void heed_receiver(const client::HttpAnswer& answer, AttemptResult& result) {
    if (result.verdict != model::Verdict::retry) return;
    const std::string_view word = answer.header("webhook-delivery");
    if (word == "abort-message") result.verdict = model::Verdict::rejected;
    if (word == "disable") {
        result.disable = "the endpoint asked for it, with status " + std::to_string(result.status);
    }
    const std::uint32_t delay_ms = parse_delay(answer.header("penstock-delay"));
    if (delay_ms > 0) result.retry_after_ms = delay_ms;
}

}  // namespace penstock::sinks::http

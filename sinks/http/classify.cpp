#include "sinks/http/classify.h"

#include "broker/api/names.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iterator>
#include <optional>

namespace penstock::sinks::http {
namespace {

using client::Ending;
using model::Failure;
using model::Verdict;

constexpr std::string_view months[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

template <class Number>
std::optional<Number> number(std::string_view text) {
    Number value{};
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}

// "Sun, 06 Nov 1994 08:49:37 GMT" in Unix seconds.
std::optional<std::int64_t> parse_date(std::string_view text) {
    if (text.size() != 29 || !text.ends_with(" GMT")) return {};
    const auto month = std::find(std::begin(months), std::end(months), text.substr(8, 3));
    const auto day = number<unsigned>(text.substr(5, 2));
    const auto year = number<int>(text.substr(12, 4));
    const auto hours = number<unsigned>(text.substr(17, 2));
    const auto minutes = number<unsigned>(text.substr(20, 2));
    const auto seconds = number<unsigned>(text.substr(23, 2));
    if (month == std::end(months) || !day || !year || !hours || !minutes || !seconds) return {};
    const std::chrono::year_month_day date{
        std::chrono::year{*year},
        std::chrono::month{static_cast<unsigned>(month - std::begin(months)) + 1},
        std::chrono::day{*day}};
    if (!date.ok()) return {};
    const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
    return days * 86'400 + *hours * 3'600 + *minutes * 60 + *seconds;
}

// Text for people and JSON out of whatever a receiver sent.
std::string excerpt_of(std::string_view body) {
    std::string text(body.substr(0, excerpt_bytes_max));
    // A character cut in half at the end is no reason to spoil the others.
    for (int cut = 0; cut < 3 && !text.empty() && !api::valid_utf8(text); ++cut) text.pop_back();
    const bool readable = api::valid_utf8(text);
    if (!readable) text = body.substr(0, excerpt_bytes_max);
    for (char& letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        if (byte < 0x20 || byte == 0x7F || (!readable && byte >= 0x80)) letter = ' ';
    }
    return text;
}

bool heeds_retry_after(unsigned status) {
    return status == 408 || status == 425 || status == 429 || status >= 500;
}

AttemptResult answered(const client::Exchange& exchange, model::TimeMs now_ms) {
    AttemptResult result;
    const unsigned status = exchange.answer.status;
    result.status = static_cast<std::uint16_t>(status);
    if (status >= 200 && status < 300) return result;
    result.verdict = Verdict::retry;
    result.failure = Failure::status;
    result.target = exchange.target;
    result.excerpt = excerpt_of(exchange.answer.body);
    if (heeds_retry_after(status)) {
        result.retry_after_ms = parse_retry_after(exchange.answer.header("retry-after"), now_ms);
    }
    return result;
}

AttemptResult failed(const client::Exchange& exchange, Verdict verdict, Failure failure) {
    AttemptResult result;
    result.verdict = verdict;
    result.failure = failure;
    result.target = exchange.target;
    result.excerpt = exchange.detail.substr(0, excerpt_bytes_max);
    return result;
}

}  // namespace

AttemptResult classify(const client::Exchange& exchange, model::TimeMs now_ms) {
    switch (exchange.ending) {
        case Ending::answered:
            return answered(exchange, now_ms);
        case Ending::timeout:
            return failed(exchange, Verdict::retry, Failure::timeout);
        case Ending::refused:
            return failed(exchange, Verdict::retry, Failure::refused);
        case Ending::reset:
            return failed(exchange, Verdict::retry, Failure::reset);
        case Ending::tls:
            return failed(exchange, Verdict::retry, Failure::tls);
        case Ending::name:
            return failed(exchange, Verdict::not_attempted, Failure::name);
        case Ending::guarded:
            return failed(exchange, Verdict::not_attempted, Failure::guarded);
        case Ending::exhausted:
            return failed(exchange, Verdict::not_attempted, Failure::exhausted_resources);
        case Ending::stopped:
            break;
    }
    return failed(exchange, Verdict::not_attempted, Failure::none);
}

std::uint32_t parse_retry_after(std::string_view text, model::TimeMs now_ms) {
    std::int64_t wait_ms = 0;
    if (const auto seconds = number<std::uint64_t>(text)) {
        wait_ms = static_cast<std::int64_t>(std::min<std::uint64_t>(*seconds, 1U << 20)) * 1000;
    } else if (const auto date = parse_date(text)) {
        wait_ms = *date * 1000 - now_ms;
    } else {
        return 0;
    }
    return static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(wait_ms, retry_after_ms_min, retry_after_ms_max));
}

}  // namespace penstock::sinks::http

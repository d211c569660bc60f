#include "broker/model/trace_context.h"

#include "broker/base/hash.h"

#include <algorithm>

namespace penstock::model {

namespace {

constexpr std::size_t trace_id_digits = 32;
constexpr std::size_t span_id_digits = 16;
constexpr std::size_t traceparent_bytes = 55;  // 00-<trace>-<span>-01
constexpr std::string_view digits = "0123456789abcdef";

bool is_hexadecimal(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char letter) {
        return digits.find(letter) != std::string_view::npos;
    });
}

bool is_id(std::string_view text) {
    return is_hexadecimal(text) && text.find_first_not_of('0') != std::string_view::npos;
}

std::string_view value_of(const MessageMeta& meta, std::string_view name) {
    const auto found = std::find_if(meta.attributes.begin(),
                                    meta.attributes.end(),
                                    [&](const auto& one) { return one.first == name; });
    return found == meta.attributes.end() ? std::string_view() : std::string_view(found->second);
}

// An event's own words (CloudEvents' extension Distributed Tracing), as they came in.
constexpr std::string_view event_traceparent = "ce-traceparent";
constexpr std::string_view event_tracestate = "ce-tracestate";

bool may_stand_in_header(std::string_view text) {
    const bool printable = std::all_of(
        text.begin(), text.end(), [](char letter) { return letter >= ' ' && letter <= '~'; });
    return printable && text.size() <= tracestate_bytes_max;
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text) {
    if (text.size() < traceparent_bytes) return {};
    const std::string_view version = text.substr(0, 2);
    const std::string_view trace = text.substr(3, trace_id_digits);
    const std::string_view span = text.substr(36, span_id_digits);
    const std::string_view flags = text.substr(53, 2);
    const bool dashes = text[2] == '-' && text[35] == '-' && text[52] == '-';
    if (!dashes || !is_hexadecimal(version) || version == "ff") return {};
    // A later version may have more to say behind a further dash.
    if (text.size() > traceparent_bytes && (version == "00" || text[55] != '-')) return {};
    if (!is_id(trace) || !is_id(span) || !is_hexadecimal(flags)) return {};
    const bool sampled = digits.find(flags[1]) % 2 == 1;
    return TraceContext{std::string(trace), std::string(span), sampled};
}

std::string format_traceparent(const TraceContext& context) {
    return "00-" + context.trace_id + "-" + context.span_id + (context.sampled ? "-01" : "-00");
}

TraceContext next_step(const TraceContext& before, std::uint64_t seed) {
    TraceContext next = before;
    std::uint64_t number = mix64(hash64(before.trace_id + before.span_id, seed));
    if (number == 0) number = 1;
    for (std::size_t at = span_id_digits; at-- > 0; number >>= 4) {
        next.span_id[at] = digits[number & 15];
    }
    return next;
}

std::optional<TraceContext> trace_of(const MessageMeta& meta) {
    const std::string_view own = value_of(meta, traceparent_attribute);
    return parse_traceparent(own.empty() ? value_of(meta, event_traceparent) : own);
}

std::string_view tracestate_of(const MessageMeta& meta) {
    std::string_view state = value_of(meta, tracestate_attribute);
    const auto trace = trace_of(meta);
    const auto event = parse_traceparent(value_of(meta, event_traceparent));
    // The event's state is of the event's trace, whichever step of it the message stands for.
    const bool same = trace && event && trace->trace_id == event->trace_id;
    if (state.empty() && same) state = value_of(meta, event_tracestate);
    return may_stand_in_header(state) ? state : std::string_view();
}

void put_step(MessageMeta& meta, const TraceContext& step) {
    for (auto& [name, value] : meta.attributes) {
        if (name != traceparent_attribute) continue;
        value = format_traceparent(step);
        return;
    }
    meta.attributes.emplace_back(traceparent_attribute, format_traceparent(step));
}

std::string traceparent_of(const MessageMeta& meta) {
    const auto context = trace_of(meta);
    return context ? format_traceparent(*context) : std::string();
}

void join_trace(MessageMeta& meta, std::string_view traceparent, std::string_view tracestate) {
    if (trace_of(meta) || !value_of(meta, traceparent_attribute).empty()) return;
    if (!parse_traceparent(traceparent)) return;
    meta.attributes.emplace_back(traceparent_attribute, traceparent);
    const bool own_state = !value_of(meta, tracestate_attribute).empty();
    if (own_state || tracestate.empty() || !may_stand_in_header(tracestate)) return;
    meta.attributes.emplace_back(tracestate_attribute, tracestate);
}

}  // namespace penstock::model

// TraceContext: which trace a message belongs to, as W3C Trace Context writes it. It travels as the
// message's attributes `traceparent` and `tracestate`; an event may bring its own as
// `ce-traceparent` and `ce-tracestate`, which stay as they came. Values and pure functions, any
// thread.
#pragma once

#include "broker/model/message.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::model {

inline constexpr std::string_view traceparent_attribute = "traceparent";
inline constexpr std::string_view tracestate_attribute = "tracestate";
inline constexpr std::size_t tracestate_bytes_max = 512;

struct TraceContext {
    std::string trace_id;  // 32 hexadecimal digits, not all 0
    std::string span_id;   // 16 of them, not all 0
    bool sampled = false;

    friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

// Nothing: it is malformed, and to be ignored.
std::optional<TraceContext> parse_traceparent(std::string_view text);
std::string format_traceparent(const TraceContext& context);

// A step of the trace, named by `seed`.
TraceContext next_step(const TraceContext& before, std::uint64_t seed);

// What the message says; nothing: it belongs to no trace.
std::optional<TraceContext> trace_of(const MessageMeta& meta);

// Empty where there is none that may stand in a header.
std::string_view tracestate_of(const MessageMeta& meta);

// The message belongs to that trace, unless it says itself which one or `traceparent` is malformed.
// `tracestate` goes along with it.
void join_trace(MessageMeta& meta, std::string_view traceparent, std::string_view tracestate);

// The message stands for that step of the trace from now on.
void put_step(MessageMeta& meta, const TraceContext& step);

// For a header: the message's traceparent when it is well formed; else empty.
std::string traceparent_of(const MessageMeta& meta);

}  // namespace penstock::model

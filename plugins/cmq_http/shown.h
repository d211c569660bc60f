// How values of the vocabulary are shown to CMQ's clients. Pure functions, any thread.
#pragma once

#include "broker/api/requests.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::plugins::cmq {

// "queue-0000002a": ids have the form KIND-xxxx.
std::string shown_id(std::string_view kind, std::uint32_t number);

inline std::int64_t seconds_of(model::TimeMs time_ms) {
    return time_ms / 1000;
}

// A payload or an ordering key as it was sent; Base64 when it is no UTF-8, so that JSON can carry
// it (it then came by another protocol).
std::string shown_text(std::string sent);

// The policy as JSON text, with the queue as id; empty when there is none.
std::string shown_policy(const api::QueueView& view);

std::string_view shown_strategy(const model::RetryPolicy& policy);
std::string_view shown_format(model::ContentFormat format);
std::string_view shown_protocol(model::SinkKind kind);

}  // namespace penstock::plugins::cmq

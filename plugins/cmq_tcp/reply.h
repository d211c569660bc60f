// What a server says over CMQ TCP: replies (cmq-api.md 6.3, 6.5) as values, and their bytes both
// ways. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::plugins::cmq_tcp {

// Results that clients treat in a way of their own; all others are CMQ's codes.
inline constexpr std::int32_t result_ok = 0;
inline constexpr std::int32_t result_not_authenticated = 306;
inline constexpr std::int32_t result_already_authenticated = 307;
inline constexpr std::int32_t result_no_message = 10200;  // not 7000 as over HTTP

struct PulledMessage {
    std::uint64_t id = 0;
    std::uint64_t receipt = 0;
    std::string body;
    std::int64_t enqueued_s = 0;  // Unix seconds, as over HTTP
    std::int64_t next_visible_s = 0;
    std::int64_t first_received_s = 0;
    std::int64_t receives = 0;
    std::string ordering_key = {};  // empty: none; our own
};

struct DeleteFailure {
    std::uint64_t receipt = 0;
    std::int32_t code = 0;
    std::string text;
};

// What became of one item of a confirmation.
struct ConfirmedItem {
    static constexpr std::int32_t unknown = 3;

    std::uint64_t id = 0;
    std::int32_t state = 0;  // Confirm's, or unknown
    std::int32_t code = 0;   // 0: as it was asked for
    std::string text;
};

// The server asks a producer what became of a transaction; nobody asked for it.
struct Query {
    std::string queue;
    std::uint64_t id = 0;
};

struct Reply {
    std::int64_t seqno = 0;
    std::int32_t command = 0;
    std::int32_t result = result_ok;
    std::string error;
    std::uint64_t request_id = 0;         // 0: none
    std::vector<PulledMessage> pulled;    // of a pull; of a single one the first is sent
    std::vector<DeleteFailure> failures;  // of a delete
    std::vector<std::uint64_t> ids;       // of a send or a publish
    std::string confirmed_queue;          // of a confirmation
    std::vector<ConfirmedItem> confirmed;
    std::optional<Query> query;  // Command::query: no reply at all
};

// Appends the whole frame. A query has no result.
void append_reply(std::string& out, const Reply& reply);

// Reads a CMQProto; nothing: it is none, or not a reply's.
std::optional<Reply> decode_reply(std::string_view payload);

}  // namespace penstock::plugins::cmq_tcp

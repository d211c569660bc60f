// Attempt: what happened when a delivery was tried once. Attempts travel as a body of their Settle
// entry and are kept by the log store for the track's retention. Values, any thread.
#pragma once

#include "broker/model/ids.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::model {

// What a sink made of one attempt.
enum class Verdict : std::uint8_t {
    accepted = 1,
    retry = 2,          // tried and failed: counts, the retry policy decides
    rejected = 3,       // tried and final: dead letter at once
    not_attempted = 4,  // never reached the target: a deferral, not counted
    discarded = 5,      // a filter or handler wants it gone: settled quietly, and counted
};

// Error class of an attempt that was not accepted.
enum class Failure : std::uint8_t {
    none = 0,
    status = 1,  // an answer outside 2xx
    timeout = 2,
    refused = 3,  // connection refused
    reset = 4,    // connection lost or malformed answer
    tls = 5,
    name = 6,     // the host name does not resolve
    guarded = 7,  // the address is not allowed
    queue_full = 8,
    queue_gone = 9,
    exhausted_resources = 10,  // our own limits
    damaged = 11,              // the body fails its checksum
    receives = 12,             // queue dead letter: received too often
    time_to_live = 13,         // queue dead letter: not consumed in time
    handler = 14,              // the function failed or asked for this
    crash = 15,                // its process died with the message in hand: counted apart
    budget = 16,               // the script used up its instructions or memory
    configuration = 17,        // the function cannot run as it is configured
    no_worker = 18,            // no process of it is there
    output_refused = 19,       // what it wanted to publish or store is not possible
    kv_moved = 20,             // rows it had read kept moving
    key_waits = 21,            // an earlier message of its ordering key comes first
    handshake = 22,            // its endpoint has not agreed to be sent anything
    sealed = 23,               // its body cannot be opened here: no key, or no key service
};

// Nothing more is to be done for it: accepted or discarded.
constexpr bool ends_well(Verdict verdict) {
    return verdict == Verdict::accepted || verdict == Verdict::discarded;
}

std::string_view to_text(Verdict verdict);
std::string_view to_text(Failure failure);

struct Attempt {
    Sequence sequence = 0;
    MessageId message;
    std::uint32_t number = 1;  // from 1
    TimeMs at_ms = 0;          // when it began
    std::uint32_t latency_us = 0;
    Verdict verdict = Verdict::accepted;
    Failure failure = Failure::none;
    std::uint16_t status = 0;   // HTTP status; 0: none
    std::string target;         // address tried; empty on success to save space
    std::string excerpt;        // at most excerpt_bytes_max of the answer or the error
    std::string log;            // functions: end of its stderr, at most attempt_log_bytes_max
    std::uint32_t version = 0;  // of the script that handled it; 0: none

    friend bool operator==(const Attempt&, const Attempt&) = default;
};

inline constexpr std::size_t attempt_excerpt_bytes_max = 1024;
inline constexpr std::size_t attempt_log_bytes_max = 2048;
inline constexpr std::size_t attempts_per_settle_max = 1000;

// Stored form: version:u8=1 count{sequence message number at latency verdict failure status target
// excerpt log version}
std::string encode_attempts(const std::vector<Attempt>& attempts);
std::optional<std::vector<Attempt>> decode_attempts(std::string_view bytes);  // nothing: malformed

}  // namespace penstock::model

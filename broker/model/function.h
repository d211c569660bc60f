// Functions as the core keeps them: how a subscription's function is run, its scripts by version,
// its key-value rows, and what a handler wants to happen together with its acknowledgement.
// Values, any thread.
#pragma once

#include "broker/model/ids.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::model {

inline constexpr std::uint32_t recycle_age_ms_max = 2'592'000'000;  // 30 days

// How the processes of a function are kept. What a kind of sink has no use for is ignored by it.
struct FunctionSpec {
    // Argument vector, [0] an absolute path; runtime: one item, the folder with `bootstrap`.
    std::vector<std::string> command;
    std::string folder;                 // working folder, absolute; empty: runtime's own, else /
    std::uint32_t processes = 1;        // 1-64 at a time
    std::uint32_t window = 1;           // 1-256 messages in flight in one process
    bool content_length = false;        // worker: frames behind a Content-Length head, not by line
    bool ready_line = false;            // worker: the first message waits for {"type":"ready"}
    bool envelope = false;              // exec: stdin is the event as JSON, not the body
    std::uint32_t batch = 1;            // runtime: 1-16 messages an invocation
    std::uint32_t startup_ms = 10'000;  // 100-300000 until ready
    std::uint32_t memory_mib = 512;     // 1-65536, the whole tree of processes; lua: 1-64, a state
    // When a process is replaced; 0: never.
    std::uint32_t recycle_after = 0;       // after so many messages
    std::uint32_t recycle_age_ms = 0;      // so long after it was ready, at least 1000
    std::uint32_t recycle_memory_mib = 0;  // when so much of its tree is resident
    std::uint32_t crashes_max = 3;         // 1-100: a message that kills as many processes is dead
    std::vector<std::string> http_allow;   // lua: hosts that ctx.http may ask, "*" any; empty: none

    friend bool operator==(const FunctionSpec&, const FunctionSpec&) = default;
};

// What a script of a subscription is for.
enum class ScriptRole : std::uint8_t { handler = 1, filter = 2, transform = 3 };

std::string_view to_text(ScriptRole role);

inline constexpr std::size_t script_bytes_max = 256 * 1024;
inline constexpr std::size_t script_file_bytes_max = 128;  // of its file's name
inline constexpr std::size_t script_versions_max = 20;     // kept of one role; the oldest go

struct Script {
    ScriptRole role = ScriptRole::handler;
    std::uint32_t version = 0;  // from 1 within its subscription and role
    std::string code;
    std::string note;  // at most 256 bytes
    TimeMs deployed_ms = 0;
    std::string file;  // name of the file it came from, for error lines; empty: not known

    friend bool operator==(const Script&, const Script&) = default;
};

inline constexpr std::size_t kv_key_bytes_max = 256;
inline constexpr std::size_t kv_value_bytes_max = 64 * 1024;
inline constexpr std::uint64_t kv_bytes_max = 256ULL << 20;  // keys and values of one function
inline constexpr std::uint64_t kv_ttl_ms_max = 31'622'400'000ULL;  // 366 days
inline constexpr std::size_t outputs_per_message_max = 100;
inline constexpr std::size_t kv_writes_per_message_max = 100;
inline constexpr std::size_t kv_reads_per_message_max = 1000;
inline constexpr unsigned kv_reruns_max = 5;  // of a message whose reads had moved

struct KvWrite {
    enum class Kind : std::uint8_t { put = 1, erase = 2, add = 3 };
    Kind kind = Kind::put;
    std::string key;
    std::string value;         // put
    std::int64_t amount = 0;   // add: to a decimal integer; a missing key counts as 0
    std::uint64_t ttl_ms = 0;  // put and add: at most kv_ttl_ms_max; 0 for ever

    friend bool operator==(const KvWrite&, const KvWrite&) = default;
};

// A row that the handler read; 0: there was none.
struct KvRead {
    std::string key;
    std::uint64_t version = 0;

    friend bool operator==(const KvRead&, const KvRead&) = default;
};

// A message that the handler publishes: body `ordinal` of the entry.
struct Output {
    Place target;  // a topic, or with `to_queue` a queue
    bool to_queue = false;
    std::uint32_t ordinal = 0;
    std::uint64_t delay_ms = 0;

    friend bool operator==(const Output&, const Output&) = default;
};

// All of it happens with the acknowledgement of item `item` of a Settle, or nothing of it.
struct HandlerCommit {
    std::uint32_t item = 0;
    std::vector<Output> outputs;
    std::vector<KvWrite> writes;
    std::vector<KvRead> reads;

    friend bool operator==(const HandlerCommit&, const HandlerCommit&) = default;
};

}  // namespace penstock::model

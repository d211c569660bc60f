// Sending from the command line: one message as given or read, or one a line in batches. Shared by
// `queue send` and `topic publish`. One run, one thread.
#pragma once

#include "broker/cli/claim_check.h"
#include "broker/cli/session.h"

#include <optional>
#include <string>
#include <vector>

namespace penstock::cli {

inline constexpr std::size_t batch_messages_max = 16;
inline constexpr std::size_t batch_bytes_max = 1024 * 1024;
inline constexpr std::size_t message_bytes_max = 16 * 1024 * 1024;  // a server may take less

struct Sending {
    std::string path;           // "/v1/queues/jobs/messages"
    std::string query;          // of a single message, without '?'
    boost::json::object extra;  // fields of every message of a batch: tags, key
    std::string ordering_key;   // empty: none
    std::optional<std::uint64_t> delay_s;
    bool transaction = false;  // to a queue: prepared only
    std::string dedup_key;
    std::string body;       // as given; "-": standard input
    Attachment attachment;  // in place of a body
    bool by_line = false;
};

// Prints the id of each message, one a line; the answer is the exit code.
int send(Session& session, const Sending& sending);

}  // namespace penstock::cli

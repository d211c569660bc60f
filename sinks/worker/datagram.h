// Datagrams with descriptors over a seqpacket socket, sent and received without ever waiting. Both
// ends of the control socket use it. Free functions, any thread.
#pragma once

#include "broker/base/error.h"
#include "sinks/worker/owned_file.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks::worker {

struct Datagram {
    std::string_view bytes;  // in the caller's buffer
    std::vector<OwnedFile> files;
};

enum class Sent : std::uint8_t {
    done,
    later,    // the socket takes no more now
    refused,  // this datagram never will be sent: too many descriptors are under way
    gone,     // nobody is at the other end
};

Sent send_datagram(int socket, std::string_view bytes, const std::vector<OwnedFile>& files);

// Nothing: none waits. Error{closed}: the other end is gone. Error{invalid}: it is larger than
// `buffer` or carries more than `files_max` descriptors.
Result<std::optional<Datagram>> receive_datagram(int socket, std::string& buffer);

inline constexpr std::size_t datagram_files_max = 16;

}  // namespace penstock::sinks::worker

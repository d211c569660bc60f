// Replies of the core as bytes between nodes of one cluster: a command that was submitted to a set
// led elsewhere is answered there, and its reply comes back. Never stored (encode_reply in
// command.h, for the state hash, is another matter and cannot be read back). Decoding takes nothing
// on trust: malformed bytes are Errc::damaged. Pure functions, any thread.
#pragma once

#include "broker/base/error.h"
#include "broker/model/command.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::model {

std::string reply_to_wire(const Reply& reply);
Result<Reply> reply_from_wire(std::string_view bytes);

// Fingerprint of the shape of Reply; part of api::schema_of_requests().
std::uint64_t schema_of_replies();

}  // namespace penstock::model

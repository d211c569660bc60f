// Scripts are tried when they are given: what does not load is the giver's error, not a failed
// delivery's. One request, its I/O thread, which waits for nothing meanwhile.
#pragma once

#include "plugins/native/call.h"

#include <cstdint>
#include <optional>
#include <span>

namespace penstock::plugins::native {

// `?force=true`: the scripts are taken untried. Another query is a problem of `fields`.
bool is_forced(const Call& call, Fields& fields);

// Why the first of them that does not load does not. Nothing: all load, or nobody could tell, which
// is a line of the log: a server short of processes still takes scripts, the one that mends it
// among them. Those of a caller who may define none are the broker's to refuse. `scripts` outlive
// it.
asio::awaitable<std::optional<Problem>> try_scripts(Call& call,
                                                    std::span<const model::Script> scripts,
                                                    std::uint32_t memory_mib);

}  // namespace penstock::plugins::native

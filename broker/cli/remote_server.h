// RemoteServer: a Server over HTTP. Signs every request, so that the secret never travels; keeps
// one connection for the run. One run, one thread.
#pragma once

#include "broker/cli/world.h"

#include <memory>

namespace penstock::cli {

// Errors: invalid (the address).
Result<std::unique_ptr<Server>> connect(const Target& target, const Clock& clock);

// The Authorization header of a request, as plugins/native/authentication.h describes it.
std::string authorization(const Target& target, const Ask& ask, std::int64_t now_ms);

}  // namespace penstock::cli

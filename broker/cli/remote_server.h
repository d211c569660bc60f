// RemoteServer: a Server over HTTP. Signs every request, so that the secret never travels; keeps
// one connection for the run. One run, one thread.
#pragma once

#include "broker/cli/world.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::cli {

// Errors: invalid (the address), io (the certificates to trust).
Result<std::unique_ptr<Server>> connect(const Target& target, const Clock& clock);

// A request to a server that is not Penstock's.
struct Post {
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
};

// Posts once and waits up to 15 s for the answer: its status. Errors: invalid (the URL), timeout,
// unavailable.
Result<unsigned> post(const Post& post, const Clock& clock);

// The Authorization header of a request, as plugins/native/authentication.h describes it.
std::string authorization(const Target& target, const Ask& ask, std::int64_t now_ms);

}  // namespace penstock::cli

// KeyService: who holds the master key. It wraps data keys, so that they can be stored, and unwraps
// them again; the master key itself never comes here. The composition root has the two there are: a
// file (key_file.h) and a command (key_command.h).
#pragma once

#include "broker/base/error.h"

#include <string>
#include <string_view>

namespace penstock::api {

// Called on one thread of its own and may block it, for key_service_ms_max at most.
inline constexpr int key_service_ms_max = 5'000;

class KeyService {
  public:
    virtual ~KeyService() = default;

    // `context` says whose key it is and must be the same for both calls. Printable.
    // Error{timeout}: it does not answer in time. Error{unavailable}: it says no. Error{damaged},
    // of unwrap() alone: what is wrapped was changed, or is another's. No detail names a secret.
    virtual Result<std::string> wrap(std::string_view key, std::string_view context) = 0;
    virtual Result<std::string> unwrap(std::string_view wrapped, std::string_view context) = 0;

    // The operator says that the master key is another now: what is remembered of it is read again.
    virtual Result<void> renew() { return {}; }

    // The server stops: a call under way ends soon. Any thread.
    virtual void stop() {}
};

}  // namespace penstock::api

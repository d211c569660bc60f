// Dry run: one event through a script without a server, for `--check` and `--test`. Calls are
// answered from fixtures, effects are only shown. Used by main; one thread.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "lua/limits.h"
#include "sinks/worker/protocol.h"

#include <string>
#include <string_view>
#include <vector>

namespace penstock::lua {

// One line a finding, errors first; `failed` if the script cannot be used.
struct CheckReport {
    bool failed = false;
    std::vector<std::string> lines;
};

CheckReport check_script(const sinks::worker::Script& script,
                         const Limits& limits,
                         const Clock& clock);

// What answers calls: JSON objects, or empty texts for none.
struct Fixtures {
    std::string kv;    // {"key": "text" or number, ...}
    std::string http;  // {"METHOD URL" or "URL": {"status", "headers", "body" or "json"}, ...}
};

struct TestReport {
    bool accepted = false;  // or dropped
    std::string json;       // one object, documented in README.md
};

// Error{invalid}: the script, the event or a fixture cannot be used; the detail is for the user.
Result<TestReport> test_script(const sinks::worker::Script& script,
                               std::string_view event_json,
                               const Fixtures& fixtures,
                               const Limits& limits,
                               const Clock& clock);

}  // namespace penstock::lua

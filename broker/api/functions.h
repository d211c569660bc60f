// Functions: what can be seen of the functions that run here: their processes, their logs, the
// walls around them. Implemented by sinks/worker, used by the ways in. Logs are memory, the newest
// kept. ScriptTrials: scripts loaded once before they are used, by sinks/lua.
#pragma once

#include "broker/model/function.h"
#include "broker/model/ids.h"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::api {

inline constexpr std::size_t function_log_bytes_max = 64 * 1024;  // kept per subscription
inline constexpr std::size_t function_log_line_bytes_max = 8 * 1024;

struct FunctionLogLine {
    std::uint64_t number = 0;  // rising without gaps over all functions of this server
    model::TimeMs at_ms = 0;
    model::SubscriptionNo subscription;
    std::string level;    // info, warn, error ... ; stderr and stdout for plain lines; server
    std::string message;  // id of the message in hand; empty: none, or several
    std::string text;     // without line end
};

struct FunctionLogQuery {
    model::SubscriptionNo subscription;  // 0: all
    std::uint64_t after = 0;             // lines with a higher number; 0: the newest `limit`
    std::uint32_t limit = 1000;          // 1-1000
};

struct FunctionLogPage {
    std::vector<FunctionLogLine> lines;  // oldest first
    std::uint64_t last = 0;              // go on after this one
};

struct FunctionProcess {
    std::uint64_t number = 0;
    std::string state;  // starting, ready, busy, draining
    std::uint32_t in_flight = 0;
    std::uint64_t handled = 0;
    model::TimeMs started_ms = 0;
};

struct FunctionStatus {
    std::vector<FunctionProcess> processes;
    std::uint64_t starts = 0;
    std::uint64_t crashes = 0;
    std::string last_problem;  // empty: none since the last success
};

// Which walls there are around processes here: {"cgroup", "v1: memory pids cpu"}.
using SandboxReport = std::vector<std::pair<std::string, std::string>>;

class Functions {
  public:
    virtual ~Functions() = default;

    // Any thread; the answers run on the thread of the functions, once each, within a second.
    virtual void logs(FunctionLogQuery query, std::function<void(FunctionLogPage)> answer) = 0;
    virtual void status(model::SubscriptionNo subscription,
                        std::function<void(FunctionStatus)> answer) = 0;
    virtual void sandbox(std::function<void(SandboxReport)> answer) = 0;
};

// What came of loading a script.
struct ScriptTrial {
    enum class Kind : std::uint8_t {
        loads,
        fails,    // it would not serve a message; `detail` says where and why, for its author
        untried,  // nobody could tell; `detail` says why not, for the operator
    };
    Kind kind = Kind::loads;
    std::string detail;
};

class ScriptTrials {
  public:
    virtual ~ScriptTrials() = default;

    // Any thread; the answer runs on the thread of the functions, once, within seconds.
    // `memory_mib` is the function's (FunctionSpec), for a handler's state.
    virtual void load(model::Script script,
                      std::uint32_t memory_mib,
                      std::function<void(ScriptTrial)> answer) = 0;
};

}  // namespace penstock::api

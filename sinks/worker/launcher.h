// Launcher: starts and ends processes on behalf of the pools. The one implementation for production
// is SupervisorLink, which asks penstock-supervisor; tests have one of their own. Belongs to one
// thread (its executor's); every completion runs there, after the call that asked.
#pragma once

#include "broker/base/error.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks::worker {

// How much a process is walled in.
enum class SandboxProfile : std::uint8_t {
    none = 0,      // development: session, limits and the parent's death only
    standard = 1,  // "default": everything but namespaces
    strict = 2,    // and namespaces
};

std::string_view to_text(SandboxProfile profile);  // none, default, strict

// The user and group that a function's processes run as, where the server is root and the profile
// is not `none`; 65,534 and 65,535 mean "nobody" and "unchanged" elsewhere.
std::uint32_t user_of(std::uint32_t function);

struct ProcessLimits {
    std::uint64_t memory_bytes = 512ULL << 20;  // of the whole tree, where cgroups exist
    std::uint32_t processes = 64;               // in the tree
    std::uint32_t open_files = 1'024;
    std::uint64_t file_bytes = 1ULL << 30;  // of one file written
    std::uint32_t cpu_shares = 256;         // cgroup v1 scale, 1,024 is normal
};

struct ProcessOrder {
    std::vector<std::string> command;      // argument vector; [0] is an absolute path
    std::vector<std::string> environment;  // NAME=value, all of it
    std::string folder;                    // working folder, absolute
    SandboxProfile profile = SandboxProfile::standard;
    ProcessLimits limits;
    std::uint32_t function = 0;         // whose it is: same number, same user id and cgroup parent
    bool only_computes = false;         // penstock-lua: no files, no sockets, a short list of calls
    std::vector<std::string> readable;  // landlock: files and folders beside the system's own
    std::vector<std::string> writable;
};

struct ProcessEnd {
    enum class Kind : std::uint8_t {
        exited = 1,       // by itself: `code`
        signalled = 2,    // `code` is the signal
        not_started = 3,  // exec or a step before it failed: `detail` says why, `code` is errno
        lost = 4,         // the supervisor is gone: nothing is known of it but that it is dead;
                          // or it was never tried: no supervisor, a full queue, a machine short of
                          // memory, processes or descriptors. `detail` says which
    };
    Kind kind = Kind::exited;
    int code = 0;
    bool out_of_memory = false;
    std::string detail;  // not_started: one clear line
    std::uint64_t cpu_us = 0;
};

// Which walls this machine really has, in words for people: {"cgroup", "v1: memory pids cpu"}.
struct SandboxLayer {
    std::string name;
    std::string state;
};

class Launcher {
  public:
    using ProcessNo = std::uint64_t;  // never reused
    using Ended = std::function<void(ProcessEnd)>;
    using Weighed = std::function<void(std::uint64_t bytes)>;

    virtual ~Launcher() = default;

    // Starts a process. `files[n]` becomes its descriptor n; they are taken over and closed here.
    // `ended` is called exactly once, when the process and everything it started are gone.
    virtual ProcessNo start(ProcessOrder order, std::vector<int> files, Ended ended) = 0;

    // A signal to the process group. Harmless after its end.
    virtual void signal(ProcessNo process, int signal) = 0;

    // Ends the process and everything it started, whatever they do against it.
    virtual void kill_tree(ProcessNo process) = 0;

    // Asks how much memory the process and all it started have resident. `told` runs at most once,
    // later, and never after the process' end; a second question before it replaces the first.
    virtual void weigh(ProcessNo process, Weighed told) = 0;

    // Empty while the supervisor has not reported yet.
    [[nodiscard]] virtual std::vector<SandboxLayer> layers() const = 0;

    // False while the supervisor is being started again: deliveries are deferred.
    [[nodiscard]] virtual bool available() const = 0;
};

}  // namespace penstock::sinks::worker

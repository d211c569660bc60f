// Cgroups: a slot for each process, which holds its whole tree, limits it and ends it. Slots of
// ended processes are used again for the same function and limits, so that starting a process makes
// no folders. Version 2 first, then version 1, then none: then slots are empty and hold nothing.
// Owned by the supervisor's one thread; a slot that cannot be made is an Error.
#pragma once

#include "broker/base/error.h"
#include "sinks/worker/control.h"
#include "sinks/worker/supervisor/hierarchies.h"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks::worker::supervisor {

// What the kernel has counted in a slot since it was made.
struct SlotCounters {
    std::uint64_t memory_kills = 0;
    std::uint64_t cpu_us = 0;
};

struct Slot {
    std::uint32_t function = 0;
    std::uint64_t number = 0;
    ProcessLimits limits;
    SlotCounters counted;  // when its last process ended
    bool killed = false;   // its fork limit may be spent: not used again
};

struct SlotUse {
    bool out_of_memory = false;
    std::uint64_t cpu_us = 0;  // 0 where it is not counted
};

class Cgroups {
  public:
    explicit Cgroups(std::vector<Hierarchy> hierarchies) : hierarchies_(std::move(hierarchies)) {}

    // The tree of a process is exactly what its slot holds.
    [[nodiscard]] bool holds_trees() const;
    [[nodiscard]] bool limits(const std::string& controller) const;

    // "v2: trees, v1: cpu memory pids", or "none".
    [[nodiscard]] std::string describe() const;

    Result<Slot> take(std::uint32_t function, const ProcessLimits& limits);
    void give_back(Slot slot);

    // Moves the calling process into the slot; errno is set when it fails.
    [[nodiscard]] bool join(const Slot& slot) const;

    void kill(Slot& slot) const;
    [[nodiscard]] bool empty(const Slot& slot) const;
    // What runs in it; nothing where it does not hold trees.
    [[nodiscard]] std::vector<pid_t> members(const Slot& slot) const;
    // Since its last process ended; asked once, when all of the process is gone.
    [[nodiscard]] SlotUse use(Slot& slot) const;

    // Kills everything in every slot and removes the folders. False: something cannot be killed.
    bool remove_all();

  private:
    [[nodiscard]] std::string folder(const Hierarchy& hierarchy, const Slot& slot) const;
    [[nodiscard]] bool make(const Hierarchy& hierarchy, const Slot& slot) const;
    void remove(const Slot& slot) const;
    [[nodiscard]] SlotCounters counters(const Slot& slot) const;

    std::vector<Hierarchy> hierarchies_;
    std::vector<Slot> idle_;  // oldest first
    std::uint64_t next_number_ = 1;
};

}  // namespace penstock::sinks::worker::supervisor

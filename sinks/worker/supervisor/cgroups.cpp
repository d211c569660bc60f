#include "sinks/worker/supervisor/cgroups.h"

#include "sinks/worker/supervisor/kernel_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <tuple>
#include <utility>

namespace penstock::sinks::worker::supervisor {

namespace {

constexpr std::size_t idle_slots_max = 64;

bool same(const ProcessLimits& left, const ProcessLimits& right) {
    return std::tie(left.memory_bytes, left.processes, left.cpu_shares) ==
           std::tie(right.memory_bytes, right.processes, right.cpu_shares);
}

std::string function_folder(const Hierarchy& hierarchy, std::uint32_t function) {
    return hierarchy.folder + "/f" + std::to_string(function);
}

bool make_folder(const std::string& folder) {
    return ::mkdir(folder.c_str(), 0755) == 0 || errno == EEXIST;
}

// Version 2 counts weights from 1 to 10,000 with 100 as normal, version 1 shares with 1,024.
std::string weight(std::uint32_t shares) {
    return std::to_string(std::clamp<std::uint64_t>(shares * 100ULL / 1'024, 1, 10'000));
}

bool limit_cpu(const Hierarchy& hierarchy, const std::string& folder, std::uint32_t shares) {
    if (hierarchy.controllers.count("cpu") == 0) return true;
    return hierarchy.version == 2 ? write_file(folder + "/cpu.weight", weight(shares))
                                  : write_file(folder + "/cpu.shares", std::to_string(shares));
}

// Swap would let a tree grow beyond its limit; kernels without swap accounting lack the file.
bool limit_memory(const Hierarchy& hierarchy, const std::string& folder, std::uint64_t bytes) {
    if (hierarchy.controllers.count("memory") == 0) return true;
    const std::string limit = std::to_string(bytes);
    if (hierarchy.version == 2) {
        write_file(folder + "/memory.swap.max", "0");
        return write_file(folder + "/memory.max", limit);
    }
    const bool limited = write_file(folder + "/memory.limit_in_bytes", limit);
    write_file(folder + "/memory.memsw.limit_in_bytes", limit);
    return limited;
}

bool limit_processes(const Hierarchy& hierarchy, const std::string& folder, std::uint32_t count) {
    // One more: a process that is watched from within has its keeper beside it.
    return hierarchy.controllers.count("pids") == 0 ||
           write_file(folder + "/pids.max", std::to_string(count + 1ULL));
}

std::uint64_t memory_kills(const Hierarchy& hierarchy, const std::string& folder) {
    if (hierarchy.controllers.count("memory") == 0) return 0;
    const char* file = hierarchy.version == 2 ? "/memory.events" : "/memory.oom_control";
    return number_in(read_file(folder + file), "oom_kill").value_or(0);
}

}  // namespace

bool Cgroups::holds_trees() const {
    if (hierarchies_.empty()) return false;
    return hierarchies_.front().version == 2 || hierarchies_.front().controllers.count("pids") > 0;
}

bool Cgroups::limits(const std::string& controller) const {
    return std::any_of(hierarchies_.begin(), hierarchies_.end(), [&](const Hierarchy& hierarchy) {
        return hierarchy.controllers.count(controller) > 0;
    });
}

std::string Cgroups::describe() const {
    std::string second;
    std::string first;
    for (const auto& hierarchy : hierarchies_) {
        std::string& text = hierarchy.version == 2 ? second : first;
        if (hierarchy.version == 2) text += " trees";
        for (const auto& controller : hierarchy.controllers) text += " " + controller;
    }
    if (second.empty() && first.empty()) return "none";
    const std::string between = second.empty() || first.empty() ? "" : ", ";
    return (second.empty() ? "" : "v2:" + second) + between + (first.empty() ? "" : "v1:" + first);
}

std::string Cgroups::folder(const Hierarchy& hierarchy, const Slot& slot) const {
    return function_folder(hierarchy, slot.function) + "/" + std::to_string(slot.number);
}

bool Cgroups::make(const Hierarchy& hierarchy, const Slot& slot) const {
    const std::string parent = function_folder(hierarchy, slot.function);
    const std::string own = folder(hierarchy, slot);
    if (!make_folder(parent) || !limit_cpu(hierarchy, parent, slot.limits.cpu_shares)) return false;
    if (hierarchy.version == 2) {
        for (const auto& controller : hierarchy.controllers)
            write_file(parent + "/cgroup.subtree_control", "+" + controller);
    }
    return make_folder(own) && limit_cpu(hierarchy, own, slot.limits.cpu_shares) &&
           limit_memory(hierarchy, own, slot.limits.memory_bytes) &&
           limit_processes(hierarchy, own, slot.limits.processes);
}

Result<Slot> Cgroups::take(std::uint32_t function, const ProcessLimits& limits) {
    const auto fits = [&](const Slot& slot) {
        return slot.function == function && same(slot.limits, limits);
    };
    const auto found = std::find_if(idle_.begin(), idle_.end(), fits);
    Slot slot;
    if (found != idle_.end()) {
        slot = *found;
        idle_.erase(found);
    } else {
        slot.function = function;
        slot.number = next_number_++;
        slot.limits = limits;
        for (const auto& hierarchy : hierarchies_) {
            if (make(hierarchy, slot)) continue;
            const std::string reason = std::generic_category().message(errno);
            remove(slot);
            return error(Errc::io, "no cgroup under " + hierarchy.folder + ": " + reason);
        }
    }
    return slot;
}

void Cgroups::give_back(Slot slot) {
    if (!slot.killed) idle_.push_back(slot);
    const bool full = idle_.size() > idle_slots_max;
    if (!slot.killed && !full) return;
    if (full) {
        slot = idle_.front();
        idle_.erase(idle_.begin());
    }
    remove(slot);
}

void Cgroups::remove(const Slot& slot) const {
    for (const auto& hierarchy : hierarchies_) {
        ::rmdir(folder(hierarchy, slot).c_str());
        // Goes only when it is the last slot of its function.
        ::rmdir(function_folder(hierarchy, slot.function).c_str());
    }
}

bool Cgroups::join(const Slot& slot) const {
    return std::all_of(hierarchies_.begin(), hierarchies_.end(), [&](const Hierarchy& hierarchy) {
        return write_file(folder(hierarchy, slot) + "/cgroup.procs", "0");
    });
}

void Cgroups::kill(Slot& slot) const {
    slot.killed = true;
    if (!holds_trees()) return;
    kill_in(folder(hierarchies_.front(), slot), hierarchies_.front().version);
}

bool Cgroups::empty(const Slot& slot) const {
    if (!holds_trees()) return true;
    return nothing_in(folder(hierarchies_.front(), slot), hierarchies_.front().version);
}

std::vector<pid_t> Cgroups::members(const Slot& slot) const {
    if (!holds_trees()) return {};
    return processes_in(folder(hierarchies_.front(), slot));
}

SlotCounters Cgroups::counters(const Slot& slot) const {
    SlotCounters now;
    for (const auto& hierarchy : hierarchies_) {
        const std::string own = folder(hierarchy, slot);
        now.memory_kills += memory_kills(hierarchy, own);
        if (hierarchy.version == 2)
            now.cpu_us += number_in(read_file(own + "/cpu.stat"), "usage_usec").value_or(0);
    }
    return now;
}

SlotUse Cgroups::use(Slot& slot) const {
    const SlotCounters before = slot.counted;
    slot.counted = counters(slot);
    SlotUse use;
    use.out_of_memory = slot.counted.memory_kills > before.memory_kills;
    use.cpu_us = slot.counted.cpu_us - std::min(slot.counted.cpu_us, before.cpu_us);
    return use;
}

bool Cgroups::remove_all() {
    bool removed = true;
    for (const auto& hierarchy : hierarchies_)
        removed = kill_and_remove(hierarchy.folder, hierarchy.version) && removed;
    return removed;
}

}  // namespace penstock::sinks::worker::supervisor

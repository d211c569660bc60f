// Hierarchy: one cgroup mount in which the supervisor has a folder of its own, "penstock-PID",
// locked as long as any of its processes lives. A folder whose lock is free belongs to a supervisor
// that crashed: whatever runs in it is killed and the folder removed. Owned by Cgroups; used on one
// thread. A machine without usable cgroups gives an empty list, never an error.
#pragma once

#include "sinks/worker/owned_file.h"

#include <set>
#include <string>
#include <vector>

namespace penstock::sinks::worker::supervisor {

enum class CgroupUse {
    automatic,  // version 2 first, then version 1
    first,      // version 1 alone
    none,
};

struct Hierarchy {
    int version = 2;
    std::set<std::string> controllers;  // those of memory, pids and cpu that work here
    std::string folder;                 // the supervisor's own
    OwnedFile lock;
};

// Opens every useful hierarchy, those that can hold process trees (version 2, pids) first, and
// clears what crashed supervisors left there. May wait a second or two for their processes.
std::vector<Hierarchy> open_hierarchies(CgroupUse use);

// Sends SIGKILL to everything in `folder` and below; with version 2 in one step.
void kill_in(const std::string& folder, int version);

// What runs in `folder` itself.
std::vector<pid_t> processes_in(const std::string& folder);

// Nothing runs in `folder` or below it.
bool nothing_in(const std::string& folder, int version);

// Kills what is in `folder` until it is empty, then removes it and all folders below.
bool kill_and_remove(const std::string& folder, int version);

}  // namespace penstock::sinks::worker::supervisor

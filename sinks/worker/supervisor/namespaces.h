// The world of a `strict` process: the whole file system read-only, private /tmp, /var/tmp and
// /dev/shm, a /proc of its own, a network of nothing but loopback. Called by the keeper, the first
// process of the namespaces. Failures are an Error; the process is then not started.
#pragma once

#include "broker/base/error.h"
#include "sinks/worker/control.h"

#include <cstdint>

namespace penstock::sinks::worker::supervisor {

// Flags for clone3: mount, pid, net, ipc, and user where the supervisor is not root.
std::uint64_t strict_namespaces(bool root);

// Whether the kernel gives them to this user; tried in a child.
bool namespaces_work(bool root);

// In a user namespace the process keeps the number of its user and gets no other.
Result<void> keep_own_user(unsigned user, unsigned group);

Result<void> wall_in_files(const ProcessOrder& order);

Result<void> bring_loopback_up();

}  // namespace penstock::sinks::worker::supervisor

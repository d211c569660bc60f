// The system calls a process may make, as programs for the kernel, built once at the start: a list
// of forbidden calls for customers' programs (a list of allowed ones would break with every update
// of Node, Go or Python) and a list of allowed ones for programs that only compute. Values; a
// kernel without seccomp is an Error.
#pragma once

#include "broker/base/error.h"

#include <string>

namespace penstock::sinks::worker::supervisor {

// Instructions as the kernel takes them (struct sock_filter).
using SeccompProgram = std::string;

// Everything but tracing, mounting, namespaces, kernel keys and modules, bpf, io_uring and such.
Result<SeccompProgram> forbidding_program();

// Reading and writing open descriptors, polling, memory and clocks; opening only for reading.
Result<SeccompProgram> computing_program();

// Walls the calling process in; no_new_privs must be set. Returns errno or 0.
int enter(const SeccompProgram& program);

}  // namespace penstock::sinks::worker::supervisor

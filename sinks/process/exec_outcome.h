// What the end of an exec process means for its message: the table of exit statuses. Pure
// functions, any thread.
#pragma once

#include "broker/api/dispatch.h"
#include "sinks/sink.h"
#include "sinks/worker/launcher.h"

#include <string>

namespace penstock::sinks::process {

// How one run went.
struct ExecEnd {
    worker::ProcessEnd end;
    bool timed_out = false;
    std::string tail;  // end of its stderr
};

//   0                     accepted
//   65, 100               rejected: dead letter at once
//   78, 126, 127          not attempted, configuration: the subscription is disabled
//   75 and every other    retry
//   deadline passed       retry, timeout, whatever the status
//   signal, memory limit  retry, crash
AttemptResult exec_outcome(const api::Target& target,
                           const api::Delivery& delivery,
                           const ExecEnd& run);

}  // namespace penstock::sinks::process

// How a user's program is started, the same for exec, worker and worker_http: its argument vector,
// limits and walls. A pure function but for looking at the file system, any thread.
#pragma once

#include "broker/api/dispatch.h"
#include "broker/base/error.h"
#include "sinks/worker/launcher.h"

#include <string>
#include <vector>

namespace penstock::sinks::process {

struct ProcessOptions {
    bool allowed = true;  // false: programs defined earlier are disabled when a message comes
    worker::SandboxProfile profile = worker::SandboxProfile::standard;
    std::string folder = "/";           // working folder of every process
    std::vector<std::string> readable;  // beside the system's own and the program's folders
    std::vector<std::string> writable;
    std::vector<std::string>
        environment;  // every process gets these, worker::inherited_environment()
};

// Error{invalid}: the program is no absolute path; one sentence for people. Folders of the program
// and of every argument that is an absolute path of a file are readable behind the walls.
Result<worker::ProcessOrder> process_order(const api::Target& target,
                                           const ProcessOptions& options);

}  // namespace penstock::sinks::process

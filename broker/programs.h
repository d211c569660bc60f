// Programs: which programs of this machine a subscription may run, and where they are. Looks at the
// file system when a subscription is made, never when a message comes. Pure but for that; any
// thread.
#pragma once

#include "broker/base/error.h"
#include "broker/model/objects.h"

#include <string>
#include <vector>

namespace penstock {

// The command as it will be run: [0] absolute, executable. A bare name is looked for in `folders`,
// in their order; of a runtime it is the folder that holds an executable `bootstrap`.
// Error{invalid} says what is wrong and what to do.
Result<std::vector<std::string>> find_program(model::SinkKind kind,
                                              const std::vector<std::string>& command,
                                              const std::vector<std::string>& folders);

// "/usr/bin:/bin" in its parts; empty ones are left out.
std::vector<std::string> split_folders(const std::string& text);

}  // namespace penstock

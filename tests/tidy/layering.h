// The include table: which room may include which, and which third-party headers. The map of the
// house in README.md as code; an arrow that is not written here fails the build's tests.
#pragma once

#include "tests/tidy/source_file.h"

#include <string>
#include <vector>

namespace penstock::tidy {

// The room a path belongs to: "broker/storage/log" for "broker/storage/log/log_store.h"; empty when
// the table does not know its folder.
std::string room_of(const std::string& path);

// Includes of `file` that the table does not allow.
std::vector<Finding> check_includes(const SourceFile& file);

}  // namespace penstock::tidy

// Reads a TOML file into flat settings. The only door to toml++ for the server's configuration; its
// exceptions end here. Pure but for reading the file; any thread.
#pragma once

#include "broker/base/error.h"

#include <string>
#include <vector>

namespace penstock::config {

struct Setting {
    // peers: a list of tables with `id` and `address`; its value is format_peers().
    enum class Written { text, count, flag, peers, other };

    std::string name;  // dotted: "log.segment_size"
    Written written;
    std::string value;
    std::size_t line;
};

// In the order of the names. Error{not_found} or Error{invalid} with file and line.
Result<std::vector<Setting>> read_toml_file(const std::string& path);

}  // namespace penstock::config

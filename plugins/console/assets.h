// The files of the console as they are built into the server: made by build.mjs, none where the
// server was built without it. Read-only, any thread.
#pragma once

#include <string_view>
#include <vector>

namespace penstock::plugins::console {

struct Asset {
    std::string_view path;
    std::string_view content_type;
    std::string_view hash;  // of the plain bytes
    bool lasting = false;   // the path changes with the contents
    std::string_view plain;
    std::string_view gzip;
    std::string_view brotli;
};

const std::vector<Asset>& assets();

}  // namespace penstock::plugins::console

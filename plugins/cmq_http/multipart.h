// Forms as multipart/form-data (RFC 7578): general clients of API 2.0 post parameters that way, for
// the sake of services that take files. Pure, any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace penstock::plugins::cmq {

struct Part {
    std::string_view name;  // empty: it has none, or is a file
    std::string_view value;
};

// What separates the parts, by a Content-Type; empty: the body is no such form.
std::string_view boundary_of(std::string_view content_type);

// The parts in their order, views into `body`; nothing when it is malformed, cut off, or has more
// parts than `parts_max`.
std::optional<std::vector<Part>> read_parts(std::string_view body,
                                            std::string_view boundary,
                                            std::size_t parts_max);

}  // namespace penstock::plugins::cmq

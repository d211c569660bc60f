#include "broker/model/ids.h"

#include <charconv>

namespace penstock::model {

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size() || text.empty()) return {};
    return value;
}

}  // namespace penstock::model

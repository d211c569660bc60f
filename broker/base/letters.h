// Letters whose case does not count: names of headers, schemes and hosts, and the words of a
// protocol. ASCII only, whatever the locale says; other bytes stand for themselves. Pure; any
// thread.
#pragma once

#include <string>
#include <string_view>

namespace penstock {

// `text` with A to Z as a to z.
[[nodiscard]] std::string lowered(std::string_view text);

// The same text but for the case of its letters. Reads nothing beyond either end, which
// boost::beast::iequals of Boost 1.81 does.
[[nodiscard]] bool same_letters(std::string_view left, std::string_view right);

}  // namespace penstock

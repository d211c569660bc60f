// Id<Tag, Rep>: strong integer ids, so that two of them cannot be swapped. Values, any thread.
#pragma once

#include <compare>
#include <cstdint>

namespace penstock {

template <class Tag, class Rep>
struct Id {
    using rep = Rep;
    Rep value{};

    constexpr Id() = default;

    constexpr explicit Id(Rep number) : value(number) {}

    friend constexpr auto operator<=>(const Id&, const Id&) = default;
};

}  // namespace penstock

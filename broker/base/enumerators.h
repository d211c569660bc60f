// Which numbers are enumerators of an enum: what came from outside must not become a value that no
// switch knows. The compiler tells by how it spells a value: `Kind::one`, or `(Kind)7` where there
// is none. Enumerators are 0 to enumerator_limit - 1. Compile time and pure, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

namespace penstock {

inline constexpr std::size_t enumerator_limit = 128;

// Casting any number to it is defined, which takes an underlying type written down or `class`.
template <class E>
concept FixedEnum = std::is_enum_v<E> && requires {
    E{0};
};

template <auto enumerator>
consteval bool spelled_by_name() {
    constexpr std::string_view spelling = __PRETTY_FUNCTION__;
    constexpr std::string_view before = "enumerator = ";
    return spelling[spelling.rfind(before) + before.size()] != '(';
}

template <FixedEnum E>
consteval std::array<bool, enumerator_limit> find_enumerators() {
    return []<std::size_t... at>(std::index_sequence<at...>) {
        return std::array<bool, enumerator_limit>{spelled_by_name<static_cast<E>(at)>()...};
    }
    (std::make_index_sequence<enumerator_limit>());
}

// By number: whether an enumerator has it.
template <FixedEnum E>
inline constexpr std::array<bool, enumerator_limit> enumerators = find_enumerators<E>();

}  // namespace penstock

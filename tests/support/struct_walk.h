// Walks over plain structs for tests of codecs, apart from the codec's own: fill() sets every field
// to something other than it was, same() compares field by field, nothing_shared() tells that no
// field was left out by fill(). Values, any thread.
#pragma once

#include "broker/base/enumerators.h"

#include <boost/pfr.hpp>

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace penstock::testing {

template <class T>
concept Listed = !std::same_as<T, std::string> && requires(const T& items) {
    items[items.size()];
};

template <class T>
concept Walked = std::is_class_v<T> && std::is_aggregate_v<T> && !Listed<T>;

// No two numbers and texts that one Filler writes are alike.
class Filler {
  public:
    void fill(bool& value) { value = !value; }

    template <std::integral T>
    void fill(T& value) {
        const T before = value;
        do {
            // Numbers of several bytes, and negative ones.
            ++next_;
            const std::uint64_t wide = sizeof(T) >= 4 ? next_ * 1'000'003 : next_;
            value = static_cast<T>(std::is_signed_v<T> && next_ % 2 == 1 ? 0 - wide : wide);
        } while (value == before);
    }

    template <FixedEnum T>
    void fill(T& value) {
        auto number = static_cast<std::size_t>(value);
        do {
            number = (number + 1) % enumerator_limit;
        } while (!enumerators<T>[number]);
        value = static_cast<T>(number);
    }

    void fill(std::string& value) { value = "text " + std::to_string(++next_); }

    void fill(std::vector<bool>& items) { items = {true, false, true}; }

    template <class T>
    void fill(std::vector<T>& items) {
        items.assign(2, T{});
        for (T& item : items) fill(item);
    }

    template <class T>
    void fill(std::optional<T>& value) {
        fill(value.emplace());
    }

    template <class A, class B>
    void fill(std::pair<A, B>& value) {
        fill(value.first);
        fill(value.second);
    }

    template <class T, std::size_t size>
    void fill(std::array<T, size>& items) {
        for (T& item : items) fill(item);
    }

    template <class T>

    requires requires(T id) {
        requires !Walked<T>;
        requires std::integral<decltype(id.value)>;
    }

    void fill(T& id) { fill(id.value); }

    // A place: told by two numbers.
    template <class T>

    requires requires(T place) {
        requires !Walked<T>;
        place.set;
        place.number;
    }

    void fill(T& place) {
        fill(place.set);
        fill(place.number);
    }

    template <Walked T>
    void fill(T& value) {
        boost::pfr::for_each_field(value, [this](auto& field) { fill(field); });
    }

  private:
    std::uint64_t next_ = 0;
};

template <Walked T, class Compare, std::size_t... at>
bool every_field(const T& left,
                 const T& right,
                 const Compare& compare,
                 std::index_sequence<at...>) {
    return (true && ... && compare(boost::pfr::get<at>(left), boost::pfr::get<at>(right)));
}

template <Walked T>
using FieldsOf = std::make_index_sequence<boost::pfr::tuple_size_v<T>>;

template <class T>
bool same(const T& left, const T& right) {
    if constexpr (Listed<T>) {
        bool equal = left.size() == right.size();
        for (std::size_t at = 0; equal && at < left.size(); ++at) equal = same(left[at], right[at]);
        return equal;
    } else if constexpr (requires { left.has_value(); }) {
        return left.has_value() == right.has_value() && (!left || same(*left, *right));
    } else if constexpr (Walked<T>) {
        const auto compare = [](const auto& a, const auto& b) {
            return same(a, b);
        };
        return every_field(left, right, compare, FieldsOf<T>());
    } else {
        return left == right;
    }
}

template <class T>
bool nothing_shared(const T& left, const T& right) {
    if constexpr (Walked<T>) {
        const auto compare = [](const auto& a, const auto& b) {
            return nothing_shared(a, b);
        };
        return every_field(left, right, compare, FieldsOf<T>());
    } else {
        return !same(left, right);
    }
}

}  // namespace penstock::testing

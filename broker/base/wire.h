// wire: values as bytes between nodes of one cluster, and the fingerprint of their types. Plain
// structs are walked field by field (Boost.PFR, behind this file), so that a new field is coded
// without a line for it. Not for stored bytes: a changed struct is a changed format, which two
// sides learn from their schema() before they talk. Pure functions, any thread; included by .cpp
// files only, for it is costly to compile.
//
//   bool, enum, 1-byte number : u8            other unsigned : varint    signed : zigzag varint
//   string : length:varint bytes              vector, map    : count:varint items (map: rising)
//   optional : bool [value]                   variant        : index:u8 value
//   array, pair, struct : their parts, no more
//
// Reading is strict: every length is held against what is left before room is made for it, bools
// are 0 or 1, enums and variants known, nesting at most depth_max, nothing may be left over.
#pragma once

#include "broker/base/bytes.h"
#include "broker/base/enumerators.h"
#include "broker/base/error.h"
#include "broker/base/hash.h"

#include <boost/pfr.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace penstock::wire {

inline constexpr unsigned depth_max = 32;

// One kind of type: `bytes_min` is the least that a value takes, put and take are the two ways,
// shape writes down what makes two builds agree. `depth` counts the kinds around this one.
template <class T>
struct Kind;

template <class T>
void put(Writer& writer, const T& value) {
    Kind<T>::put(writer, value);
}

template <class T>
void take(Reader& reader, T& value, unsigned depth) {
    if (depth > depth_max) return reader.fail();
    Kind<T>::take(reader, value, depth);
}

template <class T>
void shape(std::string& out, unsigned depth) {
    if (depth <= depth_max) Kind<T>::shape(out, depth);
}

template <class T>
concept Number = std::integral<T> && !std::same_as<T, bool>;

// Id<>, MessageId: made from a number, with a public `value`.
template <class T>
concept StrongId = std::is_class_v<T> && !std::is_aggregate_v<T> && requires(T id) {
    requires std::unsigned_integral<decltype(id.value)>;
};

// Place: one number to the outside, by to_number(value) and T::of(number).
template <class T>
concept Numbered = std::is_class_v<T> && !std::is_aggregate_v<T> &&
                   requires(const T& value, std::uint64_t number) {
    { to_number(value) } -> std::same_as<std::uint64_t>;
    { T::of(number) } -> std::same_as<T>;
};

template <class T>
concept Struct = std::is_class_v<T> && std::is_aggregate_v<T>;

template <>
struct Kind<bool> {
    static constexpr std::size_t bytes_min = 1;

    static void put(Writer& writer, bool value) { writer.boolean(value); }

    static void take(Reader& reader, bool& value, unsigned) {
        const std::uint8_t byte = reader.u8();
        if (byte > 1) reader.fail();
        value = byte == 1;
    }

    static void shape(std::string& out, unsigned) { out += 'b'; }
};

template <Number T>
struct Kind<T> {
    static constexpr std::size_t bytes_min = 1;

    static void put(Writer& writer, T value) {
        if constexpr (sizeof(T) == 1) {
            writer.u8(static_cast<std::uint8_t>(value));
        } else if constexpr (std::is_signed_v<T>) {
            const auto wide = static_cast<std::int64_t>(value);
            writer.varint((static_cast<std::uint64_t>(wide) << 1) ^
                          static_cast<std::uint64_t>(wide >> 63));
        } else {
            writer.varint(value);
        }
    }

    static void take(Reader& reader, T& value, unsigned) {
        if constexpr (sizeof(T) == 1) {
            value = static_cast<T>(reader.u8());
        } else if constexpr (std::is_signed_v<T>) {
            const std::uint64_t coded = reader.varint();
            const auto wide = static_cast<std::int64_t>((coded >> 1) ^ (0 - (coded & 1)));
            if (!std::in_range<T>(wide)) reader.fail();
            value = static_cast<T>(wide);
        } else {
            const std::uint64_t wide = reader.varint();
            if (!std::in_range<T>(wide)) reader.fail();
            value = static_cast<T>(wide);
        }
    }

    static void shape(std::string& out, unsigned) {
        out += std::is_signed_v<T> ? 'i' : 'u';
        out += std::to_string(sizeof(T));
    }
};

template <FixedEnum T>
struct Kind<T> {
    static constexpr std::size_t bytes_min = 1;

    static void put(Writer& writer, T value) { writer.u8(static_cast<std::uint8_t>(value)); }

    static void take(Reader& reader, T& value, unsigned) {
        const std::uint8_t number = reader.u8();
        if (number >= enumerator_limit || !enumerators<T>[number]) return reader.fail();
        value = static_cast<T>(number);
    }

    static void shape(std::string& out, unsigned) {
        out += 'e';
        for (const bool named : enumerators<T>) out += named ? '1' : '0';
        out.erase(out.find_last_not_of('0') + 1);
    }
};

template <StrongId T>
struct Kind<T> {
    using Value = decltype(T::value);
    static constexpr std::size_t bytes_min = 1;

    static void put(Writer& writer, const T& id) { Kind<Value>::put(writer, id.value); }

    static void take(Reader& reader, T& id, unsigned depth) {
        Kind<Value>::take(reader, id.value, depth);
    }

    static void shape(std::string& out, unsigned depth) { Kind<Value>::shape(out, depth); }
};

template <Numbered T>
struct Kind<T> {
    static constexpr std::size_t bytes_min = 1;

    static void put(Writer& writer, const T& value) { writer.varint(to_number(value)); }

    static void take(Reader& reader, T& value, unsigned) {
        const std::uint64_t number = reader.varint();
        value = T::of(number);
        if (to_number(value) != number) reader.fail();
    }

    static void shape(std::string& out, unsigned) { out += 'n'; }
};

template <>
struct Kind<std::string> {
    static constexpr std::size_t bytes_min = 1;

    static void put(Writer& writer, const std::string& value) { writer.bytes(value); }

    static void take(Reader& reader, std::string& value, unsigned) { value = reader.bytes(); }

    static void shape(std::string& out, unsigned) { out += 's'; }
};

template <class T>
struct Kind<std::vector<T>> {
    static constexpr std::size_t bytes_min = 1;

    static void put(Writer& writer, const std::vector<T>& items) {
        writer.varint(items.size());
        for (const T& item : items) wire::put<T>(writer, item);
    }

    static void take(Reader& reader, std::vector<T>& items, unsigned depth) {
        static_assert(Kind<T>::bytes_min > 0, "items without bytes cannot be held to a bound");
        const std::size_t count = reader.count(Kind<T>::bytes_min);
        items.clear();
        items.reserve(count);
        for (std::size_t at = 0; at < count && reader.ok(); ++at) {
            T item{};
            wire::take(reader, item, depth + 1);
            items.push_back(std::move(item));
        }
    }

    static void shape(std::string& out, unsigned depth) {
        out += 'v';
        wire::shape<T>(out, depth + 1);
    }
};

template <class Key, class T>
struct Kind<std::map<Key, T>> {
    static constexpr std::size_t bytes_min = 1;

    static void put(Writer& writer, const std::map<Key, T>& items) {
        writer.varint(items.size());
        for (const auto& [key, value] : items) {
            wire::put(writer, key);
            wire::put(writer, value);
        }
    }

    static void take(Reader& reader, std::map<Key, T>& items, unsigned depth) {
        const std::size_t count = reader.count(Kind<std::pair<Key, T>>::bytes_min);
        items.clear();
        for (std::size_t at = 0; at < count && reader.ok(); ++at) {
            std::pair<Key, T> item;
            wire::take(reader, item, depth + 1);
            if (!items.empty() && !(items.rbegin()->first < item.first)) return reader.fail();
            items.insert(items.end(), std::move(item));
        }
    }

    static void shape(std::string& out, unsigned depth) {
        out += 'm';
        wire::shape<std::pair<Key, T>>(out, depth + 1);
    }
};

template <class T>
struct Kind<std::optional<T>> {
    static constexpr std::size_t bytes_min = 1;

    static void put(Writer& writer, const std::optional<T>& value) {
        writer.boolean(value.has_value());
        if (value) wire::put(writer, *value);
    }

    static void take(Reader& reader, std::optional<T>& value, unsigned depth) {
        bool there = false;
        Kind<bool>::take(reader, there, depth);
        value.reset();
        if (there) wire::take(reader, value.emplace(), depth + 1);
    }

    static void shape(std::string& out, unsigned depth) {
        out += 'o';
        wire::shape<T>(out, depth + 1);
    }
};

template <class A, class B>
struct Kind<std::pair<A, B>> {
    static constexpr std::size_t bytes_min = Kind<A>::bytes_min + Kind<B>::bytes_min;

    static void put(Writer& writer, const std::pair<A, B>& value) {
        wire::put(writer, value.first);
        wire::put(writer, value.second);
    }

    static void take(Reader& reader, std::pair<A, B>& value, unsigned depth) {
        wire::take(reader, value.first, depth + 1);
        wire::take(reader, value.second, depth + 1);
    }

    static void shape(std::string& out, unsigned depth) {
        out += 'p';
        wire::shape<A>(out, depth + 1);
        wire::shape<B>(out, depth + 1);
    }
};

template <class T, std::size_t size>
struct Kind<std::array<T, size>> {
    static constexpr std::size_t bytes_min = size * Kind<T>::bytes_min;

    static void put(Writer& writer, const std::array<T, size>& items) {
        for (const T& item : items) wire::put(writer, item);
    }

    static void take(Reader& reader, std::array<T, size>& items, unsigned depth) {
        for (T& item : items) wire::take(reader, item, depth + 1);
    }

    static void shape(std::string& out, unsigned depth) {
        out += 'a' + std::to_string(size) + ':';
        wire::shape<T>(out, depth + 1);
    }
};

template <class... Ts>
struct Kind<std::variant<Ts...>> {
    using Variant = std::variant<Ts...>;
    static_assert(sizeof...(Ts) <= 256, "the index is one byte");
    static constexpr std::size_t bytes_min = 1;

    static void put(Writer& writer, const Variant& value) {
        writer.u8(static_cast<std::uint8_t>(value.index()));
        std::visit([&](const auto& one) { wire::put(writer, one); }, value);
    }

    static void take(Reader& reader, Variant& value, unsigned depth) {
        const std::uint8_t index = reader.u8();
        if (index >= sizeof...(Ts)) return reader.fail();
        [&]<std::size_t... at>(std::index_sequence<at...>) {
            using Take = void (*)(Reader&, Variant&, unsigned);
            static constexpr Take takes[] = {take_one<at>...};
            takes[index](reader, value, depth);
        }
        (std::index_sequence_for<Ts...>());
    }

    static void shape(std::string& out, unsigned depth) {
        out += '<';
        (wire::shape<Ts>(out, depth + 1), ...);
        out += '>';
    }

  private:
    template <std::size_t at>
    static void take_one(Reader& reader, Variant& value, unsigned depth) {
        wire::take(reader, value.template emplace<at>(), depth + 1);
    }
};

template <Struct T>
struct Kind<T> {
    template <std::size_t at>
    using Field = boost::pfr::tuple_element_t<at, T>;
    using Fields = std::make_index_sequence<boost::pfr::tuple_size_v<T>>;

    static constexpr std::size_t bytes_min = []<std::size_t... at>(std::index_sequence<at...>) {
        return (std::size_t{0} + ... + Kind<Field<at>>::bytes_min);
    }
    (Fields());

    static void put(Writer& writer, const T& value) {
        boost::pfr::for_each_field(value, [&](const auto& field) { wire::put(writer, field); });
    }

    static void take(Reader& reader, T& value, unsigned depth) {
        boost::pfr::for_each_field(value,
                                   [&](auto& field) { wire::take(reader, field, depth + 1); });
    }

    static void shape(std::string& out, unsigned depth) {
        out += '{';
        [&]<std::size_t... at>(std::index_sequence<at...>) {
            (wire::shape<Field<at>>(out, depth + 1), ...);
        }
        (Fields());
        out += '}';
    }
};

template <class T>
std::string encode(const T& value) {
    std::string out;
    Writer writer(out);
    put(writer, value);
    return out;
}

// `what` begins the error's text: what was to be read.
template <class T>
Result<T> decode(std::string_view bytes, std::string_view what) {
    Reader reader(bytes);
    T value{};
    take(reader, value, 0);
    if (reader.done()) return value;
    const char* why = reader.ok() ? ": bytes are left over" : ": cut short or out of range";
    return error(Errc::damaged, std::string(what) + why);
}

// The same for the same shape, in every build and on every machine.
template <class T>
std::uint64_t schema() {
    std::string text;
    shape<T>(text, 0);
    return hash64(text);
}

}  // namespace penstock::wire

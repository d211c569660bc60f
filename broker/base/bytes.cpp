#include "broker/base/bytes.h"

namespace penstock {

void Writer::long_varint(std::uint64_t value) {
    std::array<char, 10> bytes;
    std::size_t count = 0;
    while (value >= 0x80U) {
        bytes[count++] = static_cast<char>(value | 0x80U);
        value >>= 7;
    }
    bytes[count++] = static_cast<char>(value);
    out_.append(bytes.data(), count);
}

std::uint64_t Reader::long_varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const std::uint8_t byte = u8();
        if (failed_) return 0;
        const std::uint64_t part = byte & 0x7FU;
        if (shift == 63 && part > 1) break;
        value |= part << shift;
        if ((byte & 0x80U) == 0) return value;
    }
    fail();
    return 0;
}

std::string_view Reader::raw(std::size_t length) {
    if (in_.size() < length) {
        fail();
        return {};
    }
    const std::string_view out = in_.substr(0, length);
    in_.remove_prefix(length);
    return out;
}

std::string_view Reader::bytes() {
    return raw(static_cast<std::size_t>(varint()));
}

std::size_t Reader::count(std::size_t item_bytes) {
    const std::uint64_t items = varint();
    if (items > in_.size() / (item_bytes == 0 ? 1 : item_bytes)) {
        fail();
        return 0;
    }
    return static_cast<std::size_t>(items);
}

}  // namespace penstock

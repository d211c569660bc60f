// Writer and Reader: hand-coded byte formats. Stored structs are little-endian, keys big-endian (so
// that they sort); lengths and small numbers may be varints (LEB128). A Reader never throws: after
// the first short or malformed field it stays failed and gives zeros. Values, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace penstock {

class Writer {
  public:
    explicit Writer(std::string& out) : out_(out) {}

    void u8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }

    void u16(std::uint16_t value) { little(value); }

    void u32(std::uint32_t value) { little(value); }

    void u64(std::uint64_t value) { little(value); }

    void i64(std::int64_t value) { little(static_cast<std::uint64_t>(value)); }

    void varint(std::uint64_t value) {
        if (value < 0x80U) {
            u8(static_cast<std::uint8_t>(value));
        } else {
            long_varint(value);
        }
    }

    void bytes(std::string_view value) { varint(value.size()), out_.append(value); }  // with length

    void raw(std::string_view value) { out_.append(value); }

    void boolean(bool value) { u8(value ? 1 : 0); }

    void key_u8(std::uint8_t value) { u8(value); }

    void key_u32(std::uint32_t value) { big(value); }

    void key_u64(std::uint64_t value) { big(value); }

  private:
    // One append each: the string looks at its room once.
    template <class T>
    void little(T value) {
        std::array<char, sizeof(T)> bytes;
        for (std::size_t at = 0; at < sizeof(T); ++at) {
            bytes[at] = static_cast<char>(value >> (8 * at));
        }
        out_.append(bytes.data(), bytes.size());
    }

    template <class T>
    void big(T value) {
        std::array<char, sizeof(T)> bytes;
        for (std::size_t at = 0; at < sizeof(T); ++at) {
            bytes[sizeof(T) - 1 - at] = static_cast<char>(value >> (8 * at));
        }
        out_.append(bytes.data(), bytes.size());
    }

    void long_varint(std::uint64_t value);

    std::string& out_;
};

class Reader {
  public:
    explicit Reader(std::string_view in) : in_(in) {}

    std::uint8_t u8() { return little<std::uint8_t>(); }

    std::uint16_t u16() { return little<std::uint16_t>(); }

    std::uint32_t u32() { return little<std::uint32_t>(); }

    std::uint64_t u64() { return little<std::uint64_t>(); }

    std::int64_t i64() { return static_cast<std::int64_t>(u64()); }

    std::uint64_t varint() {
        if (in_.empty() || static_cast<unsigned char>(in_.front()) >= 0x80U) return long_varint();
        const auto value = static_cast<unsigned char>(in_.front());
        in_.remove_prefix(1);
        return value;
    }

    std::string_view bytes();                  // with length; a view into the input
    std::string_view raw(std::size_t length);  // a view into the input

    std::string text() { return std::string(bytes()); }

    bool boolean() { return u8() != 0; }

    std::uint32_t key_u32() { return big<std::uint32_t>(); }

    std::uint64_t key_u64() { return big<std::uint64_t>(); }

    // A count that is followed by that many items of at least `item_bytes` each; fails (and gives
    // 0) when the input cannot hold them, so that hostile counts never cause large allocations.
    std::size_t count(std::size_t item_bytes);

    [[nodiscard]] bool ok() const { return !failed_; }

    [[nodiscard]] bool done() const { return !failed_ && in_.empty(); }

    [[nodiscard]] std::size_t left() const { return in_.size(); }

    void fail() { failed_ = true, in_ = {}; }

  private:
    // Zero, and failed, where the input is shorter.
    template <class T>
    T little() {
        std::array<unsigned char, sizeof(T)> bytes;
        if (!take(bytes.data(), bytes.size())) return 0;
        T value = 0;
        for (std::size_t at = 0; at < sizeof(T); ++at) {
            const T byte = bytes[at];
            value = static_cast<T>(value | static_cast<T>(byte << (8 * at)));
        }
        return value;
    }

    template <class T>
    T big() {
        std::array<unsigned char, sizeof(T)> bytes;
        if (!take(bytes.data(), bytes.size())) return 0;
        T value = 0;
        for (std::size_t at = 0; at < sizeof(T); ++at) {
            const T byte = bytes[sizeof(T) - 1 - at];
            value = static_cast<T>(value | static_cast<T>(byte << (8 * at)));
        }
        return value;
    }

    bool take(unsigned char* out, std::size_t length) {
        if (in_.size() < length) {
            fail();
            return false;
        }
        std::memcpy(out, in_.data(), length);
        in_.remove_prefix(length);
        return true;
    }

    std::uint64_t long_varint();

    std::string_view in_;
    bool failed_ = false;
};

}  // namespace penstock

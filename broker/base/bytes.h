// Writer and Reader: hand-coded byte formats. Stored structs are little-endian, keys big-endian (so
// that they sort); lengths and small numbers may be varints (LEB128). A Reader never throws: after
// the first short or malformed field it stays failed and gives zeros. Values, any thread.
#pragma once

#include <cstdint>
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

    void varint(std::uint64_t value);

    void bytes(std::string_view value) { varint(value.size()), out_.append(value); }  // with length

    void raw(std::string_view value) { out_.append(value); }

    void boolean(bool value) { u8(value ? 1 : 0); }

    void key_u8(std::uint8_t value) { u8(value); }

    void key_u32(std::uint32_t value) { big(value); }

    void key_u64(std::uint64_t value) { big(value); }

  private:
    template <class T>
    void little(T value) {
        for (std::size_t at = 0; at < sizeof(T); ++at) {
            out_.push_back(static_cast<char>(value >> (8 * at)));
        }
    }

    template <class T>
    void big(T value) {
        for (std::size_t at = sizeof(T); at-- > 0;) {
            out_.push_back(static_cast<char>(value >> (8 * at)));
        }
    }

    std::string& out_;
};

class Reader {
  public:
    explicit Reader(std::string_view in) : in_(in) {}

    std::uint8_t u8() { return static_cast<std::uint8_t>(little(1)); }

    std::uint16_t u16() { return static_cast<std::uint16_t>(little(2)); }

    std::uint32_t u32() { return static_cast<std::uint32_t>(little(4)); }

    std::uint64_t u64() { return little(8); }

    std::int64_t i64() { return static_cast<std::int64_t>(little(8)); }

    std::uint64_t varint();
    std::string_view bytes();                  // with length; a view into the input
    std::string_view raw(std::size_t length);  // a view into the input

    std::string text() { return std::string(bytes()); }

    bool boolean() { return u8() != 0; }

    std::uint32_t key_u32() { return static_cast<std::uint32_t>(big(4)); }

    std::uint64_t key_u64() { return big(8); }

    // A count that is followed by that many items of at least `item_bytes` each; fails (and gives
    // 0) when the input cannot hold them, so that hostile counts never cause large allocations.
    std::size_t count(std::size_t item_bytes);

    [[nodiscard]] bool ok() const { return !failed_; }

    [[nodiscard]] bool done() const { return !failed_ && in_.empty(); }

    [[nodiscard]] std::size_t left() const { return in_.size(); }

    void fail() { failed_ = true, in_ = {}; }

  private:
    std::uint64_t little(std::size_t width);
    std::uint64_t big(std::size_t width);

    std::string_view in_;
    bool failed_ = false;
};

}  // namespace penstock

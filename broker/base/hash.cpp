#include "broker/base/hash.h"

#include <bit>
#include <cstring>

namespace penstock {

namespace {

constexpr std::uint32_t crc32c_polynomial = 0x82F63B78U;  // reflected

constexpr std::array<std::uint32_t, 256> make_crc_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) ? crc32c_polynomial : 0U);
        table[byte] = crc;
    }
    return table;
}

constexpr auto crc_table = make_crc_table();

std::uint32_t crc32c_by_table(std::string_view bytes, std::uint32_t crc) {
    for (const char byte : bytes) {
        crc = crc_table[(crc ^ static_cast<unsigned char>(byte)) & 0xFFU] ^ (crc >> 8);
    }
    return crc;
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_instruction(std::string_view bytes,
                                                                      std::uint32_t crc) {
    std::uint64_t wide = crc;
    while (bytes.size() >= sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), sizeof word);
        wide = __builtin_ia32_crc32di(wide, word);
        bytes.remove_prefix(sizeof word);
    }
    crc = static_cast<std::uint32_t>(wide);
    for (const char byte : bytes) {
        crc = __builtin_ia32_crc32qi(crc, static_cast<unsigned char>(byte));
    }
    return crc;
}

// SipHash-2-4, a word at a time.
class Sip {
  public:
    explicit Sip(const SipKey& key)
        : v0_(key[0] ^ 0x736F6D6570736575ULL),
          v1_(key[1] ^ 0x646F72616E646F6DULL),
          v2_(key[0] ^ 0x6C7967656E657261ULL),
          v3_(key[1] ^ 0x7465646279746573ULL) {}

    void absorb(std::uint64_t word) {
        v3_ ^= word;
        round();
        round();
        v0_ ^= word;
    }

    // `last`: the bytes that fill no word, and their count modulo 256 above them.
    std::uint64_t finish(std::uint64_t last) {
        absorb(last);
        v2_ ^= 0xFFU;
        for (int extra = 0; extra < 4; ++extra) round();
        return v0_ ^ v1_ ^ v2_ ^ v3_;
    }

  private:
    void round() {
        v0_ += v1_;
        v1_ = std::rotl(v1_, 13) ^ v0_;
        v0_ = std::rotl(v0_, 32);
        v2_ += v3_;
        v3_ = std::rotl(v3_, 16) ^ v2_;
        v0_ += v3_;
        v3_ = std::rotl(v3_, 21) ^ v0_;
        v2_ += v1_;
        v1_ = std::rotl(v1_, 17) ^ v2_;
        v2_ = std::rotl(v2_, 32);
    }

    std::uint64_t v0_;
    std::uint64_t v1_;
    std::uint64_t v2_;
    std::uint64_t v3_;
};

constexpr std::uint64_t length_shift = 56;
constexpr unsigned feistel_rounds = 6;

// SipHash of `half` and a byte `round`.
std::uint32_t feistel_round(const SipKey& key, unsigned round, std::uint32_t half) {
    constexpr std::uint64_t length = 5;
    return static_cast<std::uint32_t>(
        Sip(key).finish((length << length_shift) | (std::uint64_t{round} << 32) | half));
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed) {
    static const bool has_instruction = __builtin_cpu_supports("sse4.2");
    const std::uint32_t crc = ~seed;
    return ~(has_instruction ? crc32c_by_instruction(bytes, crc) : crc32c_by_table(bytes, crc));
}

std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t seed) {
    return ~crc32c_by_table(bytes, ~seed);
}

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) {
    return siphash({seed, 0x70656E73746F636BULL}, bytes);
}

std::uint64_t siphash(const SipKey& key, std::string_view bytes) {
    Sip sip(key);
    std::uint64_t last = static_cast<std::uint64_t>(bytes.size()) << length_shift;
    while (bytes.size() >= sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), sizeof word);
        sip.absorb(word);
        bytes.remove_prefix(sizeof word);
    }
    std::uint64_t rest = 0;
    if (!bytes.empty()) std::memcpy(&rest, bytes.data(), bytes.size());
    return sip.finish(last | rest);
}

std::uint64_t Permutation64::seal(std::uint64_t value) const {
    auto left = static_cast<std::uint32_t>(value >> 32);
    auto right = static_cast<std::uint32_t>(value);
    for (unsigned round = 0; round < feistel_rounds; ++round) {
        const std::uint32_t next = left ^ feistel_round(key_, round, right);
        left = right;
        right = next;
    }
    return (static_cast<std::uint64_t>(left) << 32) | right;
}

std::uint64_t Permutation64::open(std::uint64_t value) const {
    auto left = static_cast<std::uint32_t>(value >> 32);
    auto right = static_cast<std::uint32_t>(value);
    for (unsigned round = feistel_rounds; round-- > 0;) {
        const std::uint32_t previous = right ^ feistel_round(key_, round, left);
        right = left;
        left = previous;
    }
    return (static_cast<std::uint64_t>(left) << 32) | right;
}

}  // namespace penstock

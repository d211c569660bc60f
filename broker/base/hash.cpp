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

constexpr int feistel_rounds = 6;

std::uint32_t feistel_round(const SipKey& key, int round, std::uint32_t half) {
    std::array<char, 5> input{};
    std::memcpy(input.data(), &half, sizeof half);
    input[4] = static_cast<char>(round);
    return static_cast<std::uint32_t>(siphash(key, {input.data(), input.size()}));
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
    std::uint64_t v0 = key[0] ^ 0x736F6D6570736575ULL;
    std::uint64_t v1 = key[1] ^ 0x646F72616E646F6DULL;
    std::uint64_t v2 = key[0] ^ 0x6C7967656E657261ULL;
    std::uint64_t v3 = key[1] ^ 0x7465646279746573ULL;
    const auto round = [&] {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    };
    const auto absorb = [&](std::uint64_t word) {
        v3 ^= word;
        round();
        round();
        v0 ^= word;
    };
    std::uint64_t last = static_cast<std::uint64_t>(bytes.size()) << 56;
    while (bytes.size() >= sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), sizeof word);
        absorb(word);
        bytes.remove_prefix(sizeof word);
    }
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        last |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[at])) << (8 * at);
    }
    absorb(last);
    v2 ^= 0xFFU;
    for (int extra = 0; extra < 4; ++extra) round();
    return v0 ^ v1 ^ v2 ^ v3;
}

std::uint64_t Permutation64::seal(std::uint64_t value) const {
    auto left = static_cast<std::uint32_t>(value >> 32);
    auto right = static_cast<std::uint32_t>(value);
    for (int round = 0; round < feistel_rounds; ++round) {
        const std::uint32_t next = left ^ feistel_round(key_, round, right);
        left = right;
        right = next;
    }
    return (static_cast<std::uint64_t>(left) << 32) | right;
}

std::uint64_t Permutation64::open(std::uint64_t value) const {
    auto left = static_cast<std::uint32_t>(value >> 32);
    auto right = static_cast<std::uint32_t>(value);
    for (int round = feistel_rounds - 1; round >= 0; --round) {
        const std::uint32_t previous = right ^ feistel_round(key_, round, left);
        right = left;
        left = previous;
    }
    return (static_cast<std::uint64_t>(left) << 32) | right;
}

}  // namespace penstock

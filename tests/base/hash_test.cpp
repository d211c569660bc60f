#include "broker/base/hash.h"

#include "broker/base/random.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace penstock {
namespace {

struct CrcVector {
    std::string bytes;
    std::uint32_t crc;
};

std::string ascending(std::size_t length) {
    std::string bytes;
    for (std::size_t at = 0; at < length; ++at) bytes.push_back(static_cast<char>(at));
    return bytes;
}

// RFC 3720 appendix B.4 and the check value of the CRC catalogue.
std::vector<CrcVector> crc_vectors() {
    const std::string up = ascending(32);
    return {{"", 0},
            {"123456789", 0xE3069283},
            {std::string(32, '\0'), 0x8A9136AA},
            {std::string(32, '\xFF'), 0x62A8AB43},
            {up, 0x46DD794E},
            {std::string(up.rbegin(), up.rend()), 0x113FDB5C}};
}

TEST(Crc32c, BothWaysGiveTheValuesOfTheRfc) {
    for (const CrcVector& vector : crc_vectors()) {
        EXPECT_EQ(crc32c(vector.bytes), vector.crc);
        EXPECT_EQ(crc32c_portable(vector.bytes), vector.crc);
    }
}

TEST(Crc32c, BothWaysAgreeOnEveryLengthAndAlignment) {
    SeededRandom random(1);
    const std::string bytes = random.fill(300);
    for (std::size_t from = 0; from < 9; ++from) {
        for (std::size_t length = 0; length + from <= bytes.size(); ++length) {
            const std::string_view part = std::string_view(bytes).substr(from, length);
            ASSERT_EQ(crc32c(part, 77), crc32c_portable(part, 77)) << from << " " << length;
        }
    }
}

TEST(Crc32c, PartsOneAfterTheOtherGiveTheWhole) {
    EXPECT_EQ(crc32c("6789", crc32c("12345")), 0xE3069283);
    EXPECT_EQ(crc32c_portable("6789", crc32c_portable("12345")), 0xE3069283);
}

// Aumasson and Bernstein's reference implementation, vectors.h: key 00..0f, input 00..n-1.
TEST(SipHash, GivesTheReferenceVectors) {
    const SipKey key{0x0706050403020100, 0x0F0E0D0C0B0A0908};
    EXPECT_EQ(siphash(key, ascending(0)), 0x726FDB47DD0E0E31U);
    EXPECT_EQ(siphash(key, ascending(1)), 0x74F839C593DC67FDU);
    EXPECT_EQ(siphash(key, ascending(2)), 0x0D6C8009D9A94F5AU);
    EXPECT_EQ(siphash(key, ascending(3)), 0x85676696D7FB7E2DU);
    EXPECT_EQ(siphash(key, ascending(7)), 0xAB0200F58B01D137U);
    EXPECT_EQ(siphash(key, ascending(8)), 0x93F5F5799A932462U);
    EXPECT_EQ(siphash(key, ascending(15)), 0xA129CA6149BE45E5U);
}

// Stored in state hashes: a change of value breaks every replica's chain.
TEST(Hash64, KeepsItsValues) {
    EXPECT_EQ(hash64("penstock"), 0xA9FC52BBEE3ACC3BU);
    EXPECT_EQ(hash64("penstock", 1), 0x256B61526FD877BFU);
}

TEST(Mix64, IsTheFinaliserOfSplitmix) {
    EXPECT_EQ(mix64(0x9E3779B97F4A7C15ULL), 0xE220A8397B1DCDAFULL);
}

TEST(Permutation64, OpeningUndoesSealing) {
    SeededRandom random(2);
    for (int round = 0; round < 2000; ++round) {
        const Permutation64 permutation({random.next(), random.next()});
        const std::uint64_t value = random.next();
        ASSERT_EQ(permutation.open(permutation.seal(value)), value);
        ASSERT_EQ(permutation.seal(permutation.open(value)), value);
    }
}

// Receipts handed out before an upgrade are opened after it.
TEST(Permutation64, KeepsItsValues) {
    EXPECT_EQ(Permutation64({1, 2}).seal(5), 0x0A1BC692378EFABFU);
}

TEST(Permutation64, NeighboursAndKeysLookUnrelated) {
    const Permutation64 one({1, 2});
    const Permutation64 other({1, 3});
    EXPECT_NE(one.seal(5), other.seal(5));
    int bits = 0;
    for (std::uint64_t value = 0; value < 64; ++value) {
        bits += __builtin_popcountll(one.seal(value) ^ one.seal(value + 1));
    }
    EXPECT_GT(bits / 64, 26);
    EXPECT_LT(bits / 64, 38);
}

}  // namespace
}  // namespace penstock

#include "broker/base/bytes.h"

#include "broker/base/random.h"

#include <gtest/gtest.h>

#include <vector>

namespace penstock {
namespace {

std::string varint(std::uint64_t value) {
    std::string out;
    Writer(out).varint(value);
    return out;
}

TEST(Bytes, StoredNumbersAreLittleEndianAndKeysBigEndian) {
    std::string out;
    Writer writer(out);
    writer.u8(0x01);
    writer.u16(0x0203);
    writer.u32(0x04050607);
    writer.u64(0x08090A0B0C0D0E0F);
    writer.i64(-2);
    writer.key_u32(0x01020304);
    writer.key_u64(0x0102030405060708);
    writer.boolean(true);
    writer.bytes("ab");
    writer.raw("cd");
    EXPECT_EQ(out,
              std::string("\x01\x03\x02\x07\x06\x05\x04\x0F\x0E\x0D\x0C\x0B\x0A\x09\x08"
                          "\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
                          "\x01\x02\x03\x04\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02"
                          "abcd"));
    Reader reader(out);
    EXPECT_EQ(reader.u8(), 0x01);
    EXPECT_EQ(reader.u16(), 0x0203);
    EXPECT_EQ(reader.u32(), 0x04050607U);
    EXPECT_EQ(reader.u64(), 0x08090A0B0C0D0E0FU);
    EXPECT_EQ(reader.i64(), -2);
    EXPECT_EQ(reader.key_u32(), 0x01020304U);
    EXPECT_EQ(reader.key_u64(), 0x0102030405060708U);
    EXPECT_TRUE(reader.boolean());
    EXPECT_EQ(reader.bytes(), "ab");
    EXPECT_EQ(reader.raw(2), "cd");
    EXPECT_TRUE(reader.done());
}

TEST(Bytes, VarintsAreLeb128) {
    EXPECT_EQ(varint(0), std::string(1, '\0'));
    EXPECT_EQ(varint(127), "\x7F");
    EXPECT_EQ(varint(128), "\x80\x01");
    EXPECT_EQ(varint(300), "\xAC\x02");
    EXPECT_EQ(varint(UINT64_MAX), "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01");
    for (const std::uint64_t value : std::vector<std::uint64_t>{
             0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX - 1, UINT64_MAX}) {
        const std::string bytes = varint(value);
        Reader reader(bytes);
        EXPECT_EQ(reader.varint(), value);
        EXPECT_TRUE(reader.done());
    }
}

TEST(Bytes, AVarintBeyondSixtyFourBitsFails) {
    for (const std::string bytes : {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02",
                                    "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
                                    "\x80",
                                    ""}) {
        Reader reader(bytes);
        EXPECT_EQ(reader.varint(), 0U);
        EXPECT_FALSE(reader.ok());
    }
}

TEST(Bytes, KeysSortAsTheirNumbers) {
    SeededRandom random(3);
    for (int round = 0; round < 1000; ++round) {
        const std::uint64_t left = random.next() >> random.below(64);
        const std::uint64_t right = random.next() >> random.below(64);
        std::string left_key;
        std::string right_key;
        Writer(left_key).key_u64(left);
        Writer(right_key).key_u64(right);
        ASSERT_EQ(left < right, left_key < right_key);
    }
}

TEST(Bytes, AFailedReaderStaysFailedAndGivesZeros) {
    Reader reader(
        "\x05"
        "abc");
    EXPECT_EQ(reader.bytes(), "");
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.u8(), 0);
    EXPECT_EQ(reader.u64(), 0U);
    EXPECT_EQ(reader.key_u32(), 0U);
    EXPECT_EQ(reader.text(), "");
    EXPECT_EQ(reader.count(1), 0U);
    EXPECT_EQ(reader.left(), 0U);
    EXPECT_FALSE(reader.done());
}

TEST(Bytes, ADoneReaderHasReadEverything) {
    Reader reader("ab");
    EXPECT_EQ(reader.raw(1), "a");
    EXPECT_TRUE(reader.ok());
    EXPECT_FALSE(reader.done());
    EXPECT_EQ(reader.left(), 1U);
}

TEST(Bytes, AHostileCountFailsBeforeAnythingIsAllocated) {
    const std::string hostile = varint(UINT64_MAX) + "abc";
    Reader reader(hostile);
    EXPECT_EQ(reader.count(1), 0U);
    EXPECT_FALSE(reader.ok());
    const std::string tight = varint(2) + "abcde";
    EXPECT_EQ(Reader(tight).count(2), 2U);
    EXPECT_EQ(Reader(tight).count(3), 0U);
    EXPECT_EQ(Reader(tight).count(0), 2U);
}

}  // namespace
}  // namespace penstock

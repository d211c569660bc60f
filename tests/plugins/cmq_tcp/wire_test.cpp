#include "plugins/cmq_tcp/wire.h"

#include "tests/plugins/cmq_tcp/bytes.h"

#include <gtest/gtest.h>

namespace penstock::plugins::cmq_tcp {
namespace {

using testing::bytes;
using State = Frame::State;

// "number:value" and "number='bytes'" of each field, '!' where the bytes are malformed.
std::string read(const std::string& message) {
    std::string shown;
    FieldReader reader(message);
    Field field;
    while (reader.next(field)) {
        shown += std::to_string(field.number);
        if (field.kind == Field::Kind::number) shown += ":" + std::to_string(field.value);
        if (field.kind == Field::Kind::bytes) shown += "='" + std::string(field.bytes) + "'";
        shown += " ";
    }
    return shown + (reader.malformed() ? "!" : "");
}

TEST(Fields, AreReadByKindAndUnknownKindsAreSkipped) {
    EXPECT_EQ(read(""), "");
    EXPECT_EQ(read(bytes("08 03 10 90 08")), "1:3 2:1040 ");
    EXPECT_EQ(read(bytes("0a 02 'hi' 12 00")), "1='hi' 2='' ");
    EXPECT_EQ(read(bytes("09 01 02 03 04 05 06 07 08 15 01 02 03 04 18 05")), "1 2 3:5 ");
    EXPECT_EQ(read(bytes("08 ff ff ff ff ff ff ff ff ff 01")), "1:18446744073709551615 ");
}

TEST(Fields, ThatAreCutOffOrImpossibleAreMalformed) {
    EXPECT_EQ(read(bytes("08")), "!");                                   // no value
    EXPECT_EQ(read(bytes("08 80")), "!");                                // half a number
    EXPECT_EQ(read(bytes("08 ff ff ff ff ff ff ff ff ff 02")), "!");     // over 64 bits
    EXPECT_EQ(read(bytes("08 80 80 80 80 80 80 80 80 80 80 00")), "!");  // eleven bytes
    EXPECT_EQ(read(bytes("0a 03 'hi'")), "!");                           // longer than there is
    EXPECT_EQ(read(bytes("0a ff ff ff ff ff ff ff ff ff 01 'hi'")), "!");
    EXPECT_EQ(read(bytes("09 01 02 03")), "!");        // half a fixed one
    EXPECT_EQ(read(bytes("0b 08 01 0c")), "!");        // a group
    EXPECT_EQ(read(bytes("00 01")), "!");              // number 0
    EXPECT_EQ(read(bytes("80 80 80 80 10 01")), "!");  // number 2^29
    EXPECT_EQ(read(bytes("08 03 10")), "1:3 !");       // what came before stands
}

TEST(Fields, AreWrittenAsTheyAreRead) {
    std::string out;
    put_number(out, 1, 300);
    put_signed(out, 2, -1);
    put_bytes(out, 3, "hi");
    const std::size_t inner = begin_message(out, 29);
    put_number(out, 1, 7);
    end_message(out, inner);
    EXPECT_EQ(out, bytes("08 ac 02 10 ff ff ff ff ff ff ff ff ff 01 1a 02 'hi' ea 01 02 08 07"));
}

TEST(Frames, OfTheTablesSampleAreWhole) {
    const std::string input = bytes("00 00 0b 00 00 00 08 03 10 90 08");
    const Frame frame = first_frame(input, 1'000);
    EXPECT_EQ(frame.state, State::whole);
    EXPECT_EQ(frame.bytes, 11U);
    EXPECT_EQ(frame.payload, bytes("08 03 10 90 08"));
    std::string out = "before";
    const std::size_t begun = begin_frame(out);
    out += frame.payload;
    end_frame(out, begun);
    EXPECT_EQ(out, "before" + input);
}

TEST(Frames, ThatAreSplitAnywhereArePartialUntilTheirLastByte) {
    const std::string input = bytes("00 00 0b 00 00 00 08 03 10 90 08");
    for (std::size_t size = 0; size < input.size(); ++size) {
        EXPECT_EQ(first_frame(input.substr(0, size), 1'000).state, State::partial) << size;
    }
}

TEST(Frames, ThatAreMergedAreTakenOneByOne) {
    const std::string input = bytes("00 00 07 00 00 00 'a' 00 00 08 00 00 00 'bc'");
    EXPECT_EQ(first_frame(input, 1'000).payload, "a");
    EXPECT_EQ(first_frame(input.substr(7), 1'000).payload, "bc");
}

TEST(Frames, OfGarbageOrImpossibleLengthAreBrokenAtOnce) {
    EXPECT_EQ(first_frame("G", 1'000).state, State::broken);
    EXPECT_EQ(first_frame(bytes("00 01"), 1'000).state, State::broken);
    EXPECT_EQ(first_frame(bytes("00 00 05 00 00 00"), 1'000).state, State::broken);
    EXPECT_EQ(first_frame(bytes("00 00 e9 03 00 00"), 1'000).state, State::broken);
    EXPECT_EQ(first_frame(bytes("00 00 ff ff ff ff"), 1'000).state, State::broken);
    EXPECT_EQ(first_frame(bytes("00 00 e8 03 00 00"), 1'000).state, State::partial);
    EXPECT_EQ(first_frame(bytes("00 00 06 00 00 00"), 1'000).state, State::whole);
}

}  // namespace
}  // namespace penstock::plugins::cmq_tcp

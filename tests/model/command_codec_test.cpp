#include "tests/model/hex.h"
#include "tests/model/samples.h"

#include <gtest/gtest.h>

namespace penstock::model {
namespace {

using testing::command_samples;
using testing::CommandSample;
using testing::to_hex;

TEST(CommandCodec, EveryCommandHasASample) {
    const auto samples = command_samples();
    ASSERT_EQ(samples.size(), std::variant_size_v<Command>);
    for (std::size_t at = 0; at < samples.size(); ++at) {
        EXPECT_EQ(samples[at].command.index(), at) << samples[at].name;
    }
}

TEST(CommandCodec, EveryCommandIsStoredAsItsGoldenBytes) {
    for (const CommandSample& sample : command_samples()) {
        EXPECT_EQ(to_hex(encode_commands({sample.command})), sample.hex) << sample.name;
    }
}

TEST(CommandCodec, EveryCommandComesBackAsItWas) {
    for (const CommandSample& sample : command_samples()) {
        const auto decoded = decode_commands(encode_commands({sample.command}));
        ASSERT_TRUE(decoded) << sample.name;
        ASSERT_EQ(decoded->size(), 1U) << sample.name;
        EXPECT_TRUE(decoded->front() == sample.command) << sample.name;
    }
}

TEST(CommandCodec, ManyCommandsTravelInOneEntry) {
    std::vector<Command> commands;
    for (const CommandSample& sample : command_samples()) commands.push_back(sample.command);
    const auto decoded = decode_commands(encode_commands(commands));
    ASSERT_TRUE(decoded);
    EXPECT_TRUE(*decoded == commands);
    EXPECT_TRUE(decode_commands(encode_commands({}))->empty());
}

TEST(CommandCodec, DefaultsComeBackToo) {
    const std::vector<Command> commands{CreateQueue{}, Send{}, Subscribe{}, Settle{}, Tick{}};
    const auto decoded = decode_commands(encode_commands(commands));
    ASSERT_TRUE(decoded);
    EXPECT_TRUE(*decoded == commands);
}

// The bound that keeps hostile counts from allocating must not refuse the smallest real items.
TEST(CommandCodec, ASettleOfAThousandSmallestItemsComesBack) {
    Settle settle;
    settle.attempts_ordinal = 0;
    settle.items.resize(attempts_per_settle_max);
    const auto decoded = decode_commands(encode_commands({settle}));
    ASSERT_TRUE(decoded);
    EXPECT_TRUE(decoded->front() == Command{settle});
}

TEST(CommandCodec, AnotherVersionOrAnUnknownTagIsMalformed) {
    EXPECT_TRUE(decode_commands(std::string("\x01\x01\x1B", 3)));
    EXPECT_TRUE(decode_commands(std::string("\x02\x01\x1B", 3)));
    EXPECT_TRUE(decode_commands(std::string("\x03\x01\x1B", 3)));
    EXPECT_TRUE(decode_commands(std::string("\x04\x01\x1B", 3)));
    EXPECT_FALSE(decode_commands(std::string("\x05\x01\x1B", 3)));
    EXPECT_FALSE(decode_commands(std::string("\x01\x01\xFF", 3)));
    EXPECT_FALSE(decode_commands(std::string("\x01\x01\x00", 3)));
    EXPECT_FALSE(decode_commands(std::string("\x01\x01\x1B\x00", 4)));
    EXPECT_FALSE(decode_commands(""));
}

TEST(CommandCodec, ANumberTooWideForItsFieldIsMalformed) {
    // DeleteQueue of number 2^32.
    EXPECT_FALSE(decode_commands(std::string("\x01\x01\x09\x80\x80\x80\x80\x10")));
    EXPECT_TRUE(decode_commands(std::string("\x01\x01\x09\xFF\xFF\xFF\xFF\x0F")));
}

}  // namespace
}  // namespace penstock::model

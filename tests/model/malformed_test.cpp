// Damaged input of every decoder: it answers nothing or a value, never crashes, never hangs. The
// sanitizer builds run these too.
#include "broker/base/random.h"
#include "broker/model/message.h"
#include "tests/model/samples.h"

#include <gtest/gtest.h>

namespace penstock::model {
namespace {

NewMessage sample_message() {
    NewMessage message;
    message.meta.tags = {"a", "b"};
    message.meta.routing_key = "x.y";
    message.meta.attributes = {{"name", "value"}};
    message.payload = "payload";
    return message;
}

void decode_everything(std::string_view bytes) {
    (void)decode_commands(bytes);
    (void)decode_attempts(bytes);
    (void)decode_body(bytes);
}

std::vector<std::string> well_formed() {
    std::vector<std::string> inputs{encode_attempts(testing::sample_attempts()),
                                    encode_body(sample_message())};
    for (const auto& sample : testing::command_samples()) {
        inputs.push_back(encode_commands({sample.command}));
    }
    return inputs;
}

TEST(Malformed, ACommandCutShortIsNoCommand) {
    for (const auto& sample : testing::command_samples()) {
        const std::string bytes = encode_commands({sample.command});
        for (std::size_t length = 0; length < bytes.size(); ++length) {
            EXPECT_FALSE(decode_commands(std::string_view(bytes).substr(0, length)))
                << sample.name << " cut to " << length;
        }
        EXPECT_FALSE(decode_commands(bytes + '\0')) << sample.name;
    }
}

TEST(Malformed, AttemptsCutShortAreNoAttempts) {
    const std::string bytes = encode_attempts(testing::sample_attempts());
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        EXPECT_FALSE(decode_attempts(std::string_view(bytes).substr(0, length))) << length;
    }
    EXPECT_FALSE(decode_attempts(bytes + '\0'));
}

TEST(Malformed, ABodyWithoutItsWholeHeaderIsNoBody) {
    const std::string bytes = encode_body(sample_message());
    const std::size_t header_end = bytes.size() - std::string("payload").size();
    for (std::size_t length = 0; length < header_end; ++length) {
        EXPECT_FALSE(decode_body(std::string_view(bytes).substr(0, length))) << length;
    }
    EXPECT_TRUE(decode_body(std::string_view(bytes).substr(0, header_end)));
}

TEST(Malformed, ChangedBytesNeverCrashADecoder) {
    SeededRandom random(11);
    for (const std::string& input : well_formed()) {
        for (int round = 0; round < 500; ++round) {
            std::string bytes = input;
            for (std::uint64_t changes = 1 + random.below(4); changes > 0; --changes) {
                bytes[random.below(bytes.size())] = static_cast<char>(random.next());
            }
            decode_everything(bytes);
        }
    }
}

TEST(Malformed, RandomBytesNeverCrashADecoder) {
    SeededRandom random(12);
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes = random.fill(random.below(64));
        if (!bytes.empty() && random.below(2) == 0) bytes[0] = 1;
        decode_everything(bytes);
    }
}

// What decodes is canonical enough to be stored again: encoding it decodes to the same.
TEST(Malformed, WhatStillDecodesRoundTrips) {
    SeededRandom random(13);
    int decoded_count = 0;
    for (const auto& sample : testing::command_samples()) {
        for (int round = 0; round < 200; ++round) {
            std::string bytes = encode_commands({sample.command});
            bytes[random.below(bytes.size())] = static_cast<char>(random.next());
            const auto decoded = decode_commands(bytes);
            if (!decoded) continue;
            ++decoded_count;
            const auto again = decode_commands(encode_commands(*decoded));
            ASSERT_TRUE(again) << sample.name;
            ASSERT_TRUE(*again == *decoded) << sample.name;
        }
    }
    EXPECT_GT(decoded_count, 500);
}

}  // namespace
}  // namespace penstock::model

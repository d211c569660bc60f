#include "broker/api/wire.h"
#include "broker/base/random.h"
#include "broker/model/wire.h"
#include "tests/api/wire_samples.h"
#include "tests/support/heap_use.h"

#include <gtest/gtest.h>

#include <functional>

namespace penstock::api {
namespace {

// A list makes room for as many items as its bytes could hold, at the least bytes of an item: a
// string takes 32 bytes of memory for one byte at the least, and lists nest.
constexpr std::size_t memory_per_byte_max = 256;
constexpr std::size_t memory_beside_max = 4096;

template <class Decode>
auto decode_within_bounds(const Decode& decode, const std::string& bytes) {
    const std::size_t before = penstock::testing::heap_use().bytes;
    auto value = decode(bytes);
    const std::size_t spent = penstock::testing::heap_use().bytes - before;
    EXPECT_LE(spent, bytes.size() * memory_per_byte_max + memory_beside_max);
    return value;
}

// What is read from damaged bytes must be a value like any other: it is written and read again.
void read_request(const std::string& bytes) {
    const auto request = decode_within_bounds(decode_request, bytes);
    if (!request) return;
    const std::string again = encode_request(*request);
    const auto reread = decode_request(again);
    ASSERT_TRUE(reread);
    EXPECT_EQ(encode_request(*reread), again);
}

void read_outcome(std::size_t index, const std::string& bytes) {
    const auto decode = [index](const std::string& text) {
        return decode_outcome(index, text);
    };
    const auto outcome = decode_within_bounds(decode, bytes);
    if (!outcome) return;
    const std::string again = encode_outcome(index, *outcome);
    const auto reread = decode_outcome(index, again);
    ASSERT_TRUE(reread);
    EXPECT_EQ(encode_outcome(index, *reread), again);
}

std::string some_bytes(SeededRandom& random, std::size_t bytes_max) {
    std::string bytes(random.below(bytes_max + 1), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.below(256));
    return bytes;
}

// One to four bytes become others, or the end is replaced.
std::string damaged(SeededRandom& random, std::string bytes) {
    if (random.below(8) == 0)
        return bytes.substr(0, random.below(bytes.size() + 1)) + some_bytes(random, 40);
    for (std::uint64_t left = 1 + random.below(4); left > 0 && !bytes.empty(); --left) {
        bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    }
    return bytes;
}

TEST(HostileRequests, CutAnywhereAreRefused) {
    for (const auto& sample : testing::wire_samples()) {
        SCOPED_TRACE(sample.request.index());
        const std::string bytes = encode_request(sample.request);
        for (std::size_t length = 0; length < bytes.size(); ++length) {
            const auto read = decode_request(bytes.substr(0, length));
            ASSERT_FALSE(read) << length;
            ASSERT_EQ(read.error().code, Errc::damaged);
        }
        EXPECT_FALSE(decode_request(bytes + '\0'));
    }
}

TEST(HostileOutcomes, CutAnywhereAreRefused) {
    for (const auto& sample : testing::wire_samples()) {
        const std::size_t index = sample.request.index();
        SCOPED_TRACE(index);
        const std::any refused = sample.refuse({model::Reason::internal, "subject", "detail"});
        for (const std::any& outcome : {sample.outcome, refused}) {
            const std::string bytes = encode_outcome(index, outcome);
            for (std::size_t length = 0; length < bytes.size(); ++length) {
                const auto read = decode_outcome(index, bytes.substr(0, length));
                ASSERT_FALSE(read) << length;
                ASSERT_EQ(read.error().code, Errc::damaged);
            }
            EXPECT_FALSE(decode_outcome(index, bytes + '\0'));
        }
    }
}

TEST(HostileRequests, WithCountsBeyondTheirBytesTakeNoMemory) {
    const std::string huge = "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F";
    // SendMessages: the number of messages; DeleteMessages: of receipts; GetQueue: of letters.
    for (const std::string& bytes : {"\x08\x01q" + huge, "\x0A\x01q" + huge, "\x02" + huge}) {
        const std::size_t before = penstock::testing::heap_use().bytes;
        EXPECT_FALSE(decode_request(bytes));
        EXPECT_LE(penstock::testing::heap_use().bytes - before, 1024U);
    }
}

TEST(HostileRequests, OfRandomBytesAreRefusedOrReadWithinBounds) {
    for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
        SCOPED_TRACE(seed);
        SeededRandom random(seed);
        std::string bytes = some_bytes(random, 300);
        if (!bytes.empty()) bytes[0] = static_cast<char>(seed % std::variant_size_v<Request>);
        read_request(bytes);
        read_outcome(seed % std::variant_size_v<Request>, bytes);
        const auto reply = decode_within_bounds(model::reply_from_wire, bytes);
        EXPECT_TRUE(!reply || model::reply_from_wire(model::reply_to_wire(*reply)));
    }
}

TEST(HostileRequests, DamagedInPlacesAreRefusedOrReadWithinBounds) {
    SeededRandom random(7);
    for (const auto& sample : testing::wire_samples()) {
        const std::size_t index = sample.request.index();
        SCOPED_TRACE(index);
        const std::string request = encode_request(sample.request);
        const std::string outcome = encode_outcome(index, sample.outcome);
        for (int round = 0; round < 150; ++round) {
            read_request(damaged(random, request));
            read_outcome(index, damaged(random, outcome));
        }
    }
}

}  // namespace
}  // namespace penstock::api

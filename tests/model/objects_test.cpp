#include "broker/model/objects.h"

#include "broker/base/bytes.h"
#include "broker/base/random.h"
#include "broker/model/object_codec.h"
#include "tests/model/hex.h"
#include "tests/model/samples.h"

#include <gtest/gtest.h>

namespace penstock::model {
namespace {

std::vector<std::uint32_t> pauses(const RetryPolicy& policy, std::uint64_t jitter) {
    std::vector<std::uint32_t> all;
    for (std::uint32_t retry = 1;; ++retry) {
        const auto pause = retry_pause_ms(policy, retry, jitter);
        if (!pause) return all;
        all.push_back(*pause);
    }
}

TEST(RetryPolicy, ExponentialDecayRetriesAHundredAndSeventySixTimesIn86015Seconds) {
    const auto all = pauses(exponential_retry(), 12345);
    ASSERT_EQ(all.size(), 176U);
    std::uint64_t total_ms = 0;
    for (const std::uint32_t pause : all) total_ms += pause;
    EXPECT_EQ(total_ms, 86'015'000U);
    EXPECT_EQ(std::vector<std::uint32_t>(all.begin(), all.begin() + 10),
              (std::vector<std::uint32_t>{
                  1000, 2000, 4000, 8000, 16'000, 32'000, 64'000, 128'000, 256'000, 512'000}));
    EXPECT_EQ(all.back(), 512'000U);
    EXPECT_FALSE(exponential_retry().keeps_order);
    EXPECT_EQ(exponential_retry().name, RetryPolicy::Name::exponential);
}

TEST(RetryPolicy, BackoffRetriesThreeTimesTenToTwentySecondsApartAndKeepsOrder) {
    const RetryPolicy policy = backoff_retry();
    EXPECT_TRUE(policy.keeps_order);
    EXPECT_EQ(policy.name, RetryPolicy::Name::backoff);
    SeededRandom random(14);
    std::uint32_t least = UINT32_MAX;
    std::uint32_t most = 0;
    for (int round = 0; round < 10'000; ++round) {
        const auto all = pauses(policy, random.next());
        ASSERT_EQ(all.size(), 3U);
        for (const std::uint32_t pause : all) {
            least = std::min(least, pause);
            most = std::max(most, pause);
        }
    }
    EXPECT_GE(least, 10'000U);
    EXPECT_LT(least, 10'100U);
    EXPECT_LE(most, 20'000U);
    EXPECT_GT(most, 19'900U);
}

TEST(RetryPolicy, ThePauseDependsOnNothingButItsInput) {
    EXPECT_EQ(retry_pause_ms(backoff_retry(), 2, 0), 10'000U);
    EXPECT_EQ(retry_pause_ms(backoff_retry(), 2, 10'000), 20'000U);
    EXPECT_EQ(retry_pause_ms(backoff_retry(), 2, 10'001), 10'000U);
    EXPECT_EQ(retry_pause_ms(backoff_retry(5, 5), 1, 99), 5U);
    EXPECT_EQ(retry_pause_ms(backoff_retry(0, UINT32_MAX), 1, UINT32_MAX), UINT32_MAX);
}

TEST(RetryPolicy, CustomPausesAreTakenOneByOne) {
    EXPECT_EQ(pauses(custom_retry({100, 50, 0}), 77), (std::vector<std::uint32_t>{100, 50, 0}));
    EXPECT_EQ(retry_pause_ms(custom_retry({}), 1, 0), std::nullopt);
    EXPECT_FALSE(custom_retry({1}).keeps_order);
}

template <class Object>
std::string encoded(const Object& object) {
    std::string out;
    Writer writer(out);
    encode(writer, object);
    return out;
}

TEST(ObjectCodec, AttributesAreStoredAsTheirGoldenBytes) {
    EXPECT_EQ(testing::to_hex(encoded(testing::sample_queue_attributes())),
              "01"
              "c0843d"
              "1e"
              "3c"
              "8008"
              "901c"
              "880e"
              "01"
              "01"
              "09000000"
              "01"
              "03"
              "ac02");
    EXPECT_EQ(testing::to_hex(encoded(QueueAttributes{})),
              "01"
              "80c2d72f"
              "00"
              "1e"
              "808004"
              "808c15"
              "00"
              "00"
              "00");
    EXPECT_EQ(testing::to_hex(encoded(testing::sample_topic_attributes())),
              "01"
              "8010"
              "02"
              "a038");
    EXPECT_EQ(testing::to_hex(encoded(testing::sample_subscription_spec())),
              "03"
              "02"
              "0a687474703a2f2f612f62"
              "07000000"
              "02"
              "01"
              "01"
              "01"
              "904e"
              "a09c01"
              "03"
              "02"
              "03726564"
              "04626c7565"
              "01"
              "05612e2a2e23"
              "08000000"
              "04"
              "f403"
              "01"
              "03776879"
              "02062f62696e2f610162022f66020301000104f403ac0207e0d403c80105010168"
              "000900"
              "000000"
              "010102"
              "ac021401"
              "0194018827"
              "0101");
}

TEST(ObjectCodec, AttributesComeBackAsTheyWere) {
    const std::string queue = encoded(testing::sample_queue_attributes());
    Reader queue_reader(queue);
    EXPECT_EQ(decode_queue_attributes(queue_reader), testing::sample_queue_attributes());
    EXPECT_TRUE(queue_reader.done());
    const std::string topic = encoded(testing::sample_topic_attributes());
    Reader topic_reader(topic);
    EXPECT_EQ(decode_topic_attributes(topic_reader), testing::sample_topic_attributes());
    EXPECT_TRUE(topic_reader.done());
    const std::string spec = encoded(testing::sample_subscription_spec());
    Reader spec_reader(spec);
    EXPECT_EQ(decode_subscription_spec(spec_reader), testing::sample_subscription_spec());
    EXPECT_TRUE(spec_reader.done());
}

// The bytes of objects whose queues are in their own set say nothing of sets.
TEST(ObjectCodec, AQueueInAnotherSetIsStoredWithItsSet) {
    QueueAttributes attributes = testing::sample_queue_attributes();
    attributes.dead_letter->queue.set = SetId{3};
    const std::string queue = encoded(attributes);
    EXPECT_EQ(testing::to_hex(queue),
              "01c0843d1e3c8008901c880e01"
              "800300090000000103ac02");
    Reader queue_reader(queue);
    EXPECT_EQ(decode_queue_attributes(queue_reader), attributes);
    EXPECT_TRUE(queue_reader.done());

    SubscriptionSpec spec = testing::sample_subscription_spec();
    const std::string here = testing::to_hex(encoded(spec));
    spec.queue.set = SetId{3};
    spec.dead_letter.set = SetId{4};
    const std::string subscription = encoded(spec);
    EXPECT_EQ(testing::to_hex(subscription),
              here.substr(0, 2) + "82" + here.substr(4) + "03000400");
    Reader spec_reader(subscription);
    EXPECT_EQ(decode_subscription_spec(spec_reader), spec);
    EXPECT_TRUE(spec_reader.done());
}

// An older build reads the queues that have none.
TEST(ObjectCodec, ATransactionalQueueIsStoredInTheSecondVersion) {
    QueueAttributes attributes = testing::sample_queue_attributes();
    const std::string before = testing::to_hex(encoded(attributes));
    attributes.transaction = TransactionPolicy{300, 7};
    const std::string bytes = encoded(attributes);
    EXPECT_EQ(testing::to_hex(bytes), "02" + before.substr(2) + "ac0207");
    Reader reader(bytes);
    EXPECT_EQ(decode_queue_attributes(reader), attributes);
    EXPECT_TRUE(reader.done());
}

TEST(ObjectCodec, AnOrderedQueueIsStoredInTheThirdVersion) {
    QueueAttributes attributes = testing::sample_queue_attributes();
    const std::string before = testing::to_hex(encoded(attributes));
    attributes.ordered = true;
    EXPECT_EQ(testing::to_hex(encoded(attributes)), "03" + before.substr(2) + "00");
    attributes.transaction = TransactionPolicy{300, 7};
    const std::string bytes = encoded(attributes);
    EXPECT_EQ(testing::to_hex(bytes), "03" + before.substr(2) + "01ac0207");
    Reader reader(bytes);
    EXPECT_EQ(decode_queue_attributes(reader), attributes);
    EXPECT_TRUE(reader.done());
}

// An older build reads the queues and topics that have no rate of their own.
TEST(ObjectCodec, AQueueWithARateOfItsOwnIsStoredInTheFourthVersion) {
    QueueAttributes attributes = testing::sample_queue_attributes();
    const std::string before = testing::to_hex(encoded(attributes));
    attributes.messages_per_s = 300;
    EXPECT_EQ(testing::to_hex(encoded(attributes)), "04" + before.substr(2) + "ac020000");
    attributes.ordered = true;
    attributes.transaction = TransactionPolicy{300, 7};
    const std::string bytes = encoded(attributes);
    EXPECT_EQ(testing::to_hex(bytes), "04" + before.substr(2) + "ac020101ac0207");
    Reader reader(bytes);
    EXPECT_EQ(decode_queue_attributes(reader), attributes);
    EXPECT_TRUE(reader.done());
}

TEST(ObjectCodec, ATopicWithARateOfItsOwnIsStoredInTheSecondVersion) {
    TopicAttributes attributes = testing::sample_topic_attributes();
    const std::string before = testing::to_hex(encoded(attributes));
    attributes.messages_per_s = 300;
    const std::string bytes = encoded(attributes);
    EXPECT_EQ(testing::to_hex(bytes), "02" + before.substr(2) + "ac02");
    Reader reader(bytes);
    EXPECT_EQ(decode_topic_attributes(reader), attributes);
    EXPECT_TRUE(reader.done());
}

TEST(ObjectCodec, AnotherVersionLeavesTheReaderFailed) {
    std::string bytes = encoded(QueueAttributes{});
    bytes[0] = 9;
    Reader reader(bytes);
    (void)decode_queue_attributes(reader);
    EXPECT_FALSE(reader.ok());
}

// As an untouched one is stored.
constexpr std::size_t push_policy_bytes = 13;

TEST(ObjectCodec, ASubscriptionOfTheFirstVersionIsNeverRecycledByAgeOrMemory) {
    SubscriptionSpec spec = testing::sample_subscription_spec();
    spec.function.recycle_after = 300;
    spec.function.recycle_age_ms = 1;
    spec.function.recycle_memory_mib = 2;
    spec.pace = {};
    std::string bytes = encoded(spec);
    bytes.resize(bytes.size() - push_policy_bytes);
    const std::string in_second = "\xac\x02\x01\x02";
    const std::size_t at = bytes.find(in_second);
    ASSERT_NE(at, std::string::npos);
    bytes.erase(at + 2, 2);
    bytes[0] = 1;
    Reader reader(bytes);
    const SubscriptionSpec back = decode_subscription_spec(reader);
    EXPECT_TRUE(reader.done());
    spec.function.recycle_age_ms = 0;
    spec.function.recycle_memory_mib = 0;
    EXPECT_EQ(back, spec);
}

// What uses none of it is written as builds of before read it.
TEST(ObjectCodec, OutputsBatchesAndHandshakesAreStoredBehindThePolicy) {
    SubscriptionSpec spec = testing::sample_subscription_spec();
    const std::string before = testing::to_hex(encoded(spec));
    spec.pace.outputs = true;
    spec.pace.batch = 100;
    spec.pace.batch_bytes = 65'536;
    spec.pace.batch_linger_ms = 250;
    spec.pace.handshake = Handshake::cloudevents;
    std::string bytes = encoded(spec);
    EXPECT_EQ(testing::to_hex(bytes),
              "04" + before.substr(2) +
                  "01"
                  "64"
                  "808004"
                  "fa01"
                  "02");
    Reader reader(bytes);
    EXPECT_EQ(decode_subscription_spec(reader), spec);
    EXPECT_TRUE(reader.done());
    bytes.back() = 3;
    Reader unknown(bytes);
    (void)decode_subscription_spec(unknown);
    EXPECT_FALSE(unknown.ok());
    spec.pace = PushPolicy{};
    EXPECT_EQ(encoded(spec)[0], 3);
}

TEST(ObjectCodec, AScriptIsStoredWithTheNameOfItsFileWhereItHasOne) {
    Script script;
    script.role = ScriptRole::filter;
    script.version = 2;
    script.code = "c";
    script.note = "n";
    script.deployed_ms = 7;
    EXPECT_EQ(testing::to_hex(encoded(script)), "02020163016e07");
    script.file = "keep.lua";
    const std::string bytes = encoded(script);
    EXPECT_EQ(testing::to_hex(bytes), "82020163016e07086b6565702e6c7561");
    Reader reader(bytes);
    EXPECT_EQ(decode_script(reader), script);
    EXPECT_TRUE(reader.done());
}

TEST(ObjectCodec, ARetryStepWhoseBoundsCrossIsMalformed) {
    SubscriptionSpec spec = testing::sample_subscription_spec();
    spec.retry.steps = {{20, 10, 1}};
    const std::string bytes = encoded(spec);
    Reader reader(bytes);
    (void)decode_subscription_spec(reader);
    EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace penstock::model

#include "broker/api/data_keys.h"

#include "tests/support/fake_key_service.h"
#include "tests/support/manual_clock.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

namespace penstock::api {
namespace {

constexpr model::ObjectNo orders{7};
constexpr std::int64_t rotate_us = 3'600'000'000;

// The data keys of one node.
struct Keys {
    explicit Keys(testing::FakeKeyService& service, testing::ManualClock& clock)
        : keys(service, clock, random, context.get_executor(), {rotate_us}) {}

    void work() {
        context.restart();
        context.run();
    }

    Result<DataKeyPtr> make(model::ObjectNo object) {
        std::optional<Result<DataKeyPtr>> answer;
        keys.make(object, [&](Result<DataKeyPtr> key) { answer = std::move(key); });
        work();
        return *answer;
    }

    Result<DataKeyPtr> obtain(const model::Seal& seal) {
        std::optional<Result<DataKeyPtr>> answer;
        keys.obtain(seal, [&](Result<DataKeyPtr> key) { answer = std::move(key); });
        work();
        return *answer;
    }

    boost::asio::io_context context;
    SystemRandom random;
    DataKeys keys;
};

class DataKeysTest : public ::testing::Test {
  protected:
    static model::Seal seal_of(const DataKeyPtr& key, model::ObjectNo object = orders) {
        return {
            "", object, key->version(), std::string(model::seal_nonce_bytes, 'n'), key->wrapped()};
    }

    testing::FakeKeyService service;
    testing::ManualClock clock;
    Keys node{service, clock};
    Keys other{service, clock};
};

TEST_F(DataKeysTest, EachObjectHasAKeyOfItsOwnMadeOnce) {
    EXPECT_EQ(node.keys.current(orders), nullptr);
    const DataKeyPtr key = *node.make(orders);
    EXPECT_EQ(node.keys.current(orders), key);
    EXPECT_EQ(*node.make(orders), key);
    const DataKeyPtr another = *node.make(model::ObjectNo{8});
    EXPECT_NE(another->secret(), key->secret());
    EXPECT_EQ(service.wraps, 2);
    EXPECT_EQ(node.keys.figures().made, 2U);
    EXPECT_EQ(key->wrapped().find(key->secret()), std::string::npos);
}

TEST_F(DataKeysTest, WhoWaitsForTheSameKeyWaitsForOneAnswer) {
    DataKeyPtr first;
    DataKeyPtr second;
    node.keys.make(orders, [&](Result<DataKeyPtr> key) { first = *key; });
    node.keys.make(orders, [&](Result<DataKeyPtr> key) { second = *key; });
    node.work();
    EXPECT_NE(first, nullptr);
    EXPECT_EQ(first, second);
    EXPECT_EQ(service.wraps, 1);
}

TEST_F(DataKeysTest, AnotherNodeHasTheKeyUnwrappedAndRemembersIt) {
    const DataKeyPtr key = *node.make(orders);
    EXPECT_NE(node.keys.known(seal_of(key)), nullptr);
    EXPECT_EQ(other.keys.known(seal_of(key)), nullptr);
    const auto obtained = other.obtain(seal_of(key));
    ASSERT_TRUE(obtained);
    EXPECT_EQ((*obtained)->secret(), key->secret());
    EXPECT_EQ(other.keys.known(seal_of(key)), *obtained);
    EXPECT_EQ(*other.obtain(seal_of(key)), *obtained);
    EXPECT_EQ(service.unwraps, 1);
    EXPECT_EQ(other.keys.current(orders), nullptr) << "it seals with a key of its own";
}

TEST_F(DataKeysTest, AKeyThatHasServedItsTimeSealsUntilTheNextOneIsThere) {
    const DataKeyPtr first = *node.make(orders);
    clock.advance_us(rotate_us);
    EXPECT_EQ(node.keys.current(orders), first);
    EXPECT_EQ(node.keys.current(orders), first) << "one is being made, not two";
    node.work();
    const DataKeyPtr second = node.keys.current(orders);
    EXPECT_NE(second->secret(), first->secret());
    EXPECT_GT(second->version(), first->version());
    EXPECT_EQ(node.keys.known(seal_of(first)), first) << "it opens what it has sealed";
    EXPECT_EQ(service.wraps, 2);
}

TEST_F(DataKeysTest, RotatingMakesTheNextKeysUnderTheNextMaster) {
    const DataKeyPtr first = *node.make(orders);
    std::optional<Result<void>> rotated;
    node.keys.rotate([&](Result<void> done) { rotated = std::move(done); });
    node.work();
    ASSERT_TRUE(rotated && *rotated);
    EXPECT_EQ(node.keys.current(orders), first);
    node.work();
    const DataKeyPtr second = node.keys.current(orders);
    EXPECT_NE(second, first);
    EXPECT_EQ(second->wrapped().substr(8, 2), "W2");
}

TEST_F(DataKeysTest, WhileTheServiceIsDownKnownKeysGoOnAndNewOnesAreRefused) {
    const DataKeyPtr key = *node.make(orders);
    service.down = true;
    EXPECT_EQ(node.keys.current(orders), key);
    const auto made = node.make(model::ObjectNo{8});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::unavailable);
    EXPECT_EQ(made.error().detail, "the key service does not answer as it should: it is down");
    EXPECT_EQ(node.keys.current(model::ObjectNo{8}), nullptr);
    const auto obtained = other.obtain(seal_of(key));
    ASSERT_FALSE(obtained);
    EXPECT_EQ(obtained.error().code, Errc::unavailable);
    // Its renewal fails, and it goes on.
    clock.advance_us(rotate_us);
    EXPECT_EQ(node.keys.current(orders), key);
    node.work();
    EXPECT_EQ(node.keys.current(orders), key);
    service.down = false;
    clock.advance_us(DataKeys::renewal_pause_us);
    EXPECT_EQ(node.keys.current(orders), key);
    node.work();
    EXPECT_NE(node.keys.current(orders), key);
    EXPECT_TRUE(other.obtain(seal_of(key)));
}

TEST_F(DataKeysTest, AServiceThatFailsIsLeftAloneForASecond) {
    service.down = true;
    EXPECT_FALSE(node.make(orders));
    EXPECT_FALSE(node.make(orders));
    EXPECT_EQ(service.wraps, 1);
    service.down = false;
    EXPECT_FALSE(node.make(orders));
    clock.advance_us(DataKeys::pause_us);
    EXPECT_TRUE(node.make(orders));
    EXPECT_EQ(service.wraps, 2);
    EXPECT_EQ(node.keys.figures().failures, 1U);
}

TEST_F(DataKeysTest, AServiceThatWrapsNothingIsRefused) {
    service.echoes = true;
    const auto made = node.make(orders);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::unavailable);
    EXPECT_EQ(node.keys.current(orders), nullptr);
}

TEST_F(DataKeysTest, AnotherKeyThanTheBodysIsToldFromDamage) {
    const DataKeyPtr key = *node.make(orders);
    service.gives_another_key = true;
    const auto obtained = other.obtain(seal_of(key));
    ASSERT_FALSE(obtained);
    EXPECT_EQ(obtained.error().code, Errc::unavailable);
    EXPECT_EQ(other.keys.known(seal_of(key)), nullptr);
    model::Seal cut = seal_of(key);
    cut.wrapped_key.resize(8);
    EXPECT_EQ(other.obtain(cut).error().code, Errc::damaged);
}

TEST_F(DataKeysTest, AKeyThatCannotBeHadStopsNoOther) {
    const DataKeyPtr key = *node.make(orders);
    service.down = true;
    EXPECT_FALSE(other.obtain(seal_of(key)));
    service.down = false;
    EXPECT_TRUE(other.make(model::ObjectNo{8}));
    const auto again = other.obtain(seal_of(key));
    ASSERT_FALSE(again) << "it is not asked for all the time";
    EXPECT_EQ(again.error().code, Errc::unavailable);
    EXPECT_EQ(service.unwraps, 1);
    clock.advance_us(DataKeys::pause_us);
    EXPECT_TRUE(other.obtain(seal_of(key)));
}

TEST_F(DataKeysTest, AWrappedKeyThatWasChangedIsDamage) {
    const DataKeyPtr key = *node.make(orders);
    const auto obtained = other.obtain(seal_of(key, model::ObjectNo{8}));
    ASSERT_FALSE(obtained);
    EXPECT_EQ(obtained.error().code, Errc::damaged);
    EXPECT_TRUE(other.obtain(seal_of(key)));
    EXPECT_EQ(other.keys.figures().failures, 0U);
}

TEST_F(DataKeysTest, WhatWaitsWhenTheServerStopsIsToldSo) {
    std::optional<Result<DataKeyPtr>> answer;
    node.keys.make(orders, [&](Result<DataKeyPtr> key) { answer = std::move(key); });
    node.keys.stop();
    node.work();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->error().detail, "the server stops");
}

TEST_F(DataKeysTest, OnlySoManyKeysAreRemembered) {
    for (std::uint32_t at = 0; at < DataKeys::keys_per_shard_max + 1; ++at) {
        const auto object = static_cast<std::uint32_t>(1 + at * DataKeys::shards);
        ASSERT_TRUE(node.make(model::ObjectNo{object}));
    }
    EXPECT_EQ(node.keys.current(model::ObjectNo{1}), nullptr);
    const auto last =
        static_cast<std::uint32_t>(1 + DataKeys::keys_per_shard_max * DataKeys::shards);
    EXPECT_NE(node.keys.current(model::ObjectNo{last}), nullptr);
}

}  // namespace
}  // namespace penstock::api

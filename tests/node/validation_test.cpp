#include "broker/node/validation.h"

#include <gtest/gtest.h>

namespace penstock::node {

using model::Reason;

namespace {

constexpr std::uint32_t ceiling = 1'048'576;

Reason reason_of(const Refused& refused) {
    return refused ? refused->reason : Reason::none;
}

model::BodyInfo body(std::uint32_t bytes) {
    return {{}, bytes};
}

}  // namespace

TEST(Validation, EveryQueueAttributeHasItsRange) {
    struct Case {
        const char* field;
        std::function<void(model::QueueAttributes&, std::uint64_t)> set;
        std::uint64_t low;
        std::uint64_t high;
    };

    using A = model::QueueAttributes;
    const auto narrow = [](std::uint64_t value) {
        return static_cast<std::uint32_t>(value);
    };
    const std::vector<Case> cases = {
        {"messages_max", [](A& a, auto v) { a.messages_max = v; }, 1'000'000, 1'000'000'000},
        {"polling_wait_s", [=](A& a, auto v) { a.polling_wait_s = narrow(v); }, 0, 30},
        {"visibility_s", [=](A& a, auto v) { a.visibility_s = narrow(v); }, 1, 43'200},
        {"message_bytes_max",
         [=](A& a, auto v) { a.message_bytes_max = narrow(v); },
         1'024,
         ceiling},
        {"retention_s", [=](A& a, auto v) { a.retention_s = narrow(v); }, 60, 1'296'000},
    };
    for (const Case& one : cases) {
        for (const std::uint64_t value : {one.low, one.high}) {
            model::QueueAttributes attributes;
            one.set(attributes, value);
            EXPECT_FALSE(check_queue(attributes, ceiling)) << one.field << " " << value;
        }
        for (const std::uint64_t value : {one.low - 1, one.high + 1}) {
            if (value > one.high + 1) continue;  // below zero
            model::QueueAttributes attributes;
            one.set(attributes, value);
            const Refused refused = check_queue(attributes, ceiling);
            ASSERT_TRUE(refused) << one.field << " " << value;
            EXPECT_EQ(refused->subject, one.field);
            EXPECT_EQ(refused->reason, Reason::invalid_parameter);
        }
    }
}

TEST(Validation, ARewindLongerThanRetentionHasItsOwnReason) {
    model::QueueAttributes attributes;
    attributes.rewind_s = attributes.retention_s;
    EXPECT_FALSE(check_queue(attributes, ceiling));
    attributes.rewind_s += 1;
    EXPECT_EQ(reason_of(check_queue(attributes, ceiling)), Reason::rewind_exceeds_retention);
}

TEST(Validation, DeadLetterPoliciesHaveTheirRanges) {
    using Kind = model::DeadLetterPolicy::Kind;
    const model::QueueAttributes queue;
    EXPECT_FALSE(check_dead_letter({"q", Kind::receives, 1, 0}, queue));
    EXPECT_FALSE(check_dead_letter({"q", Kind::receives, 1'000, 0}, queue));
    EXPECT_TRUE(check_dead_letter({"q", Kind::receives, 0, 0}, queue));
    EXPECT_TRUE(check_dead_letter({"q", Kind::receives, 1'001, 0}, queue));
    EXPECT_FALSE(check_dead_letter({"q", Kind::time_to_live, 0, 300}, queue));
    EXPECT_TRUE(check_dead_letter({"q", Kind::time_to_live, 0, 299}, queue));
    EXPECT_TRUE(check_dead_letter({"q", Kind::time_to_live, 0, 43'201}, queue));
    model::QueueAttributes brief;
    brief.retention_s = 400;
    EXPECT_TRUE(check_dead_letter({"q", Kind::time_to_live, 0, 400}, brief));
}

TEST(Validation, BatchesHaveBoundsOfNumberSizeDelayAndKey) {
    EXPECT_FALSE(check_batch({body(1)}, 0, "", ceiling));
    EXPECT_TRUE(check_batch({}, 0, "", ceiling));
    EXPECT_TRUE(check_batch(std::vector<model::BodyInfo>(17, body(1)), 0, "", ceiling));
    EXPECT_EQ(reason_of(check_batch({body(0)}, 0, "", ceiling)), Reason::body_empty);
    EXPECT_FALSE(check_batch({body(1'048'576)}, 0, "", ceiling));
    EXPECT_EQ(reason_of(check_batch({body(1'048'577)}, 0, "", ceiling)), Reason::body_too_large);
    EXPECT_EQ(reason_of(check_batch({body(1'048'576), body(1)}, 0, "", ceiling)),
              Reason::batch_too_large);
    model::BodyInfo told = body(1);
    for (int at = 0; at < 32; ++at) told.meta.attributes.emplace_back(std::to_string(at), "x");
    EXPECT_FALSE(check_batch({told}, 0, "", ceiling));
    told.meta.attributes.emplace_back("one more", "x");
    EXPECT_TRUE(check_batch({told}, 0, "", ceiling));
    EXPECT_FALSE(check_batch({body(1)}, 3'600, "", ceiling));
    EXPECT_EQ(reason_of(check_batch({body(1)}, 3'601, "", ceiling)), Reason::delay_out_of_range);
    EXPECT_TRUE(check_batch({body(1)}, 0, std::string(129, 'k'), ceiling));
}

TEST(Validation, TheServersCeilingIsTheMostThatAQueueOrTopicMayHave) {
    constexpr std::uint32_t high = model::message_bytes_most;
    model::QueueAttributes queue;
    model::TopicAttributes topic;
    queue.message_bytes_max = topic.message_bytes_max = high;
    EXPECT_FALSE(check_queue(queue, high));
    EXPECT_FALSE(check_topic(topic, high));
    for (const Refused& refused : {check_queue(queue, high - 1), check_topic(topic, high - 1)}) {
        ASSERT_TRUE(refused);
        EXPECT_EQ(refused->subject, "message_bytes_max");
        EXPECT_EQ(refused->detail,
                  "allowed: 1024-16777215 bytes (limits.message_size_max of the server)");
    }
}

TEST(Validation, AMessageAloneMayBeAsLargeAsTheCeilingAndABatchMayNot) {
    constexpr std::uint32_t high = model::message_bytes_most;
    EXPECT_FALSE(check_batch({body(high)}, 0, "", high));
    const Refused alone = check_batch({body(high + 1)}, 0, "", high);
    EXPECT_EQ(reason_of(alone), Reason::body_too_large);
    EXPECT_EQ(alone->detail, "at most 16777216 bytes");
    EXPECT_EQ(reason_of(check_batch({body(1'048'576), body(1)}, 0, "", high)),
              Reason::batch_too_large);
}

TEST(Validation, SubscriptionsMatchByWhatTheirTopicMatchesBy) {
    model::SubscriptionSpec spec;
    spec.endpoint = "http://example.com/";
    EXPECT_FALSE(check_subscription(spec, model::FilterKind::tags));
    EXPECT_TRUE(check_subscription(spec, model::FilterKind::routing_key)) << "no binding key";
    spec.binding_keys = {"a.#"};
    EXPECT_FALSE(check_subscription(spec, model::FilterKind::routing_key));
    EXPECT_EQ(reason_of(check_subscription(spec, model::FilterKind::tags)),
              Reason::filter_kind_mismatch);
    spec.binding_keys = {std::string(31, '.') + "x"};
    EXPECT_TRUE(check_subscription(spec, model::FilterKind::routing_key)) << "too many dots";
    spec.binding_keys.clear();
    spec.filter_tags = {"seventeen-letters"};
    EXPECT_TRUE(check_subscription(spec, model::FilterKind::tags));
    spec.filter_tags = {"\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"};
    EXPECT_FALSE(check_subscription(spec, model::FilterKind::tags)) << "characters, not bytes";
}

TEST(Validation, EndpointsAreUrlsWithoutBlanks) {
    for (const char* good : {"http://h", "https://h:1/p?q"}) {
        model::SubscriptionSpec spec;
        spec.endpoint = good;
        EXPECT_FALSE(check_subscription(spec, model::FilterKind::tags)) << good;
    }
    for (const char* bad : {"", "ftp://h", "http://a b", "http://a\n", "h"}) {
        model::SubscriptionSpec spec;
        spec.endpoint = bad;
        EXPECT_EQ(reason_of(check_subscription(spec, model::FilterKind::tags)),
                  Reason::endpoint_invalid)
            << bad;
    }
}

TEST(Validation, WhatAnswersMayPublishAndWhoIsAskedIsForEndpointsOnly) {
    const auto subject = [](model::SinkKind sink, auto change) {
        model::SubscriptionSpec spec;
        spec.sink = sink;
        spec.endpoint = "http://a.example/";
        spec.function.command = {"/bin/true"};
        change(spec.pace);
        const Refused refused = check_subscription(spec, model::FilterKind::tags);
        return refused ? refused->subject : "";
    };
    const auto outputs = [](model::PushPolicy& push) {
        push.outputs = true;
    };
    const auto handshake = [](model::PushPolicy& push) {
        push.handshake = model::Handshake::challenge;
    };
    EXPECT_EQ(subject(model::SinkKind::http, outputs), "");
    EXPECT_EQ(subject(model::SinkKind::worker_http, outputs), "");
    EXPECT_EQ(subject(model::SinkKind::worker, outputs), "outputs");
    EXPECT_EQ(subject(model::SinkKind::queue, outputs), "outputs");
    EXPECT_EQ(subject(model::SinkKind::http, handshake), "");
    EXPECT_EQ(subject(model::SinkKind::worker_http, handshake), "handshake");
}

TEST(Validation, BatchesNeedAListAndKeepNoOrder) {
    const auto refusal = [](auto change) {
        model::SubscriptionSpec spec;
        spec.endpoint = "http://a.example/";
        spec.format = model::ContentFormat::cloudevents_batch;
        spec.pace.batch = 100;
        change(spec);
        const Refused refused = check_subscription(spec, model::FilterKind::tags);
        return refused ? refused->subject + ": " + refused->detail : "";
    };
    using S = model::SubscriptionSpec;
    EXPECT_EQ(refusal([](S&) {}), "");
    EXPECT_EQ(refusal([](S& spec) { spec.format = model::ContentFormat::scf; }), "");
    EXPECT_EQ(refusal([](S& spec) { spec.format = model::ContentFormat::cmq_json; }),
              "batch: several messages in a request take a format that is a list: "
              "cloudevents-batch or scf");
    EXPECT_TRUE(refusal([](S& spec) {
                    spec.sink = model::SinkKind::runtime;
                    spec.function.command = {"/srv/f"};
                }).starts_with("batch: http subscriptions"));
    EXPECT_TRUE(refusal([](S& spec) {
                    spec.pace.order_by_key = true;
                }).starts_with("batch: a batch whose messages fail one by one keeps no order"));
    EXPECT_TRUE(refusal([](S& spec) {
                    spec.retry = model::backoff_retry();
                }).starts_with("batch: a batch whose messages fail one by one keeps no order"));
    EXPECT_TRUE(refusal([](S& spec) { spec.pace.outputs = true; }).starts_with("batch: what an"));
    EXPECT_EQ(refusal([](S& spec) { spec.pace.batch = 101; }), "batch: allowed: 1-100 messages");
    EXPECT_EQ(refusal([](S& spec) { spec.pace.batch = 0; }), "batch: allowed: 1-100 messages");
    EXPECT_TRUE(
        refusal([](S& spec) { spec.pace.batch_bytes = 1'023; }).starts_with("batch_bytes: "));
    EXPECT_TRUE(refusal([](S& spec) {
                    spec.pace.batch_linger_ms = 60'001;
                }).starts_with("batch_linger_ms: "));
    EXPECT_EQ(refusal([](S& spec) {
                  spec.pace.batch = 1;
                  spec.format = model::ContentFormat::cmq_json;
                  spec.retry = model::backoff_retry();
              }),
              "");
}

TEST(Validation, ReceivesHaveTheirRanges) {
    api::ReceiveMessages request;
    request.messages_max = 16;
    request.wait_s = 30;
    EXPECT_FALSE(check_receive(request));
    request.wait_s = 31;
    EXPECT_TRUE(check_receive(request));
    request.wait_s = 0;
    request.messages_max = 17;
    EXPECT_TRUE(check_receive(request));
}

}  // namespace penstock::node

// Flags of `sub add` and `sub set` about pushes: what they carry, what answers to them mean.
#include "tests/cli/fixture.h"

namespace penstock::testing {

namespace {

using CliPush = CliFixture;

TEST_F(CliPush, WhatAnswersMeanIsSaidByFlags) {
    broker.answer<api::Subscribe>([](const api::Subscribe& request) {
        api::SubscriptionView view;
        view.spec = request.spec;
        return view;
    });
    EXPECT_EQ(run({"sub",
                   "add",
                   "orders",
                   "lake",
                   "--http",
                   "http://x.example/h",
                   "--outputs",
                   "on",
                   "--batch",
                   "100",
                   "--batch-bytes",
                   "256KiB",
                   "--batch-linger",
                   "250ms",
                   "--handshake",
                   "challenge"}),
              0);
    model::PushPolicy push = model::attentive_push();
    push.outputs = true;
    push.batch = 100;
    push.batch_bytes = 256 << 10;
    push.batch_linger_ms = 250;
    push.handshake = model::Handshake::challenge;
    EXPECT_EQ(broker.last<api::Subscribe>()->spec.pace, push);

    // Of a runtime function it is messages an invocation.
    EXPECT_EQ(run({"sub", "add", "orders", "fn", "--runtime", "/srv/f", "--batch", "16"}), 0);
    EXPECT_EQ(broker.last<api::Subscribe>()->spec.function.batch, 16U);
    EXPECT_EQ(broker.last<api::Subscribe>()->spec.pace.batch, 1U);

    broker.answer_with<api::SetSubscription>({});
    EXPECT_EQ(run({"sub", "set", "orders/lake", "--batch", "1", "--outputs", "off"}), 0);
    model::PushChange change;
    change.batch = 1;
    change.outputs = false;
    EXPECT_EQ(broker.last<api::SetSubscription>()->pace, change);
}

TEST_F(CliPush, WhatPushesCarryIsSaidByFlags) {
    broker.answer<api::Subscribe>([](const api::Subscribe& request) {
        api::SubscriptionView view;
        view.spec = request.spec;
        return view;
    });
    const std::vector<std::string> words = {
        "-o", "json", "sub", "add", "orders", "billing", "--http", "http://x.example/h"};
    auto all = words;
    all.insert(all.end(),
               {"--format",
                "cloudevents",
                "--sign",
                "standard-webhooks",
                "--header",
                "X-Key: a: b",
                "--header",
                "x-other:c",
                "--basic",
                "me:pw:1"});
    EXPECT_EQ(run(all), 0);
    EXPECT_NE(out.find("whsec_"), std::string::npos);
    EXPECT_EQ(out.find("pw:1"), std::string::npos);
    const model::SubscriptionSpec& spec = broker.last<api::Subscribe>()->spec;
    EXPECT_EQ(spec.format, model::ContentFormat::cloudevents);
    EXPECT_EQ(spec.push.headers.at(0).name, "x-key");
    EXPECT_EQ(secrets.open(spec.push.headers.at(0).sealed, "orders/billing").value(), "a: b");
    EXPECT_EQ(spec.push.headers.at(1).name, "x-other");
    EXPECT_EQ(spec.push.authorization.name, "me");
    EXPECT_EQ(secrets.open(spec.push.authorization.sealed, "orders/billing").value(), "pw:1");
    for (const auto& wrong : {std::vector<std::string>{"--header", "nocolon"},
                              {"--header", "a:"},
                              {"--basic", "nopassword"},
                              {"--oauth2", "nosecret", "--token-url", "https://x/"},
                              {"--basic", "a:b", "--bearer", "c"},
                              {"--sign", "md5"}}) {
        all = words;
        all.insert(all.end(), wrong.begin(), wrong.end());
        EXPECT_EQ(run(all), 2) << wrong.back();
    }
}

}  // namespace

}  // namespace penstock::testing

// Flags of `sub add` and `sub set` about pushes: what they carry, what answers to them mean.
#include "broker/base/instant.h"
#include "tests/cli/fixture.h"
#include "tests/support/tls_identity.h"

#include <fstream>
#include <string>
#include <vector>

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

TEST_F(CliPush, TheDoctorTellsOfCertificatesThatEnd) {
    api::ServerStatus status;
    status.ready = true;
    status.space = "normal";
    broker.answer_with<api::GetStatus>(status);
    broker.answer_with<api::ListQueues>({});
    api::SubscriptionView view;
    view.topic = "orders";
    view.name = "billing";
    view.spec.push.tls.ca = TlsIdentity::authority("theirs").certificate_pem();
    broker.answer_with<api::ListSubscriptions>(api::SubscriptionPage{1, {view}});
    EXPECT_EQ(run({"doctor"}), 0);
    EXPECT_EQ(out.find("CN=theirs"), std::string::npos) << out;
    EXPECT_EQ(run({"-o", "json", "sub", "list"}), 0);
    const auto at = out.find("ends_at");
    ASSERT_NE(at, std::string::npos) << out;
    const std::string end = out.substr(at + 10, 24);
    clock.now_ms = parse_instant(end).value() - 86'400'000;
    EXPECT_EQ(run({"doctor"}), 0);
    EXPECT_NE(out.find("look\tCN=theirs of orders/billing ends at " + end), std::string::npos)
        << out;
    clock.now_ms = parse_instant(end).value();
    EXPECT_EQ(run({"doctor"}), 1);
    EXPECT_NE(out.find("bad\tCN=theirs of orders/billing expired at " + end), std::string::npos)
        << out;
}

TEST_F(CliPush, CertificatesComeFromFiles) {
    broker.answer<api::Subscribe>([](const api::Subscribe& request) {
        api::SubscriptionView view;
        view.spec = request.spec;
        return view;
    });
    broker.answer_with<api::SetSubscription>({});
    const TlsIdentity authority = TlsIdentity::authority("ours");
    const TlsIdentity client = authority.server("DNS:me.test");
    const auto written = [&](const std::string& name, const std::string& text) {
        std::ofstream(folder.file(name)) << text;
        return folder.file(name);
    };
    const std::string ca = written("ca.pem", authority.certificate_pem());
    const std::string cert = written("me.pem", client.certificate_pem());
    const std::string key = written("me.key", client.key_pem());
    const std::vector<std::string> words = {
        "sub", "add", "orders", "billing", "--http", "https://x.example/h"};
    auto all = words;
    all.insert(all.end(), {"--ca-file", ca, "--client-cert", cert, "--client-key", key});
    EXPECT_EQ(run(all), 0) << err;
    const model::PushTls& tls = broker.last<api::Subscribe>()->spec.push.tls;
    EXPECT_EQ(tls.ca, authority.certificate_pem());
    EXPECT_EQ(tls.client.chain, client.certificate_pem());
    EXPECT_EQ(secrets.open(tls.client.sealed_key, "orders/billing").value(), client.key_pem());
    // PEM is for machines; what is in it is told.
    EXPECT_EQ(out.find("BEGIN"), std::string::npos) << out;
    EXPECT_NE(out.find("CN=server"), std::string::npos) << out;

    EXPECT_EQ(run({"sub", "set", "orders/billing", "--ca-file", "none", "--client-cert", "none"}),
              0)
        << err;
    const api::TlsChange& change = broker.last<api::SetSubscription>()->tls;
    EXPECT_EQ(change.ca, "");
    EXPECT_EQ(change.client, model::ClientCertificate{});
    for (const auto& wrong : {std::vector<std::string>{"--client-cert", cert},
                              {"--client-key", key},
                              {"--ca-file", "/no/such/file"},
                              {"--ca-file", key},
                              {"--client-cert", ca, "--client-key", key}}) {
        all = words;
        all.insert(all.end(), wrong.begin(), wrong.end());
        EXPECT_EQ(run(all), 2) << wrong.front();
    }
}

}  // namespace

}  // namespace penstock::testing

#include "tests/sinks/http/http_sink_fixture.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tls_server.h"

#include <fstream>
#include <string>

namespace penstock::sinks::http {
namespace {

using model::Failure;
using model::Verdict;
using testing::always;
using testing::ScriptedServer;
using testing::step;
using testing::Step;
using testing::TlsIdentity;
using testing::TlsServer;

class TlsTest : public HttpSinkFixture {
  protected:
    TlsTest() { begin(options()); }

    void begin(client::ClientOptions options) {
        open(std::move(options));
        resolver_->names["localhost"] = {"127.0.0.1"};
    }

    client::ClientOptions options() {
        client::ClientOptions trusting;
        trusting.ca_file = written("ca.pem", authority_.certificate_pem());
        return trusting;
    }

    std::string written(const std::string& name, const std::string& text) {
        const std::string path = folder_.file(name);
        std::ofstream(path) << text;
        return path;
    }

    testing::TempFolder folder_;
    TlsIdentity authority_ = TlsIdentity::authority("test authority");
};

TEST_F(TlsTest, AServerOfTheConfiguredAuthorityIsPushedTo) {
    TlsServer server(context_, authority_.server("DNS:localhost"));
    for (int turn = 0; turn < 3; ++turn) {
        const AttemptResult result = push(target_of("https://localhost:" + server.port() + "/"));
        EXPECT_EQ(result.verdict, Verdict::accepted) << result.excerpt;
    }
    EXPECT_EQ(server.requests, 3U);
    EXPECT_EQ(server.handshakes, 1U);
}

TEST_F(TlsTest, AServerThatAsksIsShownTheClientCertificate) {
    TlsServer server(context_, authority_.server("DNS:localhost"));
    server.ask_who(authority_);
    const api::Target target = target_of("https://localhost:" + server.port() + "/");
    EXPECT_NE(push(target).verdict, Verdict::accepted);
    EXPECT_EQ(server.requests, 0U);
    const TlsIdentity sender = authority_.server("DNS:sender.test");
    client::ClientOptions with = options();
    with.client_cert = written("sender.pem", sender.certificate_pem());
    with.client_key = written("sender.key", sender.key_pem());
    begin(with);
    const AttemptResult result = push(target);
    EXPECT_EQ(result.verdict, Verdict::accepted) << result.excerpt;
    EXPECT_EQ(server.requests, 1U);
}

TEST_F(TlsTest, AClientCertificateWithAnotherKeyIsRefused) {
    client::ClientOptions with = options();
    with.client_cert = written("sender.pem", authority_.server("DNS:a").certificate_pem());
    with.client_key = written("sender.key", authority_.server("DNS:b").key_pem());
    const auto made =
        client::HttpClient::make(context_.get_executor(), clock_, *resolver_, std::move(with));
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().detail.find("client certificate "), 0U) << made.error().detail;
}

TEST_F(TlsTest, AServerMayBeKnownByItsAddress) {
    TlsServer server(context_, authority_.server("IP:127.0.0.1"));
    const AttemptResult result = push(target_of("https://127.0.0.1:" + server.port() + "/"));
    EXPECT_EQ(result.verdict, Verdict::accepted) << result.excerpt;
}

TEST_F(TlsTest, AServerOfAnotherNameIsNotTrusted) {
    TlsServer server(context_, authority_.server("DNS:elsewhere.test"));
    const AttemptResult result = push(target_of("https://localhost:" + server.port() + "/"));
    EXPECT_EQ(result.verdict, Verdict::retry);
    EXPECT_EQ(result.failure, Failure::tls);
    EXPECT_EQ(server.requests, 0U);
}

TEST_F(TlsTest, AnUnknownAuthorityIsNotTrusted) {
    const TlsIdentity other = TlsIdentity::authority("test authority");
    TlsServer server(context_, other.server("DNS:localhost"));
    const AttemptResult result = push(target_of("https://localhost:" + server.port() + "/"));
    EXPECT_EQ(result.failure, Failure::tls);
    EXPECT_EQ(server.requests, 0U);
}

TEST_F(TlsTest, AServerThatVouchesForItselfIsNotTrusted) {
    TlsServer server(context_, TlsIdentity::authority("localhost"));
    EXPECT_EQ(push(target_of("https://localhost:" + server.port() + "/")).failure, Failure::tls);
}

TEST_F(TlsTest, AnExpiredCertificateIsNotTrusted) {
    TlsServer server(context_, authority_.server("DNS:localhost", -60));
    const AttemptResult result = push(target_of("https://localhost:" + server.port() + "/"));
    EXPECT_EQ(result.failure, Failure::tls);
    EXPECT_NE(result.excerpt.find("expired"), std::string::npos) << result.excerpt;
}

TEST_F(TlsTest, OldProtocolVersionsAreRefused) {
    TlsServer server(context_, authority_.server("DNS:localhost"), TLS1_1_VERSION);
    EXPECT_EQ(push(target_of("https://localhost:" + server.port() + "/")).failure, Failure::tls);
}

TEST_F(TlsTest, PlainHttpInsteadOfTlsIsATlsFailure) {
    ScriptedServer server(context_,
                          {{step(Step::Kind::peek),
                            step(Step::Kind::send, testing::ok_answer),
                            step(Step::Kind::hang)}});
    const std::string url = "https://localhost:" + std::to_string(server.port()) + "/";
    EXPECT_EQ(push(target_of(url)).failure, Failure::tls);
}

TEST_F(TlsTest, AHandshakeThatHangsEndsAtItsDeadline) {
    ScriptedServer server(context_, {{step(Step::Kind::hang)}});
    const std::string url = "https://localhost:" + std::to_string(server.port()) + "/";
    const AttemptResult result = push(target_of(url, 100));
    EXPECT_EQ(result.verdict, Verdict::retry);
    EXPECT_EQ(result.failure, Failure::timeout);
}

TEST_F(TlsTest, APeerThatClosesInTheHandshakeIsATlsFailure) {
    ScriptedServer server(context_, {{step(Step::Kind::peek), step(Step::Kind::reset)}});
    const std::string url = "https://localhost:" + std::to_string(server.port()) + "/";
    EXPECT_EQ(push(target_of(url)).failure, Failure::tls);
}

}  // namespace
}  // namespace penstock::sinks::http

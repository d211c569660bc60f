// Certificates of a subscription's own: whom it trusts, what it shows, and that nothing of it is
// another's.
#include "broker/api/secrets.h"
#include "tests/sinks/http/http_sink_fixture.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tls_server.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace penstock::sinks::http {
namespace {

namespace asio = boost::asio;

using model::Failure;
using model::Verdict;
using testing::always;
using testing::ok_answer;
using testing::ScriptedServer;
using testing::TlsIdentity;
using testing::TlsServer;

class OwnCertificates : public HttpSinkFixture {
  protected:
    OwnCertificates() {
        secrets_ = &box_;
        begin({});
    }

    // The process trusts `ours_`.
    void begin(client::ClientOptions options) {
        options.ca_file = written("ca.pem", ours_.certificate_pem());
        open(std::move(options));
        resolver_->names["localhost"] = {"127.0.0.1"};
    }

    std::string written(const std::string& name, const std::string& text) {
        const std::string path = folder_.file(name);
        std::ofstream(path) << text;
        return path;
    }

    api::Target target_at(const TlsServer& server, std::uint32_t number = 7) {
        api::Target target = target_of(server.url());
        target.subscription = model::SubscriptionNo{number};
        target.name = "s" + std::to_string(number);
        return target;
    }

    void show(api::Target& target, const TlsIdentity& client) {
        const std::string owner = target.topic + "/" + target.name;
        target.spec.push.tls.client = {client.certificate_pem(),
                                       *box_.seal(client.key_pem(), owner)};
    }

    static void trust(api::Target& target, const TlsIdentity& authority) {
        target.spec.push.tls.ca = authority.certificate_pem();
    }

    testing::TempFolder folder_;
    api::KeyBox box_{std::string(api::KeyBox::key_bytes, 'k')};
    TlsIdentity ours_ = TlsIdentity::authority("ours");
    TlsIdentity theirs_ = TlsIdentity::authority("theirs");
    TlsIdentity alice_ = theirs_.server("DNS:alice.test");
    TlsIdentity bob_ = theirs_.server("DNS:bob.test");
};

TEST_F(OwnCertificates, EachSubscriptionShowsItsOwnOverConnectionsOfItsOwn) {
    TlsServer server(context_, ours_.server("DNS:localhost"));
    server.ask_who(theirs_);
    api::Target alice = target_at(server, 1);
    api::Target bob = target_at(server, 2);
    show(alice, alice_);
    show(bob, bob_);
    std::vector<std::string> shown;
    for (int turn = 0; turn < 3; ++turn) {
        EXPECT_EQ(push(alice).verdict, Verdict::accepted);
        EXPECT_EQ(push(bob).verdict, Verdict::accepted);
        shown.push_back(alice_.certificate_pem());
        shown.push_back(bob_.certificate_pem());
    }
    EXPECT_EQ(server.clients, shown);
    EXPECT_EQ(server.handshakes, 2U);
    EXPECT_EQ(server.resumed, 0U);
    EXPECT_EQ(push(target_at(server, 3)).verdict, Verdict::retry);
    EXPECT_EQ(server.requests, 6U);
}

TEST_F(OwnCertificates, WhoeverShowsTheSameSharesConnections) {
    TlsServer server(context_, ours_.server("DNS:localhost"));
    server.ask_who(theirs_);
    for (const std::uint32_t number : {1U, 2U, 3U}) {
        api::Target target = target_at(server, number);
        show(target, alice_);
        EXPECT_EQ(push(target).verdict, Verdict::accepted);
    }
    EXPECT_EQ(server.handshakes, 1U);
}

TEST_F(OwnCertificates, ItsAuthorityAloneVouchesAndForNobodyElse) {
    TlsServer of_theirs(context_, theirs_.server("DNS:localhost"));
    TlsServer of_ours(context_, ours_.server("DNS:localhost"));
    api::Target own = target_at(of_theirs, 1);
    trust(own, theirs_);
    EXPECT_EQ(push(own).verdict, Verdict::accepted);
    EXPECT_EQ(push(target_at(of_theirs, 2)).failure, Failure::tls);
    EXPECT_EQ(push(target_at(of_ours, 2)).verdict, Verdict::accepted);
    own.spec.endpoint = of_ours.url();
    const AttemptResult result = push(own);
    EXPECT_EQ(result.failure, Failure::tls);
    EXPECT_EQ(result.excerpt.find("certificate not accepted: "), 0U) << result.excerpt;
    EXPECT_EQ(of_theirs.requests, 1U);
    EXPECT_EQ(of_ours.requests, 1U);
}

TEST_F(OwnCertificates, WhoIsTrustedNeedNotBeARoot) {
    const TlsIdentity server_only = theirs_.server("DNS:localhost");
    TlsServer server(context_, server_only);
    api::Target target = target_at(server);
    trust(target, server_only);
    const AttemptResult result = push(target);
    EXPECT_EQ(result.verdict, Verdict::accepted) << result.excerpt;
}

TEST_F(OwnCertificates, AnotherOneIsShownWithTheNextPush) {
    TlsServer server(context_, ours_.server("DNS:localhost"));
    api::Target target = target_at(server);
    EXPECT_EQ(push(target).verdict, Verdict::accepted);
    server.ask_who(theirs_);
    for (const TlsIdentity* client : {&alice_, &bob_}) {
        sink_->forget(target);  // as the dispatcher does with what changed
        show(target, *client);
        EXPECT_EQ(push(target).verdict, Verdict::accepted);
    }
    EXPECT_EQ(server.clients,
              (std::vector<std::string>{"", alice_.certificate_pem(), bob_.certificate_pem()}));
}

TEST_F(OwnCertificates, WhereItHasNoneTheServersIsShown) {
    const TlsIdentity usual = theirs_.server("DNS:penstock.test");
    client::ClientOptions options;
    options.client_cert = written("own.pem", usual.certificate_pem());
    options.client_key = written("own.key", usual.key_pem());
    begin(options);
    TlsServer server(context_, theirs_.server("DNS:localhost"));
    server.ask_who(theirs_);
    api::Target target = target_at(server);
    trust(target, theirs_);
    EXPECT_EQ(push(target).verdict, Verdict::accepted);
    EXPECT_EQ(server.clients, std::vector<std::string>{usual.certificate_pem()});
}

TEST_F(OwnCertificates, OneThatIsNotTakenIsATlsFailureThatSaysWhy) {
    const TlsIdentity expired = theirs_.server("DNS:late.test", -60);
    const TlsIdentity stranger = ours_.server("DNS:stranger.test");
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        for (const auto& [client, why] :
             {std::pair{&expired, "expired"}, std::pair{&stranger, "unknown ca"}}) {
            TlsServer server(context_, ours_.server("DNS:localhost"), version);
            server.ask_who(theirs_);
            api::Target target = target_at(server);
            show(target, *client);
            const AttemptResult result = push(target);
            EXPECT_EQ(result.verdict, Verdict::retry);
            EXPECT_EQ(result.failure, Failure::tls) << result.excerpt;
            EXPECT_NE(result.excerpt.find("does not accept the TLS connection"), std::string::npos)
                << result.excerpt;
            EXPECT_NE(result.excerpt.find(why), std::string::npos) << result.excerpt;
            EXPECT_EQ(server.requests, 0U);
            sink_->forget(target);
        }
    }
}

TEST_F(OwnCertificates, WithoutItsKeyNothingIsAttempted) {
    TlsServer server(context_, ours_.server("DNS:localhost"));
    api::Target target = target_at(server);
    show(target, alice_);
    target.name = "renamed";  // sealed for another owner
    AttemptResult result = push(target);
    EXPECT_EQ(result.verdict, Verdict::not_attempted);
    EXPECT_EQ(result.failure, Failure::configuration);
    show(target, alice_);
    target.spec.push.tls.client.chain = "no certificate";
    result = push(target);
    EXPECT_EQ(result.verdict, Verdict::not_attempted);
    EXPECT_EQ(result.failure, Failure::configuration);
    EXPECT_EQ(result.excerpt.find("the client certificate cannot be used: "), 0U) << result.excerpt;
    EXPECT_EQ(server.handshakes, 0U);
}

// Whom a token endpoint is asked as: TLS servers here answer 200 to all, so a token is never found;
// what counts is whether and as whom they were asked.
TEST_F(OwnCertificates, ATokenEndpointSeesTheCertificateAndIsTrustedAsEver) {
    TlsServer endpoint(context_, theirs_.server("DNS:localhost"));
    for (const TlsIdentity* authority : {&ours_, &theirs_}) {
        TlsServer tokens(context_, authority->server("DNS:localhost"));
        tokens.ask_who(theirs_);
        api::Target target = target_at(endpoint);
        show(target, alice_);
        trust(target, theirs_);
        auto& authorization = target.spec.push.authorization;
        authorization.kind = model::PushAuthorization::Kind::oauth2;
        authorization.sealed = *box_.seal("hush", "orders/s7");
        authorization.token_url = tokens.url();
        authorization.scope = "hello";  // the end of the request's body
        EXPECT_EQ(push(target).verdict, Verdict::not_attempted);
        EXPECT_EQ(tokens.clients, std::vector<std::string>{alice_.certificate_pem()});
    }
    EXPECT_EQ(endpoint.requests, 0U);
}

class TlsIdentitiesTest : public OwnCertificates {
  protected:
    static client::TlsIdentities make() {
        client::ClientOptions options;
        options.identities_max = 3;
        return *client::TlsIdentities::make(options);
    }

    client::TlsIdentities identities_ = make();
};

TEST_F(TlsIdentitiesTest, TheSameTextsAreOneIdentityWhileItIsHeld) {
    const client::TlsTexts alice{"", false, alice_.certificate_pem(), alice_.key_pem()};
    const client::TlsTexts bob{"", false, bob_.certificate_pem(), bob_.key_pem()};
    auto first = *identities_.get(alice);
    EXPECT_EQ(*identities_.get(alice), first);
    EXPECT_NE(*identities_.get(bob), first);
    EXPECT_EQ(identities_.others(), 1U);
    first.reset();
    EXPECT_EQ(identities_.others(), 0U);
}

// A client of ours and a server of TLS 1.2 that talk through memory.
class Talk {
  public:
    Talk(SSL_CTX* client, const TlsIdentity& server) : context_(asio::ssl::context::tls_server) {
        context_.use_certificate(asio::buffer(server.certificate_pem()), asio::ssl::context::pem);
        context_.use_private_key(asio::buffer(server.key_pem()), asio::ssl::context::pem);
        ::SSL_CTX_ctrl(
            context_.native_handle(), SSL_CTRL_SET_MAX_PROTO_VERSION, TLS1_2_VERSION, nullptr);
        client_.reset(::SSL_new(client));
        server_.reset(::SSL_new(context_.native_handle()));
        BIO* ours = nullptr;
        BIO* theirs = nullptr;
        ::BIO_new_bio_pair(&ours, 0, &theirs, 0);
        ::SSL_set_bio(client_.get(), ours, ours);
        ::SSL_set_bio(server_.get(), theirs, theirs);
        ::SSL_set_connect_state(client_.get());
        ::SSL_set_accept_state(server_.get());
    }

    // The server begins it: is it gone through with?
    bool shake_hands_again() {
        ::SSL_renegotiate(server_.get());
        return shake_hands() && ::SSL_renegotiate_pending(server_.get()) == 0;
    }

    bool shake_hands() {
        ::SSL_do_handshake(server_.get());
        bool good = true;
        for (int turn = 0; turn < 10; ++turn) good = read(client_.get()) && read(server_.get());
        return good && ::SSL_is_init_finished(client_.get()) == 1;
    }

  private:
    using Side = std::unique_ptr<SSL, decltype(&::SSL_free)>;

    // Nothing is sent but what belongs to handshakes.
    static bool read(SSL* side) {
        char byte = 0;
        ::ERR_clear_error();
        return ::SSL_get_error(side, ::SSL_read(side, &byte, 1)) == SSL_ERROR_WANT_READ;
    }

    asio::ssl::context context_;
    Side client_{nullptr, ::SSL_free};
    Side server_{nullptr, ::SSL_free};
};

TEST_F(TlsIdentitiesTest, AServerMayAskForASecondHandshakeAndForNoThird) {
    SSL_CTX* own = identities_.own().context().native_handle();
    ::SSL_CTX_set_verify(own, SSL_VERIFY_NONE, nullptr);
    Talk talk(own, ours_.server("DNS:localhost"));
    ASSERT_TRUE(talk.shake_hands());
    EXPECT_TRUE(talk.shake_hands_again());
    EXPECT_FALSE(talk.shake_hands_again());
}

TEST_F(TlsIdentitiesTest, ThereAreOnlySoManyAtATime) {
    std::vector<std::shared_ptr<client::TlsIdentity>> held;
    for (const char* key : {"1", "2", "3"}) held.push_back(*identities_.get({"", false, "", key}));
    const auto refused = identities_.get({"", false, "", "one more"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unavailable);
    EXPECT_TRUE(identities_.get({"", false, "", "2"}));
    held.pop_back();
    EXPECT_TRUE(identities_.get({"", false, "", "one more"}));
}

}  // namespace
}  // namespace penstock::sinks::http

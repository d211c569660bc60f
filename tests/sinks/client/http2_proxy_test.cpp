// HTTP/2 through a proxy: what is shared is a tunnel, and the server at its end chooses.
#include "tests/sinks/client/http2_client_fixture.h"
#include "tests/support/connect_proxy.h"

#include <string>

namespace penstock::sinks::client {
namespace {

class Http2ProxyTest : public Http2ClientTest {
  protected:
    // The servers' names are public; only the proxy knows that they are here.
    Http2ProxyTest() {
        resolver_.names["proxy.test"] = {"127.0.0.1"};
        resolver_.names["localhost"] = {"93.184.216.34"};
        options_.addresses = AddressPolicy::public_only;
        options_.proxy = proxy_.url();
        open();
    }

    testing::ConnectProxy proxy_{context_};
};

TEST_F(Http2ProxyTest, ABurstSharesOneTunnelToTheAddressThatWasJudged) {
    Http2Server server(context_, identity_);
    send_many(server.url(), 50);
    run_to_end();
    EXPECT_EQ(count(Ending::answered), 50U);
    ASSERT_EQ(server.requests.size(), 50U);
    EXPECT_EQ(server.requests[0].fields.at(":authority"), "localhost");
    const Url url = *parse_url(server.url());
    const std::string asked = "CONNECT 93.184.216.34:" + std::to_string(url.port) + " HTTP/1.1";
    EXPECT_EQ(proxy_.asked, std::vector<std::string>{asked});
    EXPECT_EQ(ends_[0].target, "93.184.216.34:" + std::to_string(url.port));
}

TEST_F(Http2ProxyTest, AServerThatDoesNotWantItIsSpokenToInHttp1) {
    Http2Server server(context_, identity_, false);
    send_many(server.url(), 10);
    run_to_end();
    EXPECT_EQ(count(Ending::answered), 10U);
    EXPECT_EQ(server.http1_requests, 10U);
    EXPECT_EQ(server.offers, 1U);
}

TEST_F(Http2ProxyTest, WhatWaitsForATunnelThatIsRefusedWasNotAttempted) {
    proxy_.refusal = "HTTP/1.1 403 Forbidden\r\n\r\n";
    Http2Server server(context_, identity_);
    send_many(server.url(), 20);
    run_to_end();
    EXPECT_EQ(count(Ending::exhausted), 20U);
    EXPECT_EQ(server.connections, 0U);
    // They waited for one and were told with it.
    EXPECT_EQ(proxy_.asked.size(), 1U);
    proxy_.refusal.clear();
    EXPECT_EQ(push(server.url()).ending, Ending::answered);
}

TEST_F(Http2ProxyTest, ASessionThatIsSentAwayGoesOnThroughANewTunnel) {
    Http2Server server(context_, identity_);
    server.conduct.on_request = [&server](Http2Peer& peer, const Http2Request& request) {
        server.requests.push_back(request);
        peer.send(http2::answer(request.stream, "200", "ok"));
        peer.send(http2::goaway_frame(request.stream));
    };
    for (int turn = 0; turn < 3; ++turn) {
        EXPECT_EQ(push(server.url()).ending, Ending::answered);
    }
    EXPECT_EQ(server.requests.size(), 3U);
    EXPECT_EQ(proxy_.asked.size(), 3U);
}

TEST_F(Http2ProxyTest, NoTwoTlsIdentitiesShareATunnel) {
    Http2Server server(context_, identity_);
    const testing::TlsIdentity mine = authority_.server("DNS:mine.test");
    Url own = *parse_url(server.url());
    own.tls = *client_->identity({"", false, mine.certificate_pem(), mine.key_pem()});
    for (int turn = 0; turn < 2; ++turn) {
        send_many(server.url(), 5);
        for (int at = 0; at < 5; ++at) send(own, 5'000, "/own");
        run_to_end();
    }
    EXPECT_EQ(count(Ending::answered), 20U);
    EXPECT_EQ(proxy_.asked.size(), 2U);
}

}  // namespace
}  // namespace penstock::sinks::client

// Nodes that speak over mutual TLS 1.3, and those that cannot.
#include "broker/model/peer_name.h"
#include "tests/replication/transport/capturing_proxy.h"
#include "tests/replication/transport/peer_fixture.h"
#include "tests/replication/transport/raw_node.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tls_identity.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <fstream>

namespace penstock::replication::transport {
namespace {

namespace asio = boost::asio;
using penstock::testing::CapturingProxy;
using penstock::testing::TlsIdentity;

class PeerTls : public ::testing::Test {
  protected:
    std::string file(const std::string& name, const std::string& text) {
        std::ofstream(folder_.file(name)) << text;
        return folder_.file(name);
    }

    static TlsIdentity identity(const TlsIdentity& authority,
                                std::uint64_t id,
                                long life_s = 3'600,
                                const std::string& cluster = "orders") {
        return authority.server("DNS:" + model::peer_name(NodeId{id}, cluster), life_s);
    }

    // Node `id` that trusts `trusted` and shows `own`.
    TlsPeersOptions options(std::uint64_t id, const TlsIdentity& trusted, const TlsIdentity& own) {
        const std::string name = "node" + std::to_string(id);
        auto options = plain_options(id);
        options.insecure = false;
        options.ca_file = file(name + "-ca.pem", trusted.certificate_pem());
        options.certificate_file = file(name + ".pem", own.certificate_pem());
        options.key_file = file(name + ".key", own.key_pem());
        return options;
    }

    TlsPeersOptions options(std::uint64_t id) {
        return options(id, authority_, identity(authority_, id));
    }

    // `dialer` dials `acceptor`, which refuses it.
    static void expect_refused(TlsPeersOptions acceptor, TlsPeersOptions dialer, Refusal reason) {
        TestNode one(std::move(acceptor));
        TestNode two(std::move(dialer));
        two.peers->set_peers({one.address()});
        EXPECT_TRUE(one.refuses(reason)) << refusal_name(reason);
        EXPECT_TRUE(two.reaches(
            [](const PeersState& state) { return state.statistics.refused_by_peers > 0; }));
        EXPECT_TRUE(one.recorder.events().connected.empty());
        EXPECT_TRUE(two.recorder.events().connected.empty());
    }

    penstock::testing::TempFolder folder_;
    TlsIdentity authority_ = TlsIdentity::authority("orders");
    TlsIdentity stranger_ = TlsIdentity::authority("strangers");
};

TEST_F(PeerTls, NodesOfOneAuthoritySpeakOnEveryLane) {
    TestNode one(options(1));
    TestNode two(options(2));
    introduce(one, two);
    ASSERT_TRUE(one.reaches_node(two.id));
    ASSERT_TRUE(two.reaches_node(one.id));
    const Answer answer =
        ask_and_wait(one, two.id, std::string(3'000'000, 'q'), seconds(30), Lane::bulk);
    ASSERT_TRUE(answer) << answer.error().error.detail;
    EXPECT_EQ(answer.value(), "re: " + std::string(3'000'000, 'q'));
    for (int count = 0; count < 1'000; ++count)
        one.peers->send(two.id, Lane::raft, std::to_string(count));
    EXPECT_TRUE(two.recorder.wait([](const Events& seen) { return seen.frames.size() == 1'000; }));
}

TEST_F(PeerTls, ANodeThatEndsIsNoticedAndDialedAgain) {
    TestNode one(options(1));
    auto two = std::make_unique<TestNode>(options(2));
    introduce(one, *two);
    ASSERT_TRUE(one.reaches_node(NodeId{2}));
    auto again = options(2);
    again.listen = two->address().address;
    two.reset();
    ASSERT_TRUE(one.recorder.wait([](const Events& seen) { return !seen.disconnected.empty(); }));
    two = std::make_unique<TestNode>(std::move(again));
    EXPECT_TRUE(one.reaches_node(NodeId{2}));
}

TEST_F(PeerTls, ACallerWithACertificateOfAnotherAuthority) {
    expect_refused(options(1), options(2, authority_, identity(stranger_, 2)), Refusal::untrusted);
}

TEST_F(PeerTls, ANodeWithACertificateOfAnotherAuthorityIsNotSpokenTo) {
    TestNode one(options(1));
    TestNode two(options(2, stranger_, identity(authority_, 2)));
    two.peers->set_peers({one.address()});
    EXPECT_TRUE(two.refuses(Refusal::untrusted));
    EXPECT_TRUE(
        one.reaches([](const PeersState& state) { return state.statistics.refused_by_peers > 0; }));
    EXPECT_TRUE(two.recorder.wait([](const Events& seen) { return !seen.disconnected.empty(); }));
    EXPECT_EQ(two.recorder.events().disconnected[0], std::pair(one.id, LinkEnd::refused));
}

TEST_F(PeerTls, ACallerWithAnExpiredCertificate) {
    expect_refused(
        options(1), options(2, authority_, identity(authority_, 2, -60)), Refusal::expired);
}

TEST_F(PeerTls, ANodeWithAnExpiredCertificateIsNotSpokenTo) {
    TestNode one(options(1, authority_, identity(authority_, 1, -60)));
    TestNode two(options(2));
    two.peers->set_peers({one.address()});
    EXPECT_TRUE(two.refuses(Refusal::expired));
    EXPECT_TRUE(
        one.reaches([](const PeersState& state) { return state.statistics.refused_by_peers > 0; }));
}

TEST_F(PeerTls, RenewedFilesAreTakenIntoUseByANodeThatRuns) {
    auto ends = options(1, authority_, identity(authority_, 1, -60));
    ends.limits.certificates = milliseconds(10);
    TestNode one(std::move(ends));
    TestNode two(options(2));
    two.peers->set_peers({one.address()});
    ASSERT_TRUE(two.refuses(Refusal::expired));
    const TlsIdentity renewed = identity(authority_, 1);
    // The key does not fit until the certificate is there too: nothing is taken into use meanwhile.
    file("node1.key", renewed.key_pem());
    file("node1.pem", renewed.certificate_pem());
    EXPECT_TRUE(two.reaches_node(one.id));
}

TEST_F(PeerTls, FilesThatCannotServeAreAnErrorAtTheStart) {
    SystemClock clock;
    SystemRandom random;
    Recorder recorder;
    const auto detail = [&](TlsPeersOptions given) {
        const auto started = TlsPeers::start(std::move(given), recorder, clock, random);
        return started ? std::string() : started.error().detail;
    };
    auto other = options(2, authority_, identity(authority_, 3));
    EXPECT_EQ(detail(other),
              other.certificate_file + " is not the certificate of node-2.orders.penstock");
    auto elsewhere = options(2, authority_, identity(authority_, 2, 3'600, "billing"));
    EXPECT_NE(detail(elsewhere), "");
    auto missing = options(2);
    missing.ca_file = folder_.file("none.pem");
    EXPECT_EQ(detail(missing).find(missing.ca_file), 0U);
    auto swapped = options(2);
    swapped.key_file = file("other.key", identity(authority_, 2).key_pem());
    EXPECT_EQ(detail(swapped).find(swapped.key_file), 0U);
}

// A caller that speaks TLS its own way.
class TlsCaller {
  public:
    TlsCaller(std::uint16_t port, asio::ssl::context::method method)
        : tls(method), stream(context, tls), port_(port) {}

    void show(const std::string& certificate_file, const std::string& key_file) {
        ::SSL_use_certificate_file(
            stream.native_handle(), certificate_file.c_str(), SSL_FILETYPE_PEM);
        ::SSL_use_PrivateKey_file(stream.native_handle(), key_file.c_str(), SSL_FILETYPE_PEM);
    }

    // True when the node ends the connection.
    bool is_ended_after(const std::string& bytes) {
        boost::system::error_code failed;
        const auto there = asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), port_);
        stream.next_layer().connect(there);
        stream.handshake(asio::ssl::stream_base::client, failed);
        if (!failed) asio::write(stream, asio::buffer(bytes), failed);
        std::string rest(1'000'000, '\0');
        if (!failed) asio::read(stream, asio::buffer(rest), failed);
        return static_cast<bool>(failed);
    }

    asio::io_context context;
    asio::ssl::context tls;
    asio::ssl::stream<asio::ip::tcp::socket> stream;

  private:
    std::uint16_t port_;
};

std::string greeting_of(std::uint64_t id) {
    Greeting greeting;
    greeting.hello.cluster = "orders";
    greeting.hello.node = NodeId{id};
    greeting.hello.wall_ms = SystemClock().wall_ms();
    std::string bytes;
    FrameEncoder().append(bytes, FrameKind::hello, encode_greeting(greeting), {});
    return bytes;
}

TEST_F(PeerTls, ANodeThatClaimsTheIdOfAnother) {
    TestNode one(options(1));
    const auto three = options(3);
    TlsCaller caller(one.peers->port(), asio::ssl::context::tlsv13_client);
    caller.show(three.certificate_file, three.key_file);
    EXPECT_TRUE(caller.is_ended_after(greeting_of(2)));
    EXPECT_EQ(one.refusals(Refusal::wrong_certificate), 1U);
    EXPECT_TRUE(one.recorder.events().connected.empty());
}

TEST_F(PeerTls, AWildcardIsNoName) {
    TestNode one(options(1));
    const auto wild = authority_.server("DNS:*.orders.penstock");
    TlsCaller caller(one.peers->port(), asio::ssl::context::tlsv13_client);
    caller.show(file("wild.pem", wild.certificate_pem()), file("wild.key", wild.key_pem()));
    EXPECT_TRUE(caller.is_ended_after(greeting_of(2)));
    EXPECT_EQ(one.refusals(Refusal::wrong_certificate), 1U);
}

TEST_F(PeerTls, ACallerWithoutACertificate) {
    TestNode one(options(1));
    TlsCaller caller(one.peers->port(), asio::ssl::context::tlsv13_client);
    EXPECT_TRUE(caller.is_ended_after(greeting_of(2)));
    EXPECT_TRUE(one.refuses(Refusal::untrusted));
}

TEST_F(PeerTls, AnOlderTlsIsRefused) {
    TestNode one(options(1));
    const auto two = options(2);
    TlsCaller caller(one.peers->port(), asio::ssl::context::tlsv12_client);
    caller.show(two.certificate_file, two.key_file);
    EXPECT_TRUE(caller.is_ended_after(greeting_of(2)));
    EXPECT_TRUE(one.refuses(Refusal::tls_failed));
}

TEST_F(PeerTls, GarbageAndSilenceOnThePort) {
    auto given = options(1);
    given.limits.handshake = milliseconds(150);
    TestNode one(std::move(given));
    RawSocket garbage(one.peers->port());
    garbage.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(garbage.ends());
    EXPECT_EQ(one.refusals(Refusal::tls_failed), 1U);
    RawSocket plain_node(one.peers->port());
    plain_node.send(greeting_of(2));
    EXPECT_TRUE(plain_node.ends());
    RawSocket half_open(one.peers->port());
    half_open.send(std::string("\x16\x03\x01", 3));
    EXPECT_TRUE(half_open.ends());
    EXPECT_EQ(one.refusals(Refusal::too_slow), 1U);
}

TEST_F(PeerTls, ANodeWithoutTlsIsNoNode) {
    TestNode one(options(1));
    TestNode two(plain_options(2));
    introduce(one, two);
    EXPECT_TRUE(one.refuses(Refusal::tls_failed));
    EXPECT_TRUE(two.refuses(Refusal::malformed));
    EXPECT_TRUE(one.recorder.events().connected.empty());
    EXPECT_TRUE(two.recorder.events().connected.empty());
}

TEST_F(PeerTls, ACapturedConversationIsWorthNothing) {
    TestNode one(options(1));
    std::string captured;
    {
        CapturingProxy proxy(one.peers->port());
        TestNode two(options(2));
        two.peers->set_peers({{one.id, proxy.address()}});
        ASSERT_TRUE(one.recorder.wait([](const Events& seen) { return !seen.connected.empty(); }));
        two.peers->send(one.id, Lane::raft, "pay 5");
        two.peers->send(one.id, Lane::requests, "pay 5");
        two.peers->send(one.id, Lane::bulk, "pay 5");
        ASSERT_TRUE(two.reaches([](const PeersState& state) {
            return state.statistics.frames_sent + state.statistics.frames_dropped == 3;
        }));
        two.peers->stop();
        captured = proxy.stop();
    }
    ASSERT_TRUE(one.recorder.wait([](const Events& seen) { return !seen.disconnected.empty(); }));
    const std::size_t heard = one.recorder.events().frames.size();
    ASSERT_GT(captured.size(), 1'000U);
    RawSocket thief(one.peers->port());
    thief.send(captured);
    EXPECT_TRUE(thief.ends());
    EXPECT_TRUE(one.refuses(Refusal::tls_failed));
    EXPECT_EQ(one.recorder.events().frames.size(), heard);
    EXPECT_EQ(one.recorder.events().connected.size(), 1U);
}

}  // namespace
}  // namespace penstock::replication::transport

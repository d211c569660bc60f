#include "plugins/listener/server_tls.h"

#include "tests/support/temp_folder.h"
#include "tests/support/tls_identity.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

namespace penstock::plugins {
namespace {

namespace ssl = asio::ssl;
using testing::TlsIdentity;

constexpr long day_s = 86'400;

class ServerTlsTest : public ::testing::Test {
  protected:
    void write(const TlsIdentity& certificate, const TlsIdentity& key) {
        std::ofstream(files.certificate) << certificate.certificate_pem();
        std::ofstream(files.key) << key.key_pem();
    }

    std::string why_not() {
        const auto opened = ServerTls::open(files, clock);
        if (opened) return "opened";
        EXPECT_EQ(opened.error().code, Errc::invalid);
        return opened.error().detail;
    }

    // A handshake with a client of these settings; the protocol spoken, or why there is none.
    std::string handshake(const ServerTls& server, const std::function<void(SSL_CTX*)>& set) {
        asio::io_context context;
        asio::ip::tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), 0});
        std::thread serving([&] {
            ssl::stream<asio::ip::tcp::socket> stream(acceptor.accept(), *server.context());
            boost::system::error_code failed;
            stream.handshake(ssl::stream_base::server, failed);
            if (!failed) stream.shutdown(failed);
        });
        ssl::context client(ssl::context::tls_client);
        SSL_CTX_set_security_level(client.native_handle(), 0);
        set(client.native_handle());
        ssl::stream<asio::ip::tcp::socket> stream(context, client);
        stream.next_layer().connect(acceptor.local_endpoint());
        boost::system::error_code failed;
        stream.handshake(ssl::stream_base::client, failed);
        std::string spoken = failed ? "none" : SSL_get_version(stream.native_handle());
        if (!failed) shown_ = serial_of(stream.native_handle());
        stream.next_layer().close();
        serving.join();
        return spoken;
    }

    static long serial_of(SSL* session) {
        X509* shown = SSL_get1_peer_certificate(session);
        const long serial = ASN1_INTEGER_get(X509_get_serialNumber(shown));
        X509_free(shown);
        return serial;
    }

    SystemClock clock;
    testing::TempFolder folder;
    TlsFiles files{folder.file("certificate.pem"), folder.file("key.pem")};
    TlsIdentity authority = TlsIdentity::authority("test");
    long shown_ = 0;  // serial number of the certificate that the last handshake showed
};

TEST_F(ServerTlsTest, FilesThatCannotBeUsedAreNamedWithTheReason) {
    EXPECT_NE(why_not().find("certificate.pem: "), std::string::npos);
    EXPECT_NE(why_not().find("No such file"), std::string::npos);
    const auto one = authority.server("DNS:localhost");
    const auto other = authority.server("DNS:localhost");
    write(one, other);
    EXPECT_EQ(why_not(), files.key + ": is not the key of the certificate in " + files.certificate);
    std::ofstream(files.key) << "no PEM";
    EXPECT_NE(why_not().find("key.pem: "), std::string::npos);
    const auto expired = authority.server("DNS:localhost", -3'600);
    write(expired, expired);
    EXPECT_NE(why_not().find("the certificate expired at 20"), std::string::npos);
    EXPECT_NE(why_not().find("; renew it"), std::string::npos);
}

TEST_F(ServerTlsTest, ShowsTheNewCertificateOnceItsFilesFitTogether) {
    const auto first = authority.server("DNS:localhost", 10 * day_s);
    write(first, first);
    auto opened = ServerTls::open(files, clock);
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
    ServerTls& tls = **opened;
    const std::int64_t first_end_ms = tls.ends_ms();
    EXPECT_NEAR(static_cast<double>(first_end_ms),
                static_cast<double>(clock.wall_ms() + 10 * day_s * 1'000),
                60'000);

    // As it is renewed: one file, then the other.
    const auto second = authority.server("DNS:localhost", 20 * day_s);
    std::ofstream(files.certificate) << second.certificate_pem();
    tls.refresh();
    EXPECT_EQ(handshake(tls, [](SSL_CTX*) {}), "TLSv1.3");
    EXPECT_EQ(shown_, 10 * day_s + 10'000) << "half of a renewal changes nothing";
    EXPECT_EQ(tls.ends_ms(), first_end_ms);
    std::ofstream(files.key) << second.key_pem();
    tls.refresh();
    EXPECT_EQ(handshake(tls, [](SSL_CTX*) {}), "TLSv1.3");
    EXPECT_EQ(shown_, 20 * day_s + 10'000);
    EXPECT_GT(tls.ends_ms(), first_end_ms);
    std::filesystem::remove(files.key);
    tls.refresh();
    EXPECT_EQ(handshake(tls, [](SSL_CTX*) {}), "TLSv1.3") << "what was in use stays in use";
}

TEST_F(ServerTlsTest, FilesThatChangeAreSeenWithoutBeingTold) {
    const auto first = authority.server("DNS:localhost", 10 * day_s);
    write(first, first);
    auto opened = ServerTls::open(files, clock);
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
    ServerTls& tls = **opened;
    const std::int64_t first_end_ms = tls.ends_ms();
    asio::io_context context;
    tls.watch(context);
    const auto second = authority.server("DNS:localhost", 20 * day_s);
    write(second, second);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (tls.ends_ms() == first_end_ms && std::chrono::steady_clock::now() < end)
        context.run_one_until(end);
    EXPECT_GT(tls.ends_ms(), first_end_ms);
}

TEST_F(ServerTlsTest, SpeaksWhatMozillaCallsIntermediate) {
    const auto own = authority.server("DNS:localhost");
    write(own, own);
    auto opened = ServerTls::open(files, clock);
    ASSERT_TRUE(opened.has_value()) << opened.error().detail;
    const ServerTls& tls = **opened;
    const auto with = [&](int version, const char* ciphers) {
        return handshake(tls, [&](SSL_CTX* client) {
            SSL_CTX_set_min_proto_version(client, version);
            SSL_CTX_set_max_proto_version(client, version);
            SSL_CTX_set_cipher_list(client, ciphers);
        });
    };
    EXPECT_EQ(with(TLS1_3_VERSION, "ALL"), "TLSv1.3");
    EXPECT_EQ(with(TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305"), "TLSv1.2");
    EXPECT_EQ(with(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256"), "none") << "CBC";
    EXPECT_EQ(with(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-CCM"), "none");
    EXPECT_EQ(with(TLS1_1_VERSION, "ALL:@SECLEVEL=0"), "none");
}

}  // namespace
}  // namespace penstock::plugins

#include "tests/plugins/listener/fixture.h"
#include "tests/support/temp_folder.h"

#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>
#include <memory>

namespace penstock::plugins {
namespace {

namespace ssl = asio::ssl;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using OpenFile = std::unique_ptr<std::FILE, decltype(&std::fclose)>;

// A key and a certificate for it, signed by itself, good for an hour.
void write_self_signed(const std::string& certificate_file, const std::string& key_file) {
    const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), EVP_PKEY_free);
    const Certificate certificate(X509_new(), X509_free);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    ASSERT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
    const OpenFile out(std::fopen(certificate_file.c_str(), "w"), std::fclose);
    ASSERT_EQ(PEM_write_X509(out.get(), certificate.get()), 1);
    const OpenFile secret(std::fopen(key_file.c_str(), "w"), std::fclose);
    ASSERT_EQ(PEM_write_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr),
              1);
}

class TlsListening : public Listening {
  protected:
    TlsListening() {
        HttpServerOptions options;
        options.tls_certificate = folder.file("certificate.pem");
        options.tls_key = folder.file("key.pem");
        write_self_signed(options.tls_certificate, options.tls_key);
        start(options);
    }

    testing::TempFolder folder;
};

TEST_F(TlsListening, AnswersOverTls) {
    asio::io_context context;
    ssl::context client(ssl::context::tls_client);
    ssl::stream<asio::ip::tcp::socket> stream(context, client);
    stream.next_layer().connect({asio::ip::make_address("127.0.0.1"), server->port()});
    stream.handshake(ssl::stream_base::client);
    const std::string request =
        "GET /t HTTP/1.1\r\nHost: a\r\n\r\n"
        "GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    asio::write(stream, asio::buffer(request));
    std::string answer;
    boost::system::error_code failed;
    asio::read(stream, asio::dynamic_buffer(answer), failed);
    EXPECT_EQ(failed, asio::error::eof) << "the end is told by TLS, not by a cut";
    EXPECT_NE(answer.find("GET /t? [] secure"), std::string::npos);
    EXPECT_GT(answer.size(), 3'000'000U);
}

TEST_F(TlsListening, EndsConnectionsThatSpeakPlainHttp) {
    EXPECT_EQ(exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").find("HTTP/1.1 200"),
              std::string::npos);
    EXPECT_EQ(front_end.asked, 0);
}

TEST_F(Listening, CannotStartWithTlsFilesThatAreMissing) {
    HttpServerOptions options;
    options.port = 0;
    options.tls_certificate = "/nonexistent/certificate.pem";
    const auto started = HttpServer::start(options, pool, clock, {&front_end});
    ASSERT_FALSE(started.has_value());
    EXPECT_EQ(started.error().code, Errc::invalid);
    EXPECT_NE(started.error().detail.find("/nonexistent/certificate.pem"), std::string::npos);
}

}  // namespace
}  // namespace penstock::plugins

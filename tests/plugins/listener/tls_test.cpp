#include "tests/plugins/listener/fixture.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tls_identity.h"

#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>

#include <fstream>
#include <vector>

namespace penstock::plugins {
namespace {

namespace ssl = asio::ssl;

class TlsListening : public Listening {
  protected:
    TlsListening() {
        const auto authority = testing::TlsIdentity::authority("test");
        const auto own = authority.server("DNS:localhost");
        const TlsFiles files{folder.file("certificate.pem"), folder.file("key.pem")};
        std::ofstream(files.certificate) << own.certificate_pem();
        std::ofstream(files.key) << own.key_pem();
        auto opened = ServerTls::open(files, clock);
        EXPECT_TRUE(opened.has_value()) << opened.error().detail;
        tls = std::move(*opened);
    }

    ~TlsListening() override { pool.stop(); }

    void start(HttpServerOptions options = {}) {
        options.tls = tls.get();
        Listening::start(options);
    }

    // What GET /t comes back with on a connection of its own; empty: no handshake.
    std::string get() {
        asio::io_context context;
        ssl::context client(ssl::context::tls_client);
        ssl::stream<asio::ip::tcp::socket> stream(context, client);
        stream.next_layer().connect({asio::ip::make_address("127.0.0.1"), server->port()});
        boost::system::error_code failed;
        stream.handshake(ssl::stream_base::client, failed);
        if (failed) return {};
        asio::write(stream,
                    asio::buffer(std::string(
                        "GET /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")));
        std::string answer;
        asio::read(stream, asio::dynamic_buffer(answer), failed);
        return answer;
    }

    testing::TempFolder folder;
    std::unique_ptr<ServerTls> tls;
};

TEST_F(TlsListening, AnswersOverTls) {
    start();
    asio::io_context context;
    ssl::context client(ssl::context::tls_client);
    ssl::stream<asio::ip::tcp::socket> stream(context, client);
    stream.next_layer().connect({asio::ip::make_address("127.0.0.1"), server->port()});
    stream.handshake(ssl::stream_base::client);
    asio::write(stream,
                asio::buffer(std::string("GET /t HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                         "GET /large HTTP/1.1\r\nHost: localhost\r\n"
                                         "Connection: close\r\n\r\n")));
    std::string answer;
    boost::system::error_code failed;
    asio::read(stream, asio::dynamic_buffer(answer), failed);
    EXPECT_EQ(failed, asio::error::eof) << "the end is told by TLS, not by a cut";
    EXPECT_NE(answer.find("GET /t? [] secure"), std::string::npos);
    EXPECT_GT(answer.size(), 3'000'000U);
}

TEST_F(TlsListening, EndsConnectionsThatSpeakPlainHttp) {
    start();
    EXPECT_EQ(exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").find("HTTP/1.1 200"),
              std::string::npos);
    EXPECT_EQ(front_end.asked, 0);
}

TEST_F(TlsListening, EndsHandshakesThatTakeTooLong) {
    HttpServerOptions options;
    options.limits.handshake_timeout = std::chrono::milliseconds(100);
    start(options);
    RawClient silent = connect();
    EXPECT_EQ(silent.read_all(), "");
    EXPECT_TRUE(silent.closed());
}

TEST_F(TlsListening, HandshakesThatHoldTheirPlacesMakeWayForThoseThatAreMeant) {
    HttpServerOptions options;
    options.limits.handshakes_max = 4;  // two on each of the pool's threads
    options.limits.handshake_timeout = std::chrono::milliseconds(60'000);
    start(options);
    std::vector<std::unique_ptr<RawClient>> silent;
    for (int at = 0; at < 12; ++at) silent.push_back(std::make_unique<RawClient>(server->port()));
    EXPECT_NE(get().find("GET /t? [] secure"), std::string::npos);
    EXPECT_TRUE(eventually([&] { return server->connections() <= 4; }))
        << server->connections() << " connections are open";
    EXPECT_EQ(silent.front()->read_all(), "");
    EXPECT_TRUE(silent.front()->closed()) << "the oldest goes first";
}

TEST_F(TlsListening, AConnectionThatIsOpenKeepsItsCertificate) {
    start();
    asio::io_context context;
    ssl::context client(ssl::context::tls_client);
    ssl::stream<asio::ip::tcp::socket> stream(context, client);
    stream.next_layer().connect({asio::ip::make_address("127.0.0.1"), server->port()});
    stream.handshake(ssl::stream_base::client);
    tls->refresh();
    asio::write(stream,
                asio::buffer(std::string(
                    "GET /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")));
    std::string answer;
    boost::system::error_code failed;
    asio::read(stream, asio::dynamic_buffer(answer), failed);
    EXPECT_NE(answer.find("GET /t? [] secure"), std::string::npos);
    EXPECT_NE(get().find("GET /t? [] secure"), std::string::npos);
}

}  // namespace
}  // namespace penstock::plugins

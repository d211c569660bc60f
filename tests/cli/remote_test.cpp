#include "broker/cli/cli.h"
#include "broker/cli/remote_server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

namespace penstock::cli {

namespace {

TEST(CliRemote, AnAddressThatIsNoneIsAUsageMatter) {
    const SystemClock clock;
    for (const char* address : {"", "127.0.0.1:7070", "ftp://x", "http://", "http://a b"}) {
        Target target;
        target.server = address;
        const auto server = connect(target, clock);
        ASSERT_FALSE(server) << address;
        EXPECT_EQ(server.error().code, Errc::invalid) << address;
    }
}

TEST(CliRemote, CertificatesToTrustThatAreNotThereAreTheFilesFault) {
    const SystemClock clock;
    Target target;
    target.server = "https://127.0.0.1:1";
    target.ca_file = "/no/such/ca.pem";
    const auto server = connect(target, clock);
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().code, Errc::io);
    EXPECT_NE(server.error().detail.find("/no/such/ca.pem"), std::string::npos);
}

TEST(CliRemote, NobodyListeningIsUnavailable) {
    const SystemClock clock;
    // A port that was free a moment ago.
    boost::asio::io_context context;
    boost::asio::ip::tcp::acceptor acceptor(context,
                                            {boost::asio::ip::make_address("127.0.0.1"), 0});
    const auto port = acceptor.local_endpoint().port();
    acceptor.close();
    Target target;
    target.server = "http://127.0.0.1:" + std::to_string(port);
    const auto server = connect(target, clock);
    ASSERT_TRUE(server);
    const auto answer = (*server)->ask(Ask());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::unavailable);
}

TEST(CliRemote, TheSecretIsNotInTheHeader) {
    Target target;
    target.key_id = "AKIDx";
    target.key_secret = "very-secret";
    Ask ask;
    ask.target = "/v1/status";
    const std::string header = authorization(target, ask, 1'700'000'000'999);
    EXPECT_EQ(header.find("very-secret"), std::string::npos);
    EXPECT_EQ(header.rfind("CMQ-HMAC-SHA256 KeyId=AKIDx, Timestamp=1700000000, Signature=", 0), 0U);
}

TEST(CliNouns, AreKnown) {
    EXPECT_TRUE(is_client_command("queue"));
    EXPECT_TRUE(is_client_command("doctor"));
    EXPECT_FALSE(is_client_command("serve"));
    EXPECT_FALSE(is_client_command(""));
}

}  // namespace

}  // namespace penstock::cli

#include "broker/api/signature.h"
#include "broker/cli/bench_histogram.h"
#include "broker/cli/bench_link.h"
#include "broker/cli/bench_load.h"
#include "broker/cli/bench_requests.h"
#include "broker/cli/bench_scenarios.h"
#include "broker/cli/bench_sink.h"
#include "broker/cli/session.h"
#include "tests/cli/fixture.h"
#include "tests/support/run_until.h"
#include "tests/support/tls_server.h"

#include <gtest/gtest.h>

namespace penstock::cli {

namespace {

using testing::NoonClock;

TEST(BenchHistogram, PercentilesAreWithinTwoPercent) {
    Histogram histogram;
    EXPECT_EQ(histogram.percentile(5'000), 0U);
    for (std::uint64_t value = 1; value <= 100'000; ++value) {
        histogram.record(value);
    }
    EXPECT_NEAR(static_cast<double>(histogram.percentile(5'000)), 50'000, 1'000);
    EXPECT_NEAR(static_cast<double>(histogram.percentile(9'900)), 99'000, 2'000);
    EXPECT_EQ(histogram.percentile(10'000), 100'000U);
    EXPECT_EQ(histogram.max(), 100'000U);
}

TEST(BenchHistogram, SmallValuesAreExactAndMergesAdd) {
    Histogram first;
    Histogram second;
    first.record(3);
    second.record(63);
    second.record(64);
    first.merge(second);
    EXPECT_EQ(first.count(), 3U);
    EXPECT_EQ(first.percentile(3'333), 3U);
    EXPECT_EQ(first.percentile(6'666), 63U);
    EXPECT_EQ(first.percentile(10'000), 64U);
    first.record(UINT64_MAX);
    EXPECT_EQ(first.max(), UINT64_MAX);
}

TEST(BenchRequests, AreSignedFormPosts) {
    Target target;
    target.key_id = "AKIDx";
    target.key_secret = "s";
    const NoonClock clock;
    const CmqRequests requests(target, "127.0.0.1:7070", clock);
    const std::string request =
        requests.make("SendMessage", {{"queueName", "q"}, {"msgBody", "a b"}});
    const std::string signature =
        api::sign(api::SignatureMethod::hmac_sha256,
                  "s",
                  "POST127.0.0.1:7070/v2/index.php?Action=SendMessage&Nonce=1&SecretId=AKIDx&"
                  "SignatureMethod=HmacSHA256&Timestamp=1700000000&msgBody=a b&queueName=q");
    const std::string body =
        "Action=SendMessage&Nonce=1&SecretId=AKIDx&SignatureMethod=HmacSHA256&"
        "Timestamp=1700000000&msgBody=a%20b&queueName=q&Signature=" +
        encoded(signature);
    EXPECT_EQ(request,
              "POST /v2/index.php HTTP/1.1\r\nHost: 127.0.0.1:7070\r\nContent-Type: "
              "application/x-www-form-urlencoded\r\nContent-Length: " +
                  std::to_string(body.size()) + "\r\n\r\n" + body);
}

TEST(BenchRequests, AnswersAreReadWithoutAParser) {
    EXPECT_EQ(cmq_code(R"({"code":0,"message":""})"), 0);
    EXPECT_EQ(cmq_code(R"({"message":"", "code" : 7000})"), 7000);
    EXPECT_EQ(cmq_code(R"({"code":"0"})"), no_cmq_code);
    EXPECT_EQ(cmq_code("{}"), no_cmq_code);
    EXPECT_EQ(texts_named(R"({"a":"1","l":[{"a":"2"},{"a":3,"b":"x"},{"a" : "4"}]})", "a"),
              (std::vector<std::string>{"1", "2", "4"}));
}

TEST(BenchStamp, GoesThroughABody) {
    EXPECT_EQ(stamp_of(255), "00000000000000ff");
    EXPECT_EQ(stamp_in("00000000000000ffrest"), 255);
    EXPECT_EQ(stamp_in("0000"), -1);
    EXPECT_EQ(stamp_in("not hexadecimal "), -1);
    EXPECT_EQ(bench_payload(5).size(), 5U);
}

// Sends pushes as the dispatcher would.
class PushScenario final : public Scenario {
  public:
    void run(std::size_t, Link& link, std::int64_t due_us, Done done) override {
        const std::string body = stamp_of(due_us) + "hello";
        request_ =
            "POST /push HTTP/1.1\r\nHost: x\r\ncontent-length: " + std::to_string(body.size()) +
            "\r\n\r\n" + body;
        link.exchange(request_, [done = std::move(done)](const LinkAnswer& answer) {
            UnitResult result;
            result.messages = 1;
            result.failure = answer.failure;
            done(std::move(result));
        });
    }

  private:
    std::string request_;
};

class BenchLink : public ::testing::Test {
  protected:
    // What becomes of one exchange: nothing, or why it failed.
    std::string exchange(Link& link) {
        std::optional<std::string> failure;
        link.exchange("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello",
                      [&](const LinkAnswer& answer) { failure = answer.failure; });
        EXPECT_TRUE(testing::run_until(context, [&] { return failure.has_value(); }));
        return failure.value_or("nothing came");
    }

    [[nodiscard]] Link::Tcp::endpoint endpoint() const {
        return {boost::asio::ip::address_v4::loopback(),
                static_cast<std::uint16_t>(std::stoi(server.port()))};
    }

    boost::asio::io_context context{1};
    testing::TlsIdentity ours = testing::TlsIdentity::authority("ours");
    testing::TlsServer server{context, ours.server("DNS:localhost")};
    boost::asio::ssl::context trusting{boost::asio::ssl::context::tls_client};
};

TEST_F(BenchLink, UnderTlsKeepsItsConnectionAndKnowsItsServer) {
    trusting.add_certificate_authority(boost::asio::buffer(ours.certificate_pem()));
    Link link(context, endpoint(), LinkTls{trusting, "localhost"});
    EXPECT_EQ(exchange(link), "");
    EXPECT_EQ(exchange(link), "");
    EXPECT_EQ(server.handshakes, 1U);
    EXPECT_EQ(server.requests, 2U);
    link.close();
    EXPECT_EQ(exchange(link), "") << "it connects again";
    EXPECT_EQ(server.handshakes, 2U);
    Link other(context, endpoint(), LinkTls{trusting, "other.example"});
    EXPECT_NE(exchange(other).find("TLS handshake failed"), std::string::npos);
    EXPECT_EQ(server.requests, 3U);
}

TEST_F(BenchLink, UnderTlsTrustsNobodyUntold) {
    Link link(context, endpoint(), LinkTls{trusting, "localhost"});
    EXPECT_NE(exchange(link).find("TLS handshake failed"), std::string::npos);
    EXPECT_EQ(server.requests, 0U);
}

class BenchLoad : public ::testing::Test {
  protected:
    LoadResult run(double units_per_s, std::uint16_t port) {
        LoadOptions options;
        options.connections = 1;
        options.warmup_us = 10'000;
        options.duration_us = 100'000;
        options.units_per_s = units_per_s;
        boost::asio::io_context context{1};
        PushScenario scenario;
        Load load(
            context, {boost::asio::ip::make_address("127.0.0.1"), port}, clock, options, scenario);
        return load.run(
            [this](std::int64_t from_us, std::int64_t to_us) { sink.measure(from_us, to_us); });
    }

    static std::uint16_t port_of(const std::string& url) {
        return static_cast<std::uint16_t>(
            std::stoi(url.substr(std::string("http://127.0.0.1:").size())));
    }

    SystemClock clock;
    PushSink sink{clock};
};

TEST_F(BenchLoad, AClosedLoopMeasuresWhatTheSinkSees) {
    ASSERT_TRUE(sink.start());
    const LoadResult result = run(0, port_of(sink.url()));
    sink.stop();
    EXPECT_EQ(result.failures, 0U);
    EXPECT_GT(result.units, 0U);
    EXPECT_EQ(result.messages_in_all, sink.received());
    EXPECT_GT(sink.latency().count(), 0U);
}

TEST_F(BenchLoad, AnOpenLoopKeepsItsRate) {
    ASSERT_TRUE(sink.start());
    const std::int64_t began_us = clock.steady_us();
    const LoadResult result = run(1000, port_of(sink.url()));
    // A busy machine ends it late, and what was due until then has been sent.
    const auto due = static_cast<std::uint64_t>(clock.steady_us() - began_us) / 1'000 + 1;
    sink.stop();
    EXPECT_LE(result.messages_in_all, due);
    EXPECT_GE(result.messages_in_all + result.behind, 108U);
}

TEST_F(BenchLoad, NobodyListeningIsCountedNotFatal) {
    boost::asio::io_context context;
    boost::asio::ip::tcp::acceptor acceptor(context,
                                            {boost::asio::ip::make_address("127.0.0.1"), 0});
    const auto port = acceptor.local_endpoint().port();
    acceptor.close();
    const LoadResult result = run(100, port);
    EXPECT_EQ(result.units, 0U);
    EXPECT_GT(result.failures, 0U);
    EXPECT_EQ(result.failures_by_text.begin()->first, "connection refused");
}

TEST(BenchCommand, RefusesWhatIsOutOfRange) {
    class Fixture : public testing::CliFixture {
      public:
        using CliFixture::err;
        using CliFixture::run;

        void TestBody() override {}
    };

    Fixture fixture;
    for (const auto& words :
         std::vector<std::vector<std::string>>{{"bench"},
                                               {"bench", "send", "--size", "15"},
                                               {"bench", "send", "--size", "17MiB"},
                                               {"bench", "send", "--connections", "0"},
                                               {"bench", "send", "--outstanding", "64"},
                                               {"bench", "send", "--tcp", "--outstanding", "0"},
                                               {"bench", "send", "--batch", "17"},
                                               {"bench", "send", "--duration", "10ms"},
                                               {"bench", "send", "--rate", "0"},
                                               {"bench", "send", "--concurrency", "4"},
                                               {"bench", "send", "--backlog"}}) {
        EXPECT_EQ(fixture.run(words), 2) << ::testing::PrintToString(words);
    }
}

}  // namespace

}  // namespace penstock::cli

#include "tests/plugins/cmq_http/fixture.h"

#include <gtest/gtest.h>

namespace penstock::testing {
namespace {

// The vector of cmq-api.md 1.4, as its client puts it on the wire.
constexpr const char* vector_form =
    "Action=SendMessage&Nonce=12345&RequestClient=demo&SecretId=AKIDdemo0001&"
    "SignatureMethod=HmacSHA1&Timestamp=1700000000&clientRequestId=77&delaySeconds=0&"
    "msgBody=hi+%26+bye%3D1&queueName=orders&Signature=PJR%2FugrJea0oqBWG7OjppucaZio%3D";

class Authentication : public ::testing::Test {
  protected:
    Authentication() {
        api::SentMessages sent;
        sent.ids.emplace_back(77);
        cmq.broker.answer_with<api::SendMessages>(sent);
    }

    Fields good() {
        return Cmq::complete(
            {{"Action", "SendMessage"}, {"queueName", "orders"}, {"msgBody", "hello"}});
    }

    // Sends `fields` signed as `begin` says.
    CmqReply signed_as(Fields fields, const std::string& begin, plugins::HttpRequest request) {
        fields.emplace_back("Signature", Cmq::signature(fields, begin));
        (request.method == "POST" ? request.body : request.query) = Cmq::form(fields);
        return cmq.send(std::move(request));
    }

    static plugins::HttpRequest get(std::string path) {
        auto request = Cmq::post("");
        request.method = "GET";
        request.path = std::move(path);
        return request;
    }

    Cmq cmq;
};

TEST_F(Authentication, AcceptsThePublishedVectorWithSha1) {
    const auto reply = cmq.send(Cmq::post(vector_form));
    EXPECT_EQ(reply.code(), 0) << reply.text;
    EXPECT_EQ(reply.json.at("clientRequestId").to_number<std::int64_t>(), 77);
    EXPECT_EQ(cmq.broker.last<api::SendMessages>()->messages.at(0).payload, "hi & bye=1");
    EXPECT_EQ(cmq.broker.principals.at(0).key_id, "AKIDdemo0001");
}

TEST_F(Authentication, AcceptsThePublishedVectorWithSha256) {
    std::string form = vector_form;
    form.replace(form.find("HmacSHA1"), 8, "HmacSHA256");
    form.replace(form.find("Signature=PJR") + 10,
                 std::string::npos,
                 percent("M5G8meYPniluN/eWyJna3Hsi9Rz+oqizg1O3shetxqg="));
    EXPECT_EQ(cmq.send(Cmq::post(form)).code(), 0);
}

TEST_F(Authentication, TakesSha1WhenTheMethodIsAbsentOrUnknown) {
    Fields fields{{"Action", "SendMessage"},
                  {"Nonce", "1"},
                  {"SecretId", "AKIDdemo0001"},
                  {"SignatureMethod", "Rot13"},
                  {"Timestamp", "1700000000"},
                  {"msgBody", "hello"},
                  {"queueName", "orders"}};
    const std::string text =
        "POST127.0.0.1:8080/v2/index.php?Action=SendMessage&Nonce=1&SecretId=AKIDdemo0001&"
        "SignatureMethod=Rot13&Timestamp=1700000000&msgBody=hello&queueName=orders";
    fields.emplace_back("Signature",
                        api::sign(api::SignatureMethod::hmac_sha1, "demoSecretKey0001", text));
    EXPECT_EQ(cmq.send(Cmq::post(Cmq::form(fields))).code(), 0);
}

TEST_F(Authentication, RefusesAWrongSignature) {
    auto fields = good();
    fields.emplace_back("Signature", "PJR/ugrJea0oqBWG7OjppucaZio=");
    const auto reply = cmq.send(Cmq::post(Cmq::form(fields)));
    EXPECT_EQ(reply.status, 200U);
    EXPECT_EQ(reply.code(), 4100);
    EXPECT_EQ(reply.message(), "(10030)authentication failed");
    EXPECT_TRUE(cmq.broker.requests.empty());
}

TEST_F(Authentication, RefusesAChangedValueBehindAGoodSignature) {
    std::string form = vector_form;
    form.replace(form.find("orders"), 6, "others");
    EXPECT_EQ(cmq.send(Cmq::post(form)).code(), 4100);
    EXPECT_TRUE(cmq.broker.requests.empty());
}

TEST_F(Authentication, RefusesAnUnknownKey) {
    auto fields = Cmq::complete({{"Action", "SendMessage"}, {"SecretId", "AKIDnobody"}});
    fields.emplace_back("Signature", Cmq::signature(fields));
    const auto reply = cmq.send(Cmq::post(Cmq::form(fields)));
    EXPECT_EQ(reply.code(), 4100);
    EXPECT_EQ(reply.message(), "(10270)secret id is not existed");
}

TEST_F(Authentication, RefusesAKeyThatDoesNotBeginWithAkid) {
    const auto reply = cmq.ask({{"Action", "SendMessage"}, {"SecretId", "root"}});
    EXPECT_EQ(reply.code(), 4000);
    EXPECT_EQ(reply.message(), "(10450)secret id dosen't begin with AKID");
}

TEST_F(Authentication, RefusesATimestampFiveMinutesOff) {
    for (const char* stale : {"1699999699", "1700000301", "0", "18446744073709551615"}) {
        auto fields = good();
        for (auto& [name, value] : fields) {
            if (name == "Timestamp") value = stale;
        }
        const auto reply = cmq.ask(fields);
        EXPECT_EQ(reply.code(), 4100) << stale;
        EXPECT_EQ(reply.message(),
                  "(10030)authentication failed, Timestamp is more than 300 seconds off the "
                  "server's time");
    }
    EXPECT_TRUE(cmq.broker.requests.empty());
    for (const char* fresh : {"1699999700", "1700000300"}) {
        auto fields = good();
        for (auto& [name, value] : fields) {
            if (name == "Timestamp") value = fresh;
        }
        EXPECT_EQ(cmq.ask(fields).code(), 0) << fresh;
    }
}

TEST_F(Authentication, NamesTheCommonParameterThatIsMissingOrNoNumber) {
    for (const std::string missing : {"Action", "SecretId", "Timestamp", "Nonce", "Signature"}) {
        auto fields = good();
        fields.emplace_back("Signature", Cmq::signature(fields));
        std::erase_if(fields, [&](const auto& field) { return field.first == missing; });
        const auto reply = cmq.send(Cmq::post(Cmq::form(fields)));
        EXPECT_EQ(reply.code(), 4000);
        EXPECT_EQ(reply.message(), "(10390)lacked of required parameter " + missing);
    }
    for (const std::string wrong : {"Timestamp", "Nonce"}) {
        for (const std::string value : {"", "-1", "1.5", "soon", "99999999999999999999"}) {
            auto fields = good();
            for (auto& field : fields) {
                if (field.first == wrong) field.second = value;
            }
            const auto reply = cmq.ask(fields);
            EXPECT_EQ(reply.message(), "(10360)parameter " + wrong + " error type") << value;
        }
    }
    EXPECT_TRUE(cmq.broker.requests.empty());
}

TEST_F(Authentication, LeavesOutValuesThatBeginWithAtWhenOnlyThatFitsAPost) {
    auto fields = good();
    for (auto& [name, value] : fields) {
        if (name == "msgBody") value = "@file";
    }
    auto without = fields;
    std::erase_if(without, [](const auto& field) { return field.second == "@file"; });
    auto sent = fields;
    sent.emplace_back("Signature", Cmq::signature(without));
    EXPECT_EQ(cmq.send(Cmq::post(Cmq::form(sent))).code(), 0);
    EXPECT_EQ(cmq.ask(fields).code(), 0) << "signed with the value";
    auto query = get("/v2/index.php");
    sent = fields;
    sent.emplace_back("Signature", Cmq::signature(without, "GET127.0.0.1:8080/v2/index.php"));
    query.query = Cmq::form(sent);
    EXPECT_EQ(cmq.send(query).code(), 4100) << "a GET has no such rule";
}

TEST_F(Authentication, TakesGetsAndThePathsOfAllClients) {
    EXPECT_EQ(signed_as(good(), "GET127.0.0.1:8080/v2/index.php", get("/v2/index.php")).code(), 0);
    EXPECT_EQ(signed_as(good(), "GET127.0.0.1:8080/v2/index.php", get("/v2/index.php/v2/index.php"))
                  .code(),
              0);
    EXPECT_EQ(signed_as(good(), "GET127.0.0.1:8080/", get("/")).code(), 0);
    auto root = Cmq::post("");
    root.path = "/";
    EXPECT_EQ(signed_as(good(), "POST127.0.0.1:8080/", root).code(), 0);
    EXPECT_EQ(signed_as(good(), "POST127.0.0.1:8080/other", root).code(), 4100);
}

TEST_F(Authentication, TakesAHostThatIsSignedWithoutItsPort) {
    EXPECT_EQ(signed_as(good(), "POST127.0.0.1/v2/index.php", Cmq::post("")).code(), 0);
    EXPECT_EQ(signed_as(good(), "GET127.0.0.1/v2/index.php", get("/v2/index.php")).code(), 0);
    EXPECT_EQ(signed_as(good(), "POST127.0.0/v2/index.php", Cmq::post("")).code(), 4100);
    EXPECT_EQ(signed_as(good(), "POST127.0.0.1:80/v2/index.php", Cmq::post("")).code(), 4100);
    auto bare = Cmq::post("");
    bare.host = "[::1]";
    EXPECT_EQ(signed_as(good(), "POST[:/v2/index.php", bare).code(), 4100) << "no port";
    bare.host = "[::1]:8080";
    EXPECT_EQ(signed_as(good(), "POST[::1]/v2/index.php", bare).code(), 0);
    auto fields = good();
    for (auto& [name, value] : fields) {
        if (name == "msgBody") value = "@file";
    }
    auto without = fields;
    std::erase_if(without, [](const auto& field) { return field.second == "@file"; });
    fields.emplace_back("Signature", Cmq::signature(without, "POST127.0.0.1/v2/index.php"));
    EXPECT_EQ(cmq.send(Cmq::post(Cmq::form(fields))).code(), 0) << "and without '@' values";
}

TEST_F(Authentication, IgnoresTheQueryOfAPostAndTheBodyOfAGet) {
    auto request = Cmq::post(vector_form);
    request.query = "queueName=elsewhere";
    EXPECT_EQ(cmq.send(request).code(), 0);
    EXPECT_EQ(cmq.broker.last<api::SendMessages>()->queue, "orders");
    auto other = get("/v2/index.php");
    other.body = vector_form;
    EXPECT_EQ(cmq.send(other).message(), "(10390)lacked of required parameter Action");
}

TEST_F(Authentication, SignsUnknownParametersAndUnderscoresAsDots) {
    auto fields = good();
    fields.emplace_back("UserpollingWaitSeconds", "5");
    fields.emplace_back("my_own", "x");
    auto as_signed = fields;
    as_signed.back().first = "my.own";
    fields.emplace_back("Signature", Cmq::signature(as_signed));
    EXPECT_EQ(cmq.send(Cmq::post(Cmq::form(fields))).code(), 0);
}

TEST_F(Authentication, ReadsNamesWithSpacesBehindThemAndSignsThemAsSent) {
    cmq.broker.answer_with<api::ListSubscriptions>({});
    Fields fields{{"Action", "ListSubscriptionByTopic"},
                  {"topicName", "events"},
                  {"searchWord ", "audit"},
                  {"offset ", "2"},
                  {"limit ", "3"}};
    EXPECT_EQ(cmq.ask(fields).code(), 0);
    const auto* asked = cmq.broker.last<api::ListSubscriptions>();
    ASSERT_NE(asked, nullptr);
    EXPECT_EQ(asked->search, "audit");
    EXPECT_EQ(asked->page.offset, 2U);
    EXPECT_EQ(asked->page.limit, 3U);
    fields.emplace_back("limit", "4");
    EXPECT_EQ(cmq.ask(fields).message(), "(10330)parameter limit is NOT a repeatable parameter");
    EXPECT_EQ(cmq.ask({{"Action", "ListQueue"}, {" limit", "4"}}).message(),
              "(10310)error: parameter  limit key format error");
}

TEST_F(Authentication, SignsSixteenBodiesInTheByteOrderOfTheirNames) {
    api::SentMessages sent;
    for (std::uint64_t id = 1; id <= 16; ++id) sent.ids.emplace_back(id);
    cmq.broker.answer_with<api::SendMessages>(sent);
    Fields fields{{"Action", "BatchSendMessage"}, {"queueName", "orders"}};
    for (int at = 1; at <= 16; ++at) {
        fields.emplace_back("msgBody." + std::to_string(at), "body " + std::to_string(at));
    }
    EXPECT_EQ(cmq.ask(fields).code(), 0);
    EXPECT_EQ(cmq.broker.last<api::SendMessages>()->messages.at(9).payload, "body 10");
}

TEST_F(Authentication, RefusesOtherMethods) {
    for (const char* method : {"PUT", "DELETE", "HEAD", "OPTIONS"}) {
        auto request = Cmq::post(vector_form);
        request.method = method;
        const auto reply = cmq.send(request);
        EXPECT_EQ(reply.code(), 4000);
        EXPECT_EQ(
            reply.message(),
            std::string("(10410)unexpected http ") + method + " only GET or POST is supported");
    }
}

TEST_F(Authentication, LeavesTheConsoleItsPath) {
    EXPECT_FALSE(cmq.front_end->wants(get("/")));
    EXPECT_FALSE(cmq.front_end->wants(get("/v1/queues")));
    auto with_action = get("/");
    with_action.query = "Nonce=1&Action=ListQueue";
    EXPECT_TRUE(cmq.front_end->wants(with_action));
}

}  // namespace
}  // namespace penstock::testing

// API 3.0 as older SDKs ask: a form, signed as API 2.0 is.
#include "plugins/cmq_http/cloud/front_end.h"
#include "tests/plugins/cmq_http/fixture.h"

#include <gtest/gtest.h>

namespace penstock::testing {
namespace {

namespace json = boost::json;

class CloudForm : public ::testing::Test {
  protected:
    CloudForm() {
        plugins::CmqOptions options;
        options.clock = &cmq.clock;
        options.app_id = 1250000001;
        cmq.front_end = plugins::make_cmq_cloud_front_end(cmq.broker, options);
    }

    // No client writes the dashes of a version as %2D.
    static std::string form(const Fields& fields) {
        std::string text = Cmq::form(fields);
        for (auto at = text.find("%2D"); at != std::string::npos; at = text.find("%2D")) {
            text.replace(at, 3, "-");
        }
        return text;
    }

    static plugins::HttpRequest request(const std::string& method, const std::string& form) {
        plugins::HttpRequest made = Cmq::post("");
        made.method = method;
        made.path = "/";
        (method == "POST" ? made.body : made.query) = form;
        return made;
    }

    json::object ask(Fields fields, const std::string& method = "POST") {
        fields = Cmq::complete(std::move(fields));
        fields.emplace_back("Signature", Cmq::signature(fields, method + "127.0.0.1:8080/"));
        auto made = request(method, form(fields));
        EXPECT_TRUE(cmq.front_end->wants(made));
        return cmq.send(std::move(made)).json.at("Response").as_object();
    }

    static std::string code(const json::object& response) {
        if (!response.contains("Error")) return "";
        return response.at("Error").at("Code").as_string().c_str();
    }

    static Fields of_cmq(const std::string& action, Fields more) {
        Fields fields{{"Action", action}, {"Version", "2019-03-04"}, {"Region", "ap-guangzhou"}};
        fields.insert(fields.end(), more.begin(), more.end());
        return fields;
    }

    Cmq cmq;
};

TEST_F(CloudForm, NumbersAndTruthsAreReadFromTheirTexts) {
    api::QueueView view;
    view.number = 42;
    cmq.broker.answer_with<api::CreateQueue>(view);
    const auto response = ask({{"Action", "CreateCmqQueue"},
                               {"Version", "2020-02-17"},
                               {"RequestClient", "SDK_GO_3.0"},
                               {"Language", "zh-CN"},
                               {"QueueName", "orders"},
                               {"VisibilityTimeout", "60"},
                               {"Trace", "True"},
                               {"RetentionSizeInMB", "0"},
                               {"DeadLetterQueueName", "dead"},
                               {"Policy", "0"},
                               {"MaxReceiveCount", "5"}});
    EXPECT_EQ(code(response), "") << json::serialize(response);
    EXPECT_EQ(response.at("QueueId").as_string(), "queue-0000002a");
    const auto* request = cmq.broker.last<api::CreateQueue>();
    ASSERT_NE(request, nullptr);
    EXPECT_EQ(request->name, "orders");
    EXPECT_EQ(request->change.visibility_s, 60U);
    ASSERT_TRUE(request->change.dead_letter.has_value());
    EXPECT_EQ(request->change.dead_letter->queue, "dead");
    EXPECT_EQ(request->change.dead_letter->max_receives, 5U);
    EXPECT_EQ(cmq.broker.principals.at(0).key_id, "AKIDdemo0001");
}

TEST_F(CloudForm, ListsAreReadFromNumberedNames) {
    cmq.broker.answer_with<api::Subscribe>(api::SubscriptionView{});
    cmq.broker.answer_with<api::ListQueues>(api::NamePage{});
    EXPECT_EQ(code(ask(of_cmq("CreateSubscribe",
                              {{"TopicName", "news"},
                               {"SubscriptionName", "sub"},
                               {"Protocol", "http"},
                               {"Endpoint", "http://a/b"},
                               {"FilterTag.0", "one"},
                               {"FilterTag.1", "2"}}))),
              "");
    ASSERT_NE(cmq.broker.last<api::Subscribe>(), nullptr);
    EXPECT_EQ(cmq.broker.last<api::Subscribe>()->spec.filter_tags,
              (std::vector<std::string>{"one", "2"}));
    EXPECT_EQ(code(ask(of_cmq("DescribeQueueDetail",
                              {{"Filters.0.Name", "QueueName"}, {"Filters.0.Values.0", "or"}}),
                       "GET")),
              "");
    ASSERT_NE(cmq.broker.last<api::ListQueues>(), nullptr);
    EXPECT_EQ(cmq.broker.last<api::ListQueues>()->search, "or");
}

TEST_F(CloudForm, BadFormsAreRefusedInApi3sWords) {
    const auto refused = [&](const Fields& more) {
        return code(ask(of_cmq("CreateSubscribe", more)));
    };
    EXPECT_EQ(refused({{"FilterTag.1", "a"}}), "InvalidParameter") << "a gap";
    EXPECT_EQ(refused({{"FilterTag.100", "a"}}), "InvalidParameter");
    EXPECT_EQ(refused({{"FilterTag", "a"}, {"FilterTag.0", "b"}}), "InvalidParameter");
    EXPECT_EQ(refused({{"FilterTag.0", "a"}, {"FilterTag.Name", "b"}}), "InvalidParameter");
    EXPECT_EQ(refused({{"0", "a"}}), "InvalidParameter");
    for (const std::string& part : {std::string(), std::string("a")}) {
        std::string deep = "Policy";
        while (deep.size() + part.size() < 64) deep += "." + part;
        EXPECT_EQ(code(ask(of_cmq("CreateQueue", {{"QueueName", "q"}, {deep, "1"}}))),
                  "InvalidParameter");
    }
    EXPECT_EQ(refused({{"Color", "red"}}), "UnknownParameter");
    EXPECT_EQ(refused({}), "MissingParameter");
    EXPECT_EQ(code(ask(of_cmq("CreateQueue", {{"QueueName", "q"}, {"MaxMsgSize", "big"}}))),
              "InvalidParameter");
    EXPECT_EQ(code(ask(of_cmq("CreateCmqQueue", {}))), "InvalidAction");
    EXPECT_EQ(code(ask(of_cmq("", {}))), "MissingParameter") << "of one version some have no name";
    EXPECT_EQ(code(ask(of_cmq("ClearQueue", {{"SecretId", "AKIDnobody"}}))),
              "AuthFailure.SecretIdNotFound");
    EXPECT_EQ(code(ask(of_cmq("ClearQueue", {{"Timestamp", "1700000301"}}))),
              "AuthFailure.SignatureFailure");
    auto changed = Cmq::complete(of_cmq("ClearQueue", {{"QueueName", "q"}}));
    changed.emplace_back("Signature", Cmq::signature(changed, "POST127.0.0.1:8080/"));
    for (auto& [name, value] : changed) {
        if (name == "QueueName") value = "r";
    }
    const auto reply = cmq.send(request("POST", form(changed)));
    EXPECT_EQ(code(reply.json.at("Response").as_object()), "AuthFailure.SignatureFailure");
    EXPECT_TRUE(cmq.broker.requests.empty());
}

TEST_F(CloudForm, WantsNoFormOfApi2) {
    const auto wanted = [&](const char* method, const char* form) {
        return cmq.front_end->wants(request(method, form));
    };
    EXPECT_TRUE(wanted("POST", "Version=2019-03-04&Action=CreateQueue"));
    EXPECT_TRUE(wanted("GET", "Action=CreateCmqQueue&Version=2020-02-17"));
    EXPECT_FALSE(wanted("PUT", "Version=2019-03-04"));
    EXPECT_FALSE(wanted("POST", "Action=SendMessage&Version=v2"));
    EXPECT_FALSE(wanted("POST", "Action=SendMessage&msgBody=Version=2019-03-04"));
    auto parts = request("POST",
                         "--b\r\nContent-Disposition: form-data; name=\"msgBody\"\r\n\r\n"
                         "a&Version=2019-03-04\r\n--b--");
    parts.headers = {{"content-type", "multipart/form-data; boundary=b"}};
    EXPECT_FALSE(cmq.front_end->wants(parts)) << "what a message says";
    auto elsewhere = request("POST", "Version=2019-03-04&Action=CreateQueue");
    elsewhere.path = "/v2/index.php";
    EXPECT_FALSE(cmq.front_end->wants(elsewhere));
}

}  // namespace
}  // namespace penstock::testing

// Every parameter of every action: missing, empty, out of range, of the wrong type, given twice,
// not UTF-8, too large. Whatever is refused never reaches the broker.
#include "tests/plugins/cmq_http/fixture.h"

#include <gtest/gtest.h>

namespace penstock::testing {
namespace {

struct ActionCase {
    std::string action;
    Fields required;
    Fields optional;
};

const Fields queue{{"queueName", "orders"}};
const Fields topic{{"topicName", "events"}};
const Fields both{{"topicName", "events"}, {"subscriptionName", "audit"}};
const Fields attributes{
    {"maxMsgHeapNum", "1000000"},
    {"pollingWaitSeconds", "5"},
    {"visibilityTimeout", "30"},
    {"maxMsgSize", "65536"},
    {"msgRetentionSeconds", "345600"},
    {"rewindSeconds", "60"},
    {"qps", "100"},
    {"deadLetterPolicy", R"({"deadLetterQueue":"dead","policy":0,"maxReceiveCount":3})"}};
const Fields page{{"searchWord", "o"}, {"offset", "0"}, {"limit", "10"}};
const Fields filters{{"notifyStrategy", "BACKOFF_RETRY"},
                     {"notifyContentFormat", "SIMPLIFIED"},
                     {"filterTag.1", "red"},
                     {"bindingKey.1", "a.*"}};

Fields operator+(Fields left, const Fields& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

const std::vector<ActionCase> actions{
    {"CreateQueue", queue, attributes},
    {"ListQueue", {}, page},
    {"GetQueueAttributes", queue, {}},
    {"SetQueueAttributes", queue, attributes},
    {"DeleteQueue", queue, {}},
    {"RewindQueue", queue + Fields{{"startConsumeTime", "1700000000"}}, {}},
    {"ClearQueue", queue, {}},
    {"UnbindDeadLetterQueue", queue, {}},
    {"ListDeadLetterSourceQueues", {{"deadLetterQueueName", "dead"}}, page},
    {"SendMessage",
     queue + Fields{{"msgBody", "hello"}},
     {{"delaySeconds", "5"}, {"dedupId", "once"}, {"orderingKey", "k"}}},
    {"BatchSendMessage",
     queue + Fields{{"msgBody.1", "hello"}},
     {{"delaySeconds", "5"}, {"dedupId", "once"}, {"orderingKey", "k"}}},
    {"ReceiveMessage", queue, {{"pollingWaitSeconds", "0"}}},
    {"BatchReceiveMessage", queue + Fields{{"numOfMsg", "16"}}, {{"pollingWaitSeconds", "0"}}},
    {"DeleteMessage", queue + Fields{{"receiptHandle", "123"}}, {}},
    {"BatchDeleteMessage", queue + Fields{{"receiptHandle.0", "123"}}, {}},
    {"CreateTopic",
     topic,
     {{"maxMsgSize", "65536"}, {"filterType", "1"}, {"msgRetentionSeconds", "60"}}},
    {"ListTopic", {}, page},
    {"GetTopicAttributes", topic, {}},
    {"SetTopicAttributes", topic, {{"maxMsgSize", "65536"}}},
    {"DeleteTopic", topic, {}},
    {"PublishMessage",
     topic + Fields{{"msgBody", "hello"}},
     {{"msgTag.1", "red"}, {"routingKey", "a.b"}, {"dedupId", "once"}, {"orderingKey", "k"}}},
    {"BatchPublishMessage",
     topic + Fields{{"msgBody.1", "hello"}},
     {{"msgTag.1", "red"}, {"routingKey", "a.b"}, {"dedupId", "once"}, {"orderingKey", "k"}}},
    {"Subscribe", both + Fields{{"protocol", "http"}, {"endpoint", "http://a.b/c"}}, filters},
    {"Unsubscribe", both, {}},
    {"ListSubscriptionByTopic", topic, page},
    {"GetSubscriptionAttributes", both, {}},
    {"SetSubscriptionAttributes", both, filters},
    {"ClearSubscriptionFilterTags", both, {}},
    {"QueryQueueRoute", queue, {}},
    {"QueryTopicRoute", topic, {}},
};

const ActionCase& case_of(const std::string& action) {
    return *std::find_if(actions.begin(), actions.end(), [&](const ActionCase& candidate) {
        return candidate.action == action;
    });
}

Fields whole(const ActionCase& given) {
    return Fields{{"Action", given.action}} + given.required + given.optional;
}

Fields replaced(Fields fields, const std::string& name, const std::string& value) {
    for (auto& field : fields) {
        if (field.first == name) field.second = value;
    }
    return fields;
}

// "msgBody" of "msgBody.1"
std::string bare(const std::string& name) {
    return name.substr(0, name.find('.'));
}

class BadInput : public ::testing::Test {
  protected:
    void expect(const Fields& fields, int code, const std::string& message, const char* why = "") {
        const auto reply = cmq.ask(fields);
        const std::string context = fields.at(0).second + ": " + why + ": " + reply.text;
        EXPECT_EQ(reply.status, 200U) << context;
        EXPECT_EQ(reply.code(), code) << context;
        EXPECT_EQ(reply.message(), message) << context;
        EXPECT_TRUE(reply.json.at("requestId").is_string()) << context;
        EXPECT_TRUE(cmq.broker.requests.empty()) << context;
        cmq.broker.requests.clear();
    }

    // `action` with `name` set to `value`, whatever else is good.
    void expect_value(const std::string& action,
                      const std::string& name,
                      const std::string& value,
                      int code,
                      const std::string& message) {
        Fields fields = whole(case_of(action));
        const bool known = std::any_of(
            fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; });
        if (!known) fields.emplace_back(name, value);
        expect(replaced(fields, name, value), code, message, (name + "=" + value).c_str());
    }

    Cmq cmq;
};

TEST_F(BadInput, TheGoodCallOfEveryActionReachesTheBroker) {
    for (const ActionCase& given : actions) {
        cmq.broker.requests.clear();
        const auto reply = cmq.ask(whole(given));
        EXPECT_EQ(reply.message(), "(10050)server internal error") << given.action << reply.text;
        EXPECT_EQ(cmq.broker.requests.size(), 1U) << given.action << reply.text;
        cmq.broker.requests.clear();
        cmq.ask(Fields{{"Action", given.action}} + given.required);
        EXPECT_EQ(cmq.broker.requests.size(), 1U) << given.action << " without options";
    }
}

TEST_F(BadInput, NamesEveryRequiredParameterThatIsMissing) {
    for (const ActionCase& given : actions) {
        for (const auto& [name, value] : given.required) {
            Fields fields = whole(given);
            std::erase_if(fields, [&](const auto& field) { return field.first == name; });
            expect(fields, 4000, "(10390)lacked of required parameter " + bare(name), "missing");
        }
    }
}

TEST_F(BadInput, RefusesEveryParameterGivenTwice) {
    for (const ActionCase& given : actions) {
        const Fields fields = whole(given);
        for (const auto& field : fields) {
            expect(fields + Fields{field},
                   4000,
                   "(10330)parameter " + field.first + " is NOT a repeatable parameter",
                   "twice");
        }
    }
}

TEST_F(BadInput, RefusesEveryParameterThatIsNotUtf8) {
    for (const ActionCase& given : actions) {
        const Fields fields = whole(given);
        for (const auto& field : fields) {
            for (const char* bytes : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "ab\xe2\x82"}) {
                expect(replaced(fields, field.first, bytes),
                       4000,
                       "(10110)request parameters error",
                       "not UTF-8");
            }
        }
    }
}

TEST_F(BadInput, RefusesIntegersThatAreNoneOrBeyondTheirRange) {
    struct Range {
        std::string action, name, low, high;
        std::string fault = "10350";
    };

    const std::vector<Range> ranges{
        {"CreateQueue", "maxMsgHeapNum", "999999", "1000000001"},
        {"CreateQueue", "pollingWaitSeconds", "-1", "31"},
        {"CreateQueue", "visibilityTimeout", "0", "43201"},
        {"CreateQueue", "maxMsgSize", "1023", "16777217"},
        {"CreateQueue", "msgRetentionSeconds", "59", "1296001"},
        {"CreateQueue", "rewindSeconds", "-1", "1296001"},
        {"CreateQueue", "qps", "-1", "1000001"},
        {"SetQueueAttributes", "maxMsgHeapNum", "999999", "1000000001"},
        {"SetQueueAttributes", "pollingWaitSeconds", "-1", "31"},
        {"SetQueueAttributes", "visibilityTimeout", "0", "43201"},
        {"SetQueueAttributes", "maxMsgSize", "1023", "16777217"},
        {"SetQueueAttributes", "msgRetentionSeconds", "59", "1296001"},
        {"SetQueueAttributes", "rewindSeconds", "-1", "1296001"},
        {"ReceiveMessage", "pollingWaitSeconds", "-1", "31"},
        {"BatchReceiveMessage", "pollingWaitSeconds", "-1", "31"},
        {"BatchReceiveMessage", "numOfMsg", "0", "17"},
        {"ListQueue", "offset", "-1", "1000001"},
        {"ListQueue", "limit", "-1", "51"},
        {"ListDeadLetterSourceQueues", "limit", "-1", "51"},
        {"ListTopic", "limit", "-1", "51"},
        {"ListSubscriptionByTopic", "offset", "-1", "1001"},
        {"ListSubscriptionByTopic", "limit", "-1", "101"},
        {"CreateTopic", "maxMsgSize", "1023", "16777217"},
        {"CreateTopic", "filterType", "0", "3"},
        {"CreateTopic", "msgRetentionSeconds", "59", "86401"},
        {"SetTopicAttributes", "maxMsgSize", "1023", "16777217"},
        {"SetTopicAttributes", "qps", "-1", "1000001"},
    };
    for (const Range& range : ranges) {
        const std::string beyond =
            "(10350)parameter " + range.name + " value or length is out of range";
        const std::string type = "(10360)parameter " + range.name + " error type";
        expect_value(range.action, range.name, range.low, 4000, beyond);
        expect_value(range.action, range.name, range.high, 4000, beyond);
        expect_value(range.action, range.name, "99999999999999999999", 4000, beyond);
        for (const char* wrong : {"", "abc", "1.0", "0x10", " 1", "1e3", "+1", "-", "--1"}) {
            expect_value(range.action, range.name, wrong, 4000, type);
        }
    }
}

TEST_F(BadInput, HasItsOwnCodesForDelaysAndRewinds) {
    const std::string rewind =
        "(10680)invalid rewind time, you can get the vaild range of that via GetQueueAttributes";
    for (const char* action : {"SendMessage", "BatchSendMessage"}) {
        for (const char* beyond : {"-1", "3601", "99999999999999999999"}) {
            expect_value(
                action, "delaySeconds", beyond, 4000, "(10692)delay seconds is out of range");
        }
        expect_value(
            action, "delaySeconds", "soon", 4000, "(10360)parameter delaySeconds error type");
    }
    expect_value("RewindQueue", "startConsumeTime", "-1", 4000, rewind);
    expect_value("RewindQueue", "startConsumeTime", "99999999999", 4000, rewind);
    expect_value("RewindQueue",
                 "startConsumeTime",
                 "now",
                 4000,
                 "(10360)parameter startConsumeTime error type");
}

TEST_F(BadInput, RefusesMalformedNamesOfEveryKind) {
    const std::vector<std::string> malformed{"",
                                             "1orders",
                                             "-orders",
                                             "_orders",
                                             "or ders",
                                             "or/ders",
                                             "ord\u00e9rs",
                                             "or.ders",
                                             std::string(65, 'a'),
                                             std::string(2000, 'a'),
                                             std::string("or\0ders", 7)};
    const std::map<std::string, std::string> faults{
        {"queueName", "(10020)queue name format error"},
        {"deadLetterQueueName", "(10020)queue name format error"},
        {"topicName", "(10590)topic name format error"},
        {"subscriptionName", "(10590)subscription name format error"}};
    for (const ActionCase& given : actions) {
        for (const auto& [name, value] : given.required) {
            const auto fault = faults.find(name);
            if (fault == faults.end()) continue;
            for (const std::string& bad : malformed) {
                expect_value(given.action, name, bad, 4000, fault->second);
            }
        }
    }
}

TEST_F(BadInput, TakesAnAutomaticDeadLetterQueueEverywhereButAtItsCreation) {
    const auto reply = cmq.ask({{"Action", "ReceiveMessage"}, {"queueName", "events.audit.dlq"}});
    EXPECT_EQ(cmq.broker.last<api::ReceiveMessages>()->queue, "events.audit.dlq") << reply.text;
    cmq.broker.requests.clear();
    expect_value(
        "CreateQueue", "queueName", "events.audit.dlq", 4000, "(10020)queue name format error");
}

TEST_F(BadInput, RefusesBodiesThatAreEmptyOrTooLarge) {
    const std::string large(1024 * 1024 + 1, 'x');
    const std::string too_large(16 * 1024 * 1024 + 1, 'x');
    for (const char* action : {"SendMessage", "PublishMessage"}) {
        expect_value(action, "msgBody", "", 4000, "(10120)message body can't be empty");
        expect_value(action, "msgBody", too_large, 4400, "(10230)exceed maximum message size");
    }
    for (const char* action : {"BatchSendMessage", "BatchPublishMessage"}) {
        expect_value(action, "msgBody.1", "", 4000, "(10120)message body can't be empty");
        expect_value(action, "msgBody.1", large, 4400, "(10230)exceed maximum message size");
        expect_value(action,
                     "msgBody.2",
                     std::string(1024 * 1024 - 4, 'x'),
                     4470,
                     "(10300)total message size exceed 1MB");
    }
}

TEST_F(BadInput, RefusesListsThatAreTooLongHaveGapsOrBadIndices) {
    const std::vector<std::tuple<std::string, std::string, std::size_t, std::string>> lists{
        {"BatchSendMessage", "msgBody", 16, "(10370)msgBody parameter batch size is out of range"},
        {"BatchPublishMessage",
         "msgBody",
         16,
         "(10370)msgBody parameter batch size is out of range"},
        {"BatchDeleteMessage",
         "receiptHandle",
         16,
         "(10370)receiptHandle parameter batch size is out of range"},
        {"PublishMessage", "msgTag", 5, "(10720)too many msgTag"},
        {"BatchPublishMessage", "msgTag", 5, "(10720)too many msgTag"},
        {"Subscribe", "filterTag", 5, "(10490)number of filterTag exceed limit"},
        {"Subscribe", "bindingKey", 5, "(10680)too many bindingKey"},
        {"SetSubscriptionAttributes", "filterTag", 5, "(10490)number of filterTag exceed limit"},
        {"SetSubscriptionAttributes", "bindingKey", 5, "(10680)too many bindingKey"}};
    for (const auto& [action, name, items_max, fault] : lists) {
        Fields fields = whole(case_of(action));
        std::erase_if(fields,
                      [&, list = name](const auto& field) { return bare(field.first) == list; });
        Fields many = fields;
        for (std::size_t at = 0; at <= items_max; ++at) {
            many.emplace_back(name + "." + std::to_string(at), "1");
        }
        expect(many, 4000, fault, "one too many");
        const std::string gap = "(10380)" + name + " parameter is not consequent";
        expect(fields + Fields{{name + ".0", "1"}, {name + ".2", "1"}}, 4000, gap, "gap");
        expect(fields + Fields{{name + ".2", "1"}, {name + ".3", "1"}}, 4000, gap, "from 2");
        const std::string key = "(10310)error: parameter " + name + " key format error";
        for (const char* index : {".", ".x", ".01", ".-1", ".1.1", ".9999"}) {
            expect(fields + Fields{{name + index, "1"}}, 4000, key, index);
        }
        const std::string type = "(10360)parameter " + name + " error type";
        expect(fields + Fields{{name, "1"}}, 4000, type, "no list");
    }
}

TEST_F(BadInput, RefusesTagsKeysAndOtherTextBeyondTheirLength) {
    const auto range = [](const std::string& name) {
        return "(10350)parameter " + name + " value or length is out of range";
    };
    const std::string seventeen = "\u00e9\u00e9\u00e9\u00e9\u00e9678901234567";
    for (const char* action : {"PublishMessage", "BatchPublishMessage"}) {
        expect_value(action, "msgTag.1", seventeen, 4000, range("msgTag.1"));
        expect_value(action, "msgTag.1", "", 4000, range("msgTag.1"));
        expect_value(action, "routingKey", std::string(65, 'k'), 4000, range("routingKey"));
        expect_value(
            action, "routingKey", std::string(16, '.'), 4000, "(10691)too many delimeters");
        expect_value(action, "dedupId", "", 4000, range("dedupId"));
        expect_value(action, "dedupId", std::string(129, 'd'), 4000, range("dedupId"));
    }
    for (const char* action : {"Subscribe", "SetSubscriptionAttributes"}) {
        expect_value(action, "filterTag.1", seventeen, 4000, range("filterTag.1"));
        expect_value(action, "bindingKey.1", "", 4000, range("bindingKey.1"));
        expect_value(action, "bindingKey.1", std::string(65, 'k'), 4000, range("bindingKey.1"));
        expect_value(
            action, "bindingKey.1", std::string(16, '.'), 4000, "(10691)too many delimeters");
    }
    expect_value("SendMessage", "dedupId", std::string(129, 'd'), 4000, range("dedupId"));
    expect_value("ListQueue", "searchWord", std::string(65, 's'), 4000, range("searchWord"));
}

TEST_F(BadInput, RefusesReceiptsThatAreNoNumber) {
    for (const char* bad : {"", "abc", "-1", "18446744073709551616"}) {
        expect_value("DeleteMessage", "receiptHandle", bad, 4000, "(10470)receiptHandle error");
    }
}

TEST_F(BadInput, RefusesAnOffsetWithoutALimit) {
    for (const char* action :
         {"ListQueue", "ListTopic", "ListDeadLetterSourceQueues", "ListSubscriptionByTopic"}) {
        Fields fields = whole(case_of(action));
        std::erase_if(fields, [](const auto& field) { return field.first == "limit"; });
        expect(fields, 4000, "(10390)lacked of required parameter limit");
    }
}

TEST_F(BadInput, ChecksSubscriptionsWordByWord) {
    const auto subscribe =
        [this](const char* name, const std::string& value, int code, const std::string& message) {
            expect_value("Subscribe", name, value, code, message);
        };
    subscribe("protocol", "", 4000, "(10510)undefined protocol");
    subscribe("protocol", "smtp", 4000, "(10510)undefined protocol");
    for (const char* endpoint :
         {"", "https://", "ftp://a/b", "a.b/c", "http:///b", "http://a:99999/b", "http://a:b@c/"}) {
        subscribe("endpoint", endpoint, 4000, "(10500)endpoint format error");
    }
    subscribe("endpoint", "http://" + std::string(494, 'a'), 4000, "(10500)endpoint format error");
    for (const char* endpoint :
         {"http://a b/", "http://a/\t", "http://a/\r\nHost: b", " http://a"}) {
        subscribe("endpoint", endpoint, 4510, "(10570)url connot contain any blank characters");
    }
    subscribe("notifyStrategy", "NEVER", 4000, "(10520)undefined notify retry stragety");
    subscribe("notifyStrategy", "", 4000, "(10520)undefined notify retry stragety");
    subscribe("notifyContentFormat", "XML", 4000, "(10530)undefined notify content format");
    for (const char* action : {"Subscribe", "SetSubscriptionAttributes"}) {
        expect_value(
            action, "notifyStrategy", "NEVER", 4000, "(10520)undefined notify retry stragety");
        expect_value(
            action, "notifyContentFormat", "xml", 4000, "(10530)undefined notify content format");
    }
    Fields to_queue{{"Action", "Subscribe"},
                    {"topicName", "events"},
                    {"subscriptionName", "audit"},
                    {"protocol", "queue"},
                    {"endpoint", "orders"},
                    {"notifyContentFormat", "JSON"}};
    expect(to_queue, 4000, "(10640)notifyContentFormat of protocol queue must be SIMPLIFIED");
    expect(replaced(to_queue, "endpoint", "http://a/b"), 4000, "(10630)illegal endpoint");
}

TEST_F(BadInput, ChecksTheDeadLetterPolicyWordByWord) {
    const std::string json = "(10710)deadLetterPolicy must be a json string";
    const std::string values = "(10720)deadLetterPolicy params error,please check it";
    const std::string queue_missing = "(10760)deadLetterPolicy lacks string deadLetterQueue";
    const std::string kind = "(10770)deadLetterPolicy lacks policy 0 or 1";
    const std::vector<std::pair<std::string, std::string>> policies{
        {"", json},
        {"dead", json},
        {"[]", json},
        {"\"dead\"", json},
        {R"({"deadLetterQueue":"dead",})", json},
        {std::string(3000, '['), json},
        {"{}", queue_missing},
        {R"({"deadLetterQueue":7,"policy":0,"maxReceiveCount":3})", queue_missing},
        {R"({"deadLetterQueue":"1dead","policy":0})", "(10730)deadLetter queue not exist"},
        {R"({"deadLetterQueue":"dead"})", kind},
        {R"({"deadLetterQueue":"dead","policy":2})", kind},
        {R"({"deadLetterQueue":"dead","policy":true})", kind},
        {R"({"deadLetterQueue":"dead","policy":0})", values},
        {R"({"deadLetterQueue":"dead","policy":0,"maxReceiveCount":0})", values},
        {R"({"deadLetterQueue":"dead","policy":0,"maxReceiveCount":1001})", values},
        {R"({"deadLetterQueue":"dead","policy":0,"maxReceiveCount":2.5})", values},
        {R"({"deadLetterQueue":"dead","policy":1})", values},
        {R"({"deadLetterQueue":"dead","policy":1,"maxTimeToLive":299})", values},
        {R"({"deadLetterQueue":"dead","policy":1,"maxTimeToLive":43201})", values}};
    for (const auto& [policy, fault] : policies) {
        expect_value("CreateQueue", "deadLetterPolicy", policy, 4000, fault);
        expect_value("SetQueueAttributes", "deadLetterPolicy", policy, 4000, fault);
    }
    expect({{"Action", "CreateQueue"},
            {"queueName", "orders"},
            {"msgRetentionSeconds", "600"},
            {"deadLetterPolicy", R"({"deadLetterQueue":"dead","policy":1,"maxTimeToLive":600})"}},
           4000,
           values,
           "not below retention");
}

TEST_F(BadInput, RefusesFormsThatAreNone) {
    const std::vector<std::pair<std::string, std::string>> forms{
        {"Action=ListQueue&x=%zz", "(10110)request parameters error"},
        {"Action=ListQueue&x=%4", "(10110)request parameters error"},
        {"Action=ListQueue&x=%", "(10110)request parameters error"},
        {"Action=ListQueue&=1", "(10310)error: parameter  key format error"},
        {"Action=ListQueue&a%20b=1", "(10310)error: parameter a b key format error"},
        {"Action=ListQueue&a%00%22b=1", "(10310)error: parameter a?\"b key format error"},
        {"Action=ListQueue&a%ff=1", "(10310)error: parameter a? key format error"},
        {"", "(10390)lacked of required parameter Action"},
        {"&&&", "(10390)lacked of required parameter Action"},
        {R"({"Action":"ListQueue"})",
         R"((10310)error: parameter {"Action":"ListQueue"} key format error)"}};
    for (const auto& [form, message] : forms) {
        const auto reply = cmq.send(Cmq::post(form));
        EXPECT_EQ(reply.code(), 4000) << form;
        EXPECT_EQ(reply.message(), message) << form;
    }
    std::string many = "Action=ListQueue";
    for (int at = 0; at < 256; ++at) many += "&p" + std::to_string(at) + "=1";
    EXPECT_EQ(cmq.send(Cmq::post(many)).message(), "(10110)request parameters error");
    EXPECT_TRUE(cmq.broker.requests.empty());
}

TEST_F(BadInput, RefusesActionsThatAreNone) {
    expect({{"Action", "DropDatabase"}}, 4000, "(10430)action name DropDatabase is not existed");
    expect({{"Action", ""}}, 4000, "(10430)action name  is not existed");
    expect({{"Action", std::string(5000, 'A')}}, 4000, "(10430)action name  is not existed");
}

TEST_F(BadInput, WordsTheListenersRefusalsInItsOwnEnvelope) {
    plugins::HttpRequest request = Cmq::post("");
    const auto overloaded = cmq.front_end->refuse(request, 503);
    ASSERT_TRUE(overloaded.has_value());
    EXPECT_EQ(boost::json::parse(overloaded->body).as_object().at("code").to_number<int>(), 4480);
    const auto large = cmq.front_end->refuse(request, 413);
    ASSERT_TRUE(large.has_value());
    EXPECT_EQ(large->status, 200U);
    const auto json = boost::json::parse(large->body).as_object();
    EXPECT_EQ(json.at("code").to_number<int>(), 4000);
    EXPECT_EQ(json.at("message").as_string(),
              "(10420)cannot parse body, or request size is more than 1MB");
}

}  // namespace
}  // namespace penstock::testing

// For every route: what it refuses before the broker hears of it, and how it says so.
#include "tests/plugins/native/fixture.h"

namespace penstock::testing {

namespace {

struct BadInput {
    std::string method;
    std::string target;
    std::string body;
    std::string subject;
    std::string said;  // part of the detail
};

class NativeBadInput : public NativeFixture {
  protected:
    void refuses(const std::vector<BadInput>& table) {
        for (const auto& row : table) {
            const auto response = ask(row.method, row.target, row.body);
            const std::string name = row.method + " " + row.target + " " + row.body;
            EXPECT_EQ(response.status, 400U) << name;
            const auto problem = json(response);
            EXPECT_EQ(text(problem, "code"), "invalid_parameter") << name;
            EXPECT_EQ(text(problem, "subject"), row.subject) << name;
            EXPECT_NE(text(problem, "detail").find(row.said), std::string::npos)
                << name << "\n"
                << text(problem, "detail");
        }
        EXPECT_TRUE(broker.requests.empty());
    }

    // A body with one field of each wrong kind.
    static std::vector<BadInput> number(const std::string& method,
                                        const std::string& target,
                                        const std::string& before,
                                        const std::string& name,
                                        const std::vector<std::string>& out_of_range,
                                        const std::string& said) {
        std::vector<BadInput> table;
        std::vector<std::string> values = {
            "-1", "1.5", "\"30\"", "true", "[]", "{}", "99999999999999999999", "1e2"};
        values.insert(values.end(), out_of_range.begin(), out_of_range.end());
        for (const auto& value : values) {
            std::string body = "{" + before;
            if (!before.empty()) body += ",";
            body.append("\"").append(name).append("\":").append(value).append("}");
            table.push_back({method, target, body, name, said});
        }
        return table;
    }
};

TEST_F(NativeBadInput, QueueAttributes) {
    const std::string named = "\"name\":\"jobs\"";
    for (const auto& [method, target, before] :
         {std::tuple<std::string, std::string, std::string>{"POST", "/v1/queues", named},
          std::tuple<std::string, std::string, std::string>{"PATCH", "/v1/queues/jobs", ""}}) {
        refuses(number(method, target, before, "visibility", {"0", "43201"}, "1 to 43200"));
        refuses(number(method, target, before, "retention", {"59", "1296001"}, "60 to 1296000"));
        refuses(number(method, target, before, "rewind", {"1296001"}, "0 to 1296000"));
        refuses(number(method, target, before, "poll", {"31"}, "0 to 30"));
        refuses(number(method, target, before, "qps", {"1000001"}, "0 to 1000000"));
        refuses(
            number(method, target, before, "max_size", {"1023", "16777217"}, "1024 to 16777216"));
        refuses(number(method,
                       target,
                       before,
                       "max_messages",
                       {"999999", "1000000001"},
                       "1000000 to 1000000000"));
    }
    refuses({
        {"POST", "/v1/queues", "", "name", "is missing"},
        {"POST", "/v1/queues", R"({"name":5})", "name", "must be text"},
        {"POST", "/v1/queues", R"({"name":""})", "name", "1 to 64 bytes"},
        {"POST", "/v1/queues", R"({"name":null})", "name", "is missing"},
        {"POST", "/v1/queues", R"({"name":"a\u0001"})", "name", "control characters"},
        {"POST",
         "/v1/queues",
         "{\"" + std::string(63, 'a') + "ü\":1}",
         std::string(63, 'a'),
         "no such"},
        {"POST", "/v1/queues", R"({"nam":"a"})", "nam", "Did you mean 'name'?"},
        {"POST", "/v1/queues", R"({"foo":"a"})", "foo", "no such field. Allowed: name"},
        {"PATCH", "/v1/queues/jobs", R"({"name":"a"})", "name", "no such field"},
        {"PATCH", "/v1/queues/jobs", R"({"paused":1})", "paused", "true or false"},
        {"POST", "/v1/queues?x=1", R"({"name":"a"})", "query", "takes no query"},
    });
}

TEST_F(NativeBadInput, QueueDeadLetters) {
    const std::string target = "/v1/queues/jobs";
    refuses({
        {"PATCH", target, R"({"dead_letter":5})", "dead_letter", "must be an object"},
        {"PATCH", target, R"({"dead_letter":{}})", "dead_letter.queue", "is missing"},
        {"PATCH",
         target,
         R"({"dead_letter":{"queue":"d"}})",
         "dead_letter.max_receives",
         "exactly one"},
        {"PATCH",
         target,
         R"({"dead_letter":{"queue":"d","max_receives":1,"time_to_live":300}})",
         "dead_letter.max_receives",
         "exactly one"},
        {"PATCH",
         target,
         R"({"dead_letter":{"queue":"d","max_receives":1001}})",
         "dead_letter.max_receives",
         "1 to 1000"},
        {"PATCH",
         target,
         R"({"dead_letter":{"queue":"d","time_to_live":299}})",
         "dead_letter.time_to_live",
         "300 to 43200"},
        {"PATCH",
         target,
         R"({"dead_letter":{"queue":"d","max_receive":1}})",
         "dead_letter.max_receive",
         "Did you mean 'dead_letter.max_receives'?"},
    });
}

TEST_F(NativeBadInput, RoutesWithoutParametersTakeNone) {
    for (const auto& [method, target] : std::vector<std::pair<std::string, std::string>>{
             {"GET", "/v1/queues/jobs"},
             {"DELETE", "/v1/queues/jobs"},
             {"POST", "/v1/queues/jobs/clear"},
             {"GET", "/v1/topics/orders"},
             {"DELETE", "/v1/topics/orders"},
             {"GET", "/v1/subscriptions/orders/billing"},
             {"DELETE", "/v1/subscriptions/orders/billing"},
             {"POST", "/v1/subscriptions/orders/billing/pause"},
             {"POST", "/v1/subscriptions/orders/billing/resume"},
             {"GET", "/v1/messages/1/track"},
             {"GET", "/v1/status"}}) {
        refuses({{method, target + "?x=1", "", "query", "takes no query"},
                 {method, target, "{}", "body", "takes no body"}});
    }
}

TEST_F(NativeBadInput, Lists) {
    for (const char* path : {"/v1/queues",
                             "/v1/topics",
                             "/v1/subscriptions",
                             "/v1/dead-letters",
                             "/v1/topics/orders/subscriptions"}) {
        const std::string target = path;
        refuses({
            {"GET", target + "?limit=0", "", "limit", "1 to 100"},
            {"GET", target + "?limit=101", "", "limit", "1 to 100"},
            {"GET", target + "?limit=", "", "limit", "1 to 100"},
            {"GET", target + "?limit=1.5", "", "limit", "1 to 100"},
            {"GET", target + "?limit=1&limit=2", "", "limit", "is there twice"},
            {"GET", target + "?cursor=zzz", "", "cursor", "next_cursor of an earlier page"},
            {"GET", target + "?cursor=", "", "cursor", "1 to 64 bytes"},
            {"GET", target + "?search=" + std::string(65, 'a'), "", "search", "0 to 64 bytes"},
            {"GET", target + "?serch=a", "", "serch", "Did you mean 'search'?"},
        });
    }
    refuses({
        {"GET", "/v1/queues?all=yes", "", "all", "true or false"},
        {"GET", "/v1/dead-letters/dead?limit=1001", "", "limit", "1 to 1000"},
        {"GET", "/v1/dead-letters/dead?cursor=bjo3", "", "cursor", "earlier page"},
        {"GET", "/v1/deliveries?status=bad", "", "status", "ok, failed, retry, parked"},
        {"GET", "/v1/deliveries?limit=x", "", "limit", "1 to 1000"},
        {"GET", "/v1/deliveries?subscription=a", "", "subscription", "3 to 129 bytes"},
        {"GET", "/v1/deliveries?cursor=bjo3", "", "cursor", "earlier page"},
        {"GET", "/v1/messages/x/track", "", "id", "decimal digits"},
        {"GET", "/v1/messages/0/track", "", "id", "decimal digits"},
        {"GET", "/v1/messages/18446744073709551616/track", "", "id", "decimal digits"},
    });
}

TEST_F(NativeBadInput, Sending) {
    const std::string long_key(65, 'k');
    refuses({
        {"POST", "/v1/queues/jobs/messages?delay=-1", "x", "delay", "0 to 1296000"},
        {"POST", "/v1/queues/jobs/messages?delay=1296001", "x", "delay", "0 to 1296000"},
        {"POST", "/v1/queues/jobs/messages?delay=5s", "x", "delay", "0 to 1296000"},
        {"POST", "/v1/queues/jobs/messages?tag=a", "x", "tag", "no such field"},
        {"POST", "/v1/topics/orders/messages?tag=", "x", "tag", "1 to 64 bytes"},
        {"POST", "/v1/topics/orders/messages?tag=a%0Ab", "x", "tag", "control characters"},
        {"POST", "/v1/topics/orders/messages?tags=a", "x", "tags", "Did you mean 'tag'?"},
        {"POST", "/v1/topics/orders/messages?key=" + long_key, "x", "key", "1 to 64 bytes"},
        {"POST",
         "/v1/topics/orders/messages?want_receiver=1",
         "x",
         "want_receiver",
         "true or false"},
    });
    for (const auto& [name, subject] : {std::pair("idempotency-key", "Idempotency-Key"),
                                        std::pair("content-type", "Content-Type")}) {
        for (const std::string& value : {std::string(129, 'k'), std::string("\xFF")}) {
            auto made = request("POST", "/v1/queues/jobs/messages", "x");
            made.headers.emplace_back(name, value);
            EXPECT_EQ(text(json(ask(std::move(made))), "subject"), subject);
        }
    }
    auto nothing_in_it = request("POST", "/v1/topics/orders/messages", "x");
    nothing_in_it.headers.emplace_back("idempotency-key", "");
    EXPECT_EQ(text(json(ask(std::move(nothing_in_it))), "subject"), "Idempotency-Key")
        << "whoever names a key means to have one";
    EXPECT_TRUE(broker.requests.empty());
}

TEST_F(NativeBadInput, Batches) {
    for (const std::string target :
         {"/v1/queues/jobs/messages/batch", "/v1/topics/orders/messages/batch"}) {
        std::string seventeen = "{\"messages\":[{\"body\":\"x\"}";
        for (int more = 0; more < 16; ++more) {
            seventeen += ",{\"body\":\"x\"}";
        }
        refuses({
            {"POST", target, "", "messages", "is missing"},
            {"POST", target, R"({"messages":[]})", "messages", "1 to 16"},
            {"POST", target, seventeen + "]}", "messages", "1 to 16"},
            {"POST", target, R"({"messages":{}})", "messages", "1 to 16"},
            {"POST", target, R"({"messages":["x"]})", "messages[0]", "must be an object"},
            {"POST", target, R"({"messages":[{}]})", "messages[0].body", "exactly one"},
            {"POST",
             target,
             R"({"messages":[{"body":"x","body_base64":"eA=="}]})",
             "messages[0].body",
             "exactly one"},
            {"POST", target, R"({"messages":[{"body":""}]})", "messages[0].body", "1 to 16777216"},
            {"POST", target, R"({"messages":[{"body":{}}]})", "messages[0].body", "must be text"},
            {"POST", target, R"({"messages":[{"body":null}]})", "messages[0].body", "must be text"},
            {"POST",
             target,
             R"({"messages":[{"body_base64":"eA="}]})",
             "messages[0].body_base64",
             "4 to 22369624"},
            {"POST",
             target,
             R"({"messages":[{"body_base64":"!!!!"}]})",
             "messages[0].body_base64",
             "padded standard base64"},
            {"POST",
             target,
             R"({"messages":[{"body":"x","attributes":[]}]})",
             "messages[0].attributes",
             "object of at most 16"},
            {"POST",
             target,
             R"({"messages":[{"body":"x","attributes":{"a":1}}]})",
             "messages[0].attributes.a",
             "must be text"},
            {"POST",
             target,
             R"({"messages":[{"body":"x","attributes":{"":"v"}}]})",
             "messages[0].attributes",
             "1 to 64"},
            {"POST", target, R"({"messages":[{"body":"x"}],"delay":"5"})", "delay", "0 to 1296000"},
        });
    }
}

TEST_F(NativeBadInput, Consuming) {
    refuses(number("POST", "/v1/queues/jobs/receive", "", "max", {"0", "17"}, "1 to 16"));
    refuses(number("POST", "/v1/queues/jobs/receive", "", "wait", {"31"}, "0 to 30"));
    refuses(
        number("POST", "/v1/queues/jobs/receive", "", "visibility", {"0", "43201"}, "1 to 43200"));
    refuses(number("POST",
                   "/v1/queues/jobs/visibility",
                   "\"receipt\":\"1\"",
                   "visibility",
                   {"43201", "null"},
                   "0 to 43200"));
    refuses({
        {"POST", "/v1/queues/jobs/ack", "", "receipts", "is missing"},
        {"POST", "/v1/queues/jobs/ack", R"({"receipts":[]})", "receipts", "1 to 16"},
        {"POST", "/v1/queues/jobs/ack", R"({"receipts":"1"})", "receipts", "1 to 16"},
        {"POST", "/v1/queues/jobs/ack", R"({"receipts":[1]})", "receipts", "must be text"},
        {"POST", "/v1/queues/jobs/ack", R"({"receipts":["x"]})", "receipts", "decimal digits"},
        {"POST", "/v1/queues/jobs/visibility", R"({"visibility":1})", "receipt", "is missing"},
        {"POST", "/v1/queues/jobs/visibility", R"({"receipt":"1"})", "visibility", "is missing"},
        {"POST",
         "/v1/queues/jobs/visibility",
         R"({"receipt":"-1","visibility":1})",
         "receipt",
         "decimal digits"},
        {"POST", "/v1/queues/jobs/rewind", "", "to", "is missing"},
        {"POST", "/v1/queues/jobs/rewind", R"({"to":"yesterday"})", "to", "RFC 3339"},
        {"POST", "/v1/queues/jobs/rewind", R"({"to":1700000000})", "to", "RFC 3339"},
    });
}

TEST_F(NativeBadInput, Topics) {
    const std::string named = "\"name\":\"orders\"";
    refuses(number("POST", "/v1/topics", named, "retention", {"59", "1296001"}, "60 to 1296000"));
    refuses(number("POST", "/v1/topics", named, "max_size", {"1023"}, "1024 to 16777216"));
    refuses(number("PATCH", "/v1/topics/orders", "", "retention", {"59"}, "60 to 1296000"));
    refuses({
        {"POST", "/v1/topics", "", "name", "is missing"},
        {"POST", "/v1/topics", R"({"name":"a","match":"words"})", "match", "tags, key"},
        {"POST", "/v1/topics", R"({"name":"a","match":1})", "match", "tags, key"},
        {"PATCH", "/v1/topics/orders", R"({"match":"key"})", "match", "no such field"},
    });
}

TEST_F(NativeBadInput, Subscriptions) {
    const std::string target = "/v1/topics/orders/subscriptions";
    const std::string made = "\"name\":\"b\",\"http\":{\"url\":\"http://x.example\"}";
    refuses(number("POST", target, made, "concurrency", {"0", "1001"}, "1 to 1000"));
    refuses(number("POST", target, made, "timeout_ms", {"99", "300001"}, "100 to 300000"));
    const auto with = [&](const std::string& more) {
        return "{" + made + "," + more + "}";
    };
    refuses({
        {"POST", target, "", "name", "is missing"},
        {"POST", target, R"({"name":"b"})", "http", "exactly one of http, queue"},
        {"POST",
         target,
         R"({"name":"b","http":{"url":"http://x"},"queue":{"name":"q"}})",
         "http",
         "exactly one of http, queue"},
        {"POST", target, R"({"name":"b","http":"http://x"})", "http", "must be an object"},
        {"POST", target, R"({"name":"b","http":null})", "http", "must be an object"},
        {"POST", target, R"({"name":"b","http":{}})", "http.url", "is missing"},
        {"POST", target, R"({"name":"b","queue":{"url":"q"}})", "queue.url", "no such field"},
        {"POST", target, with(R"("tags":"a")"), "tags", "0 to 16"},
        {"POST", target, with(R"("tags":[""])"), "tags", "1 to 64"},
        {"POST", target, with(R"("bind":[1])"), "bind", "must be text"},
        {"POST", target, with(R"("format":"xml")"), "format", "cmq-json, simplified"},
        {"POST", target, with(R"("dead_letter":5)"), "dead_letter", "must be text"},
        {"POST", target, with(R"("paused":"no")"), "paused", "true or false"},
        {"PATCH",
         "/v1/subscriptions/orders/b",
         R"({"queue":{"name":"q"}})",
         "queue",
         "no such field"},
        {"PATCH",
         "/v1/subscriptions/orders/b",
         R"({"http":{"url":5}})",
         "http.url",
         "must be text"},
    });
}

TEST_F(NativeBadInput, UrlsThatCouldNeverBeCalled) {
    const std::string target = "/v1/topics/orders/subscriptions";
    const auto to = [](const std::string& url) {
        return R"({"name":"b","http":{"url":")" + url + "\"}}";
    };
    refuses({
        {"POST", target, to("x.example/hook"), "http.url", "http://host/path is expected"},
        {"POST", target, to("x.ex"), "http.url", "http://host/path is expected"},
        {"POST", target, to("http:///hook"), "http.url", "the URL"},
        {"POST", target, to("http://x.example:99999/"), "http.url", "a port outside 1-65535"},
        {"POST", target, to("http://a:b@x.example/"), "http.url", "a user name or password"},
        {"POST", target, to("http://x.example/#a"), "http.url", "a fragment"},
        {"PATCH",
         "/v1/subscriptions/orders/b",
         R"({"http":{"url":"http://[::1/hook"}})",
         "http.url",
         "the URL"},
    });
}

TEST_F(NativeBadInput, AQueueTakesTheBareMessageOnly) {
    refuses({{"POST",
              "/v1/topics/orders/subscriptions",
              R"({"name":"b","queue":{"name":"q"},"format":"cmq-json"})",
              "format",
              "the bare message"}});
}

TEST_F(NativeBadInput, RangesOfTimesSayTheirUnit) {
    refuses({{"POST",
              "/v1/queues",
              R"({"name":"a","visibility":43201})",
              "visibility",
              "from 1 to 43200 seconds."},
             {"POST",
              "/v1/topics/orders/subscriptions",
              R"({"name":"b","http":{"url":"http://x"},"timeout_ms":1})",
              "timeout_ms",
              "from 100 to 300000 milliseconds."}});
}

TEST_F(NativeBadInput, AddressesOfNodes) {
    for (const char* address : {"host", "host:0", "host:70000", ":7072", "a:b:7072", "host:x"}) {
        refuses({{"POST",
                  "/v1/cluster/nodes",
                  R"({"id":4,"address":")" + std::string(address) + "\"}",
                  "address",
                  "HOST:PORT"}});
    }
}

TEST_F(NativeBadInput, RetryPolicies) {
    const std::string target = "/v1/topics/orders/subscriptions";
    const auto with = [](const std::string& retry) {
        return "{\"name\":\"b\",\"http\":{\"url\":\"http://x.example\"}," + retry + "}";
    };
    refuses({
        {"POST", target, with(R"("retry":"never")"), "retry", "backoff, exponential"},
        {"POST", target, with(R"("retry":5)"), "retry", "must be an object"},
        {"POST", target, with(R"("retry":{})"), "retry.steps", "is missing"},
        {"POST", target, with(R"("retry":{"steps":[]})"), "retry.steps", "1 to 64"},
        {"POST",
         target,
         with(R"("retry":{"steps":[{"max_ms":5}]})"),
         "retry.steps[0].min_ms",
         "is missing"},
        {"POST",
         target,
         with(R"("retry":{"steps":[{"min_ms":5,"max_ms":4}]})"),
         "retry.steps[0].max_ms",
         "must not be below min_ms"},
        {"POST",
         target,
         with(R"("retry":{"steps":[{"min_ms":86400001}]})"),
         "retry.steps[0].min_ms",
         "0 to 86400000"},
        {"POST",
         target,
         with(R"("retry":{"steps":[{"min_ms":1,"times":0}]})"),
         "retry.steps[0].times",
         "1 to 1000"},
    });
}

TEST_F(NativeBadInput, Redrive) {
    const std::string target = "/v1/dead-letters/dead/redrive";
    refuses({
        {"POST", target, R"({"messages":[]})", "messages", "1 to 1000"},
        {"POST", target, R"({"messages":["x"]})", "messages", "decimal digits"},
        {"POST", target, R"({"messages":[5]})", "messages", "must be text"},
        {"POST", target, R"({"preview":"yes"})", "preview", "true or false"},
        {"POST", target, R"({"filter":"code=5xx"})", "filter", "no such field"},
        {"POST", target, R"({"rate":0})", "rate", "1 to 100000"},
        {"POST", target, R"({"reason":["bad luck"]})", "reason", "like status"},
        {"POST", target, R"({"status":"6xx"})", "status", "5xx, 400-499"},
        {"POST", target, R"({"status":"499-400"})", "status", "5xx, 400-499"},
        {"POST", target, R"({"from":"yesterday"})", "from", "RFC 3339"},
        {"POST", target, R"({"messages":["5"],"rate":1})", "messages", "without a filter"},
    });
}

TEST_F(NativeBadInput, LookingAndReplaying) {
    const std::string delayed = "/v1/queues/jobs/delayed/";
    refuses({
        {"GET", "/v1/queues/jobs/messages?state=retained", "", "state", "visible"},
        {"GET", "/v1/topics/news/messages?state=deleted", "", "state", "retained"},
        {"GET", "/v1/queues/jobs/messages?limit=1001", "", "limit", "1 to 1000"},
        {"GET", "/v1/queues/jobs/messages?reason=status", "", "reason", "no such field"},
        {"GET", "/v1/dead-letters/dead?status=9xx", "", "status", "5xx"},
        {"DELETE", delayed + "x", "", "id", "decimal digits"},
        {"PATCH", delayed + "7", R"({})", "due_at", "exactly one"},
        {"PATCH", delayed + "7", R"({"delay":1,"due_at":"x"})", "due_at", "exactly one"},
        {"PATCH", delayed + "7", R"({"delay":1296001})", "delay", "0 to 1296000"},
        {"GET", "/v1/dead-letters/dead/messages/x", "", "id", "decimal digits"},
        {"POST", "/v1/dead-letters/dead/messages/x/edit", "{}", "id", "decimal digits"},
        {"POST", "/v1/subscriptions/a/b/replay", "{}", "from", "is missing"},
        {"PATCH", "/v1/subscriptions/a/b/replay", "{}", "action", "pause, resume, cancel"},
        {"PATCH", "/v1/dead-letters/dead/redrive", R"({"action":"stop"})", "action", "cancel"},
    });
}

}  // namespace

}  // namespace penstock::testing

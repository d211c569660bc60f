#include "broker/cli/state/document.h"
#include "broker/cli/state/plan.h"
#include "tests/support/temp_folder.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <fstream>

namespace penstock::cli {

namespace {

namespace json = boost::json;

json::object object(std::string_view text) {
    return json::parse(text).get_object();
}

std::vector<Resource> desired(std::string_view toml, const std::string& folder = ".") {
    const auto document = parse_document(toml, Notation::toml, "state.toml");
    EXPECT_TRUE(document) << document.error().what;
    const auto read = read_desired(*document, folder);
    EXPECT_TRUE(read) << read.error().what;
    return read ? *read : std::vector<Resource>{};
}

std::string problem(std::string_view toml) {
    const auto document = parse_document(toml, Notation::toml, "state.toml");
    if (!document) return document.error().what;
    const auto read = read_desired(*document, ".");
    return read ? std::string() : read.error().what;
}

const Vocabulary& known() {
    static const Vocabulary vocabulary = {
        {Kind::queue,
         {{"name", "retention", "max_size", "paused", "dead_letter"},
          {"retention", "paused", "dead_letter"}}},
        {Kind::topic, {{"name", "match", "retention"}, {"retention"}}},
        {Kind::subscription,
         {{"name",
           "http",
           "lua",
           "tags",
           "retry",
           "dead_letter",
           "paused",
           "filter_lua",
           "filter_file"},
          {"http", "tags", "retry"}}}};
    return vocabulary;
}

std::vector<Step> plan(std::string_view toml, const Actual& actual, bool prune = false) {
    return make_plan(desired(toml), actual, known(), prune);
}

TEST(Documents, MeanTheSameInEachNotation) {
    const json::object expected =
        object(R"({"queues":{"jobs":{"retention":"4d","paused":true,"n":5,"tags":["a","b"]}}})");
    const std::vector<std::pair<Notation, std::string>> texts = {
        {Notation::toml,
         "[queues.jobs]\nretention = '4d'\npaused = true\nn = 5\ntags = ['a', 'b']\n"},
        {Notation::json, json::serialize(expected)},
        {Notation::yaml,
         "queues:\n  jobs:\n    retention: \"4d\"\n    paused: true\n    n: 5\n    tags: [a, "
         "b]\n"}};
    for (const auto& [notation, text] : texts) {
        const auto read = parse_document(text, notation, "state");
        ASSERT_TRUE(read) << read.error().what;
        EXPECT_EQ(*read, expected) << text;
        const auto again = parse_document(print_document(expected, notation), notation, "state");
        ASSERT_TRUE(again) << again.error().what;
        EXPECT_EQ(*again, expected) << print_document(expected, notation);
    }
}

TEST(Documents, AreKnownByTheirEnding) {
    EXPECT_EQ(notation_of("a/state.yml"), Notation::yaml);
    EXPECT_EQ(notation_of("state.yaml"), Notation::yaml);
    EXPECT_EQ(notation_of("state.json"), Notation::json);
    EXPECT_EQ(notation_of("state"), Notation::toml);
}

TEST(Documents, KeepTextsThatLookLikeSomethingElse) {
    const json::object texts =
        object(R"({"a":"true","b":"5","c":"line one\nline two\n","d":"'\" #","e":""})");
    for (const Notation notation : {Notation::toml, Notation::json, Notation::yaml}) {
        const std::string text = print_document(texts, notation);
        const auto again = parse_document(text, notation, "state");
        ASSERT_TRUE(again) << again.error().what << text;
        EXPECT_EQ(*again, texts) << text;
    }
}

TEST(Documents, SayWhereTheyAreBroken) {
    const auto toml = parse_document("[queues\n", Notation::toml, "state.toml");
    ASSERT_FALSE(toml);
    EXPECT_EQ(toml.error().exit_code, exit_usage);
    EXPECT_EQ(toml.error().what.substr(0, 13), "state.toml:1:");
    const auto yaml = parse_document("queues: [\n", Notation::yaml, "state.yaml");
    ASSERT_FALSE(yaml);
    EXPECT_EQ(yaml.error().what.substr(0, 11), "state.yaml:");
    EXPECT_FALSE(parse_document("{", Notation::json, "state.json"));
    EXPECT_FALSE(parse_document("- a\n- b\n", Notation::yaml, "state.yaml"));
    EXPECT_FALSE(parse_document("at = 2026-01-01\n", Notation::toml, "state.toml"));
}

// Seven letters a level: ten levels of ten references each would be ten thousand million values.
TEST(Documents, OfFewBytesCannotBecomeMillionsOfValues) {
    std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int level = 1; level < 10; ++level) {
        const std::string below = "*a" + std::to_string(level - 1);
        bomb += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " [" + below;
        for (int at = 1; at < 10; ++at) bomb += "," + below;
        bomb += "]\n";
    }
    EXPECT_FALSE(parse_document(bomb, Notation::yaml, "bomb.yaml"));
}

TEST(Desired, ReadsQuantitiesAndShortForms) {
    const auto read = desired(R"(
        [queues.jobs]
        retention = "4d"
        max_size = "64KiB"
        dead_letter = { queue = "dead", max_receives = 5 }
        [queues.plain]
        dead_letter = "none"
        [topics.orders.subscriptions.billing]
        http = { url = "https://example.com" }
        timeout_ms = "15s"
        retry = "5s,5m"
    )");
    ASSERT_EQ(read.size(), 4U);
    EXPECT_EQ(read[0].name, "jobs");
    EXPECT_EQ(read[0].members, object(R"({"retention":345600,"max_size":65536,
                         "dead_letter":{"queue":"dead","max_receives":5}})"));
    EXPECT_EQ(read[1].members, object(R"({"dead_letter":null})"));
    EXPECT_EQ(read[2], (Resource{Kind::topic, "orders", {}}));
    EXPECT_EQ(read[3].name, "orders/billing");
    EXPECT_EQ(read[3].members, object(R"({"http":{"url":"https://example.com"},"timeout_ms":15000,
                         "retry":{"name":"custom","steps":[{"min_ms":5000},{"min_ms":300000}]}})"));
}

TEST(Desired, PutsQueuesBehindThoseTheirDeadLettersGoTo) {
    const auto read = desired(R"(
        [queues.a]
        dead_letter = { queue = "b", max_receives = 5 }
        [queues.b]
        dead_letter = { queue = "c", max_receives = 5 }
        [queues.c]
    )");
    ASSERT_EQ(read.size(), 3U);
    EXPECT_EQ(read[0].name + read[1].name + read[2].name, "cba");
}

TEST(Desired, TakesScriptsFromFilesBesideTheDocument) {
    const testing::TempFolder folder;
    std::ofstream(folder.path() / "handler.lua") << "return 1\n";
    const auto read = desired(R"(
        [topics.orders.subscriptions.count]
        lua = { file = "handler.lua", window = 4 }
        filter_lua = { file = "handler.lua" }
    )",
                              folder.path().string());
    ASSERT_EQ(read.size(), 2U);
    EXPECT_EQ(read[1].members,
              object(R"({"lua":{"file":"handler.lua","window":4,"code":"return 1\n"},
                         "filter_lua":"return 1\n","filter_file":"handler.lua"})"));
}

TEST(Desired, TakesCertificatesFromFilesBesideTheDocument) {
    const testing::TempFolder folder;
    std::ofstream(folder.path() / "ca.pem") << "ca\n";
    std::ofstream(folder.path() / "me.key") << "key\n";
    const auto read = desired(R"(
        [topics.orders.subscriptions.shop]
        tls = { ca_file = "ca.pem", client_cert = "cert", client_key_file = "me.key" }
    )",
                              folder.path().string());
    ASSERT_EQ(read.size(), 2U);
    EXPECT_EQ(read[1].members,
              object(R"({"tls":{"ca":"ca\n","client_cert":"cert","client_key":"key\n"}})"));
}

TEST(Desired, SaysWhatItCannotRead) {
    EXPECT_EQ(problem("[queue.jobs]\n"), "'queue' is not known: a document has queues and topics.");
    EXPECT_EQ(problem("queues = 5\n"), "'queues' is no table of queues.");
    EXPECT_EQ(problem("[queues]\njobs = 5\n"), "queues.jobs is no table.");
    EXPECT_EQ(problem("[queues.jobs]\nretention = '4 days'\n"),
              "queue jobs, retention: '4 days' is no duration or size such as 30s, 4d or 64KiB.");
    EXPECT_NE(problem("[topics.t.subscriptions.s]\nretry = 'soon'\n"), "");
    EXPECT_NE(problem("[topics.t.subscriptions.s]\nlua = { file = '/no/such/file' }\n"), "");
    EXPECT_NE(problem("[topics.t.subscriptions.s]\ntls = { ca_file = '/no/such/file' }\n"), "");
}

TEST(Plan, MakesWhatIsMissingAndNothingTwice) {
    const std::string text =
        "[queues.jobs]\nretention = '4d'\n[topics.orders.subscriptions.s]\n"
        "http = { url = 'https://example.com' }\n";
    const auto steps = plan(text, {});
    ASSERT_EQ(steps.size(), 3U);
    EXPECT_EQ(steps[0].action, Action::create);
    EXPECT_EQ(steps[0].requests[0].method, "POST");
    EXPECT_EQ(steps[0].requests[0].path, "/v1/queues");
    EXPECT_EQ(steps[0].requests[0].body, object(R"({"retention":345600,"name":"jobs"})"));
    EXPECT_EQ(steps[1].requests[0].path, "/v1/topics");
    EXPECT_EQ(steps[2].requests[0].path, "/v1/topics/orders/subscriptions");
    EXPECT_EQ(steps[2].requests[0].body,
              object(R"({"http":{"url":"https://example.com"},"name":"s"})"));

    Actual actual;
    actual.queues["jobs"] = object(R"({"name":"jobs","retention":345600,"paused":false})");
    actual.topics["orders"] = object(R"({"name":"orders","match":"tags"})");
    actual.subscriptions["orders/s"] =
        object(R"({"http":{"url":"https://example.com","more":1},"state":"active"})");
    EXPECT_TRUE(plan(text, actual).empty());
}

TEST(Plan, ChangesOnlyTheMembersThatDiffer) {
    Actual actual;
    actual.queues["jobs"] = object(R"({"retention":60,"paused":false,"dead_letter":null})");
    const auto steps =
        plan("[queues.jobs]\nretention = '4d'\npaused = false\ndead_letter = 'none'\n", actual);
    ASSERT_EQ(steps.size(), 1U);
    EXPECT_EQ(steps[0].action, Action::change);
    ASSERT_EQ(steps[0].changes.size(), 1U);
    EXPECT_EQ(steps[0].changes[0].member, "retention");
    ASSERT_EQ(steps[0].requests.size(), 1U);
    EXPECT_EQ(steps[0].requests[0].method, "PATCH");
    EXPECT_EQ(steps[0].requests[0].path, "/v1/queues/jobs");
    EXPECT_EQ(steps[0].requests[0].body, object(R"({"retention":345600})"));
}

TEST(Plan, ComparesPoliciesAndTagsByTheirMeaning) {
    Actual actual;
    actual.topics["t"] = object("{}");
    actual.subscriptions["t/s"] = object(R"({"tags":["b","a"],"state":"active",
                   "retry":{"name":"custom","keeps_order":false,
                            "steps":[{"min_ms":5000,"max_ms":5000,"times":1}]}})");
    EXPECT_TRUE(
        plan("[topics.t.subscriptions.s]\ntags = ['a','b']\nretry = '5s'\n", actual).empty());
    EXPECT_EQ(plan("[topics.t.subscriptions.s]\nretry = 'backoff'\n", actual).size(), 1U);
    EXPECT_EQ(plan("[topics.t.subscriptions.s]\nretry = '6s'\n", actual).size(), 1U);
    EXPECT_EQ(plan("[topics.t.subscriptions.s]\ntags = ['a','a']\n", actual).size(), 1U);
}

TEST(Plan, DeploysScriptsThatDifferAndPauses) {
    Actual actual;
    actual.topics["t"] = object("{}");
    actual.subscriptions["t/s"] = object(R"({"lua":{"version":1,"window":64},"state":"active",
                   "scripts":[{"role":"handler","code":"return 1","in_use":true}]})");
    EXPECT_TRUE(plan("[topics.t.subscriptions.s]\nlua = { code = 'return 1' }\n", actual).empty());
    const auto steps =
        plan("[topics.t.subscriptions.s]\npaused = true\nlua = { code = 'return 2', file = 'f' }\n",
             actual);
    ASSERT_EQ(steps.size(), 1U);
    ASSERT_EQ(steps[0].requests.size(), 2U);
    for (const Request& request : steps[0].requests) {
        EXPECT_EQ(request.method, "POST");
        if (request.path.ends_with("/pause")) continue;
        EXPECT_EQ(request.path, "/v1/subscriptions/t/s/scripts");
        EXPECT_EQ(request.body, object(R"({"role":"handler","code":"return 2","file":"f"})"));
    }
}

TEST(Plan, RefusesWhatCannotBeChangedInPlace) {
    Actual actual;
    actual.topics["t"] = object(R"({"match":"tags"})");
    actual.subscriptions["t/s"] = object(R"({"http":{"url":"https://a"},"state":"active"})");
    const auto steps = plan(
        "[topics.t]\nmatch = 'key'\n[topics.t.subscriptions.s]\n"
        "lua = { code = 'return 1' }\n[queues.q]\nvisibilty = '30s'\n",
        actual);
    ASSERT_EQ(steps.size(), 3U);
    for (const Step& step : steps) {
        EXPECT_EQ(step.action, Action::conflict) << step.name;
        EXPECT_TRUE(step.requests.empty()) << step.name;
    }
    EXPECT_EQ(steps[0].why, "'visibilty' is not known to the server");
    EXPECT_EQ(steps[1].why, "match cannot be changed in place");
    EXPECT_EQ(steps[2].why, "lua cannot be added in place");
}

TEST(Plan, DeletesOnlyWhenAskedTo) {
    Actual actual;
    actual.queues["jobs"] = object("{}");
    actual.queues["a-dead"] = object("{}");
    actual.queues["old"] = object(R"({"dead_letter":{"queue":"a-dead","max_receives":5}})");
    actual.topics["gone"] = object("{}");
    actual.subscriptions["gone/s"] = object("{}");
    const std::string text = "[queues.jobs]\n";
    EXPECT_TRUE(plan(text, actual).empty());
    const auto steps = plan(text, actual, true);
    ASSERT_EQ(steps.size(), 4U);
    EXPECT_EQ(steps[0].requests[0].path, "/v1/subscriptions/gone/s");
    EXPECT_EQ(steps[1].requests[0].path, "/v1/topics/gone");
    EXPECT_EQ(steps[2].requests[0].path, "/v1/queues/old");
    EXPECT_EQ(steps[3].requests[0].path, "/v1/queues/a-dead");
    for (const Step& step : steps) EXPECT_EQ(step.requests[0].method, "DELETE");
}

TEST(Plan, SetsSecretsAgainAndShowsThemToNobody) {
    Vocabulary vocabulary = known();
    vocabulary[Kind::subscription].of_new.insert("authorization");
    vocabulary[Kind::subscription].changeable.insert("authorization");
    Actual actual;
    actual.topics["t"] = object("{}");
    actual.subscriptions["t/s"] =
        object(R"({"authorization":{"bearer":{"token":"***"}},"state":"active"})");
    const auto steps = make_plan(
        desired("[topics.t.subscriptions.s]\nauthorization = { bearer = { token = 'sesame' } }\n"),
        actual,
        vocabulary,
        false);
    ASSERT_EQ(steps.size(), 1U);
    EXPECT_EQ(steps[0].changes[0].to, "***");
    EXPECT_NE(json::serialize(steps[0].requests[0].body).find("sesame"), std::string::npos);
    const json::object document = describe(actual, vocabulary);
    EXPECT_EQ(json::serialize(document).find("authorization"), std::string::npos);
}

TEST(Plan, AClientsKeyIsShownToNobodyAndAnAuthorityIsCompared) {
    Vocabulary vocabulary = known();
    vocabulary[Kind::subscription].of_new.insert("tls");
    vocabulary[Kind::subscription].changeable.insert("tls");
    Actual actual;
    actual.topics["t"] = object("{}");
    actual.subscriptions["t/s"] = object(R"({"state":"active"})");
    const auto with_key =
        "[topics.t.subscriptions.s]\n"
        "tls = { client_cert = 'c', client_key = 'sesame' }\n";
    auto steps = make_plan(desired(with_key), actual, vocabulary, false);
    ASSERT_EQ(steps.size(), 1U);
    EXPECT_EQ(steps[0].changes[0].to, "***");
    actual.subscriptions["t/s"] =
        object(R"({"tls":{"client_cert":"c","client_key":"***"},"state":"active"})");
    EXPECT_EQ(make_plan(desired(with_key), actual, vocabulary, false).size(), 1U);
    EXPECT_EQ(json::serialize(describe(actual, vocabulary)).find("tls"), std::string::npos);

    const auto with_ca = "[topics.t.subscriptions.s]\ntls = { ca = 'c' }\n";
    actual.subscriptions["t/s"] = object(
        R"({"tls":{"ca":"c"},"certificates":[{"use":"ca","subject":"CN=c"}],"state":"active"})");
    EXPECT_TRUE(make_plan(desired(with_ca), actual, vocabulary, false).empty());
    const std::string document = json::serialize(describe(actual, vocabulary));
    EXPECT_NE(document.find(R"("tls":{"ca":"c"})"), std::string::npos) << document;
    EXPECT_EQ(document.find("certificates"), std::string::npos);
}

TEST(Describe, PrintsWhatApplyReadsBackAsNothingToDo) {
    Actual actual;
    actual.queues["jobs"] = object(
        R"({"name":"jobs","retention":345600,"max_size":65536,"paused":false,
            "messages":{"visible":1},"dead_letter":null,"created_at":"2026-01-01T00:00:00Z"})");
    actual.topics["t"] =
        object(R"({"name":"t","match":"tags","retention":86400,"subscriptions":1})");
    actual.subscriptions["t/s"] =
        object(R"({"name":"s","lua":{"version":3,"window":64},"tags":[],"state":"paused",
                   "dead_letter":"t.s.dlq","retry":{"name":"backoff","steps":[]},
                   "filter_lua":{"version":1},
                   "scripts":[{"role":"handler","code":"return 1","in_use":true,"file":"h.lua"},
                              {"role":"filter","code":"return 2","in_use":true}]})");
    const json::object document = describe(actual, known());
    EXPECT_EQ(
        json::value(document),
        json::parse(R"({"queues":{"jobs":{"retention":"4d","max_size":"64KiB","paused":false}},
                 "topics":{"t":{"match":"tags","retention":"1d","subscriptions":{"s":{
                   "lua":{"window":64,"code":"return 1","file":"h.lua"},
                   "retry":{"name":"backoff","steps":[]},
                   "filter_lua":"return 2","paused":true}}}}})"));
    const auto read = read_desired(document, ".");
    ASSERT_TRUE(read) << read.error().what;
    EXPECT_TRUE(make_plan(*read, actual, known(), true).empty());
}

}  // namespace

}  // namespace penstock::cli

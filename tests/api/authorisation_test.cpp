#include "broker/api/authorisation.h"

#include "broker/api/action_rights.h"
#include "broker/api/actions.h"
#include "broker/api/redaction.h"
#include "tests/api/keys_fixture.h"

#include <map>
#include <set>

namespace penstock::api {

namespace {

using model::Access;
using model::Role;
using model::Statement;

// Who may do what, written down: r root, a admin, o operator, v viewer, p publisher, c consumer. A
// request that is missing here fails the matrix.
const std::map<std::string, std::string>& allowed_roles() {
    static const std::map<std::string, std::string> table = {{"ActivateScript", "ra"},
                                                             {"ChangeBackup", "r"},
                                                             {"GetBackup", "r"},
                                                             {"ListBackupSets", "r"},
                                                             {"ReadBackup", "r"},
                                                             {"ChangeCluster", "r"},
                                                             {"ChangeDelayed", "rao"},
                                                             {"ChangeJob", "rao"},
                                                             {"ChangeVisibility", "raoc"},
                                                             {"ClearQueue", "rao"},
                                                             {"ConfirmTransactions", "raop"},
                                                             {"CreateQueue", "ra"},
                                                             {"CreateTopic", "ra"},
                                                             {"DeleteMessages", "raoc"},
                                                             {"DeleteQueue", "ra"},
                                                             {"DeleteTopic", "ra"},
                                                             {"DeployScript", "ra"},
                                                             {"EditDeadLetter", "rao"},
                                                             {"FindDeadLetter", "raov"},
                                                             {"GetCluster", "raov"},
                                                             {"GetJob", "raov"},
                                                             {"GetQueue", "raov"},
                                                             {"GetStatus", "raov"},
                                                             {"GetSubscription", "raov"},
                                                             {"GetTopic", "raov"},
                                                             {"InitCluster", "r"},
                                                             {"ListDeadLetterSources", "raov"},
                                                             {"ListDeadLetters", "raov"},
                                                             {"ListDeliveries", "raov"},
                                                             {"ListQueues", "raov"},
                                                             {"ListScripts", "raov"},
                                                             {"ListSubscriptions", "raov"},
                                                             {"ListTopics", "raov"},
                                                             {"PeekMessages", "raov"},
                                                             {"PublishMessages", "raop"},
                                                             {"ReceiveMessages", "raoc"},
                                                             {"RedriveDeadLetters", "rao"},
                                                             {"ReleaseDelivery", "rao"},
                                                             {"ReplayMessages", "rao"},
                                                             {"RewindQueue", "rao"},
                                                             {"SendMessages", "raop"},
                                                             {"SetQueue", "rao"},
                                                             {"SetSubscription", "rao"},
                                                             {"SetTopic", "rao"},
                                                             {"Subscribe", "ra"},
                                                             {"TakeChecks", "raop"},
                                                             {"TrackMessage", "raov"},
                                                             {"Unsubscribe", "ra"}};
    return table;
}

template <class... Rs>
std::vector<std::pair<std::string, Request>> requests_of(const std::variant<Rs...>* /*type*/) {
    return {{action_of<Rs>(), Request(Rs{})}...};
}

// Every request there is, empty.
std::vector<std::pair<std::string, Request>> every_request() {
    return requests_of(static_cast<const Request*>(nullptr));
}

template <class R>
R about(const std::string& name) {
    R request;
    request.name = name;
    return request;
}

class Authorisation : public KeysFixture {
  protected:
    std::any ask(const std::string& key_id, Request request) {
        boost::asio::io_context context;
        std::any answer;
        authorised.call(who(key_id), std::move(request), context.get_executor(), [&](std::any got) {
            answer = std::move(got);
        });
        context.run();
        EXPECT_TRUE(answer.has_value()) << "no answer";
        return answer;
    }

    // Whether the request came through to the node; what is refused must be `denied`.
    bool passes(const std::string& key_id, const Request& request) {
        const std::size_t before = broker.requests.size();
        const std::any answer = ask(key_id, request);
        const bool passed = broker.requests.size() > before;
        std::visit(
            [&]<class R>(const R&) {
                const auto& outcome = std::any_cast<const Outcome<typename R::Reply>&>(answer);
                if (passed) return;
                EXPECT_EQ(outcome.error().reason, model::Reason::denied);
            },
            request);
        return passed;
    }

    template <class R>
    typename R::Reply reply_to(const std::string& key_id, const R& request) {
        return *std::any_cast<Outcome<typename R::Reply>>(ask(key_id, request));
    }

    testing::FakeBroker& broker = store.inner;
    AuthorisedBroker authorised{store, ring};
};

TEST_F(Authorisation, EveryRequestPassesForTheRolesOfTheTableAndForNobodyElse) {
    std::set<std::string> met;
    for (const auto& [action, request] : every_request()) {
        met.insert(action);
        ASSERT_TRUE(allowed_roles().contains(action)) << action << " stands in no row";
        for (const char role : std::string("raovpcn")) {
            const bool wanted = allowed_roles().at(action).find(role) != std::string::npos;
            EXPECT_EQ(passes(std::string("AKID") + role, request), wanted)
                << action << " as " << role;
        }
    }
    EXPECT_EQ(met.size(), allowed_roles().size());
}

TEST_F(Authorisation, EveryActionNeedsARightAndNothingElseDoes) {
    for (const auto& name : action_names()) EXPECT_TRUE(right_for(name)) << name;
    EXPECT_EQ(right_for("SetQueue"), Right::steer);
    EXPECT_EQ(right_for("GetQueue"), Right::look);
    EXPECT_EQ(right_for("ReadContent"), Right::content);
    EXPECT_EQ(right_for("setqueue"), std::nullopt);
    EXPECT_EQ(right_for(""), std::nullopt);
}

TEST_F(Authorisation, AKeyThatHasEndedOrNeverWasDoesNothing) {
    for (const auto& [action, request] : every_request()) {
        const std::any answer = ask("AKIDgone", request);
        std::visit(
            [&, name = action]<class R>(const R&) {
                const auto& outcome = std::any_cast<const Outcome<typename R::Reply>&>(answer);
                ASSERT_FALSE(outcome.has_value()) << name;
                EXPECT_EQ(outcome.error().reason, model::Reason::unauthenticated) << name;
            },
            request);
    }
    EXPECT_TRUE(broker.requests.empty());
}

TEST_F(Authorisation, StatementsAllowTheirActionsOnTheirResourcesAndNothingBeside) {
    put("AKIDs", {Role::none, {{false, {"SendMessages", "Get*"}, {"queue/orders-*"}}}});
    SendMessages send;
    send.queue = "orders-eu";
    EXPECT_TRUE(passes("AKIDs", send));
    EXPECT_TRUE(passes("AKIDs", about<GetQueue>("orders-eu")));
    send.queue = "ORDERS-eu";
    EXPECT_TRUE(passes("AKIDs", send)) << "a queue's name is one in any letter case";
    send.queue = "jobs";
    EXPECT_FALSE(passes("AKIDs", send));
    EXPECT_FALSE(passes("AKIDs", about<GetTopic>("orders-eu")));
    EXPECT_FALSE(passes("AKIDs", about<DeleteQueue>("orders-eu")));
    EXPECT_FALSE(passes("AKIDs", ListQueues{}));
}

TEST_F(Authorisation, ADenialBeatsTheRole) {
    put("AKIDs", {Role::admin, {{true, {"*"}, {"queue/Secret*"}}}});
    EXPECT_TRUE(passes("AKIDs", about<DeleteQueue>("jobs")));
    EXPECT_FALSE(passes("AKIDs", about<DeleteQueue>("secret-1")));
    EXPECT_FALSE(passes("AKIDs", about<GetQueue>("SECRET")));
    put("AKIDd", {Role::admin, {{true, {"*"}, {"queue/orders.billing.dlq"}}}});
    ListDeadLetters letters;
    letters.queue = "orders/billing";
    EXPECT_FALSE(passes("AKIDd", letters)) << "the same queue by its subscription's name";
    GetJob job;
    job.name = "orders/billing";
    EXPECT_FALSE(passes("AKIDd", job));
    job.kind = model::JobKind::replay;
    EXPECT_TRUE(passes("AKIDd", job));
}

TEST_F(Authorisation, NoStatementGivesRightsOverTheServer) {
    put("AKIDs", {Role::none, {{false, {"*"}, {"*"}}}});
    for (const auto& [action, request] : every_request()) {
        const std::string& roles = allowed_roles().at(action);
        EXPECT_EQ(passes("AKIDs", request), roles != "r") << action;
    }
}

TEST_F(Authorisation, MessagesFlowOnlyIntoQueuesThatTheKeyMaySendTo) {
    put("AKIDs", {Role::none, {{false, {"*"}, {"subscription/*", "queue/own"}}}});
    Subscribe subscribe;
    subscribe.topic = "orders";
    subscribe.name = "copy";
    subscribe.spec.sink = model::SinkKind::queue;
    subscribe.spec.endpoint = "own";
    EXPECT_TRUE(passes("AKIDs", subscribe));
    subscribe.spec.endpoint = "payroll";
    EXPECT_FALSE(passes("AKIDs", subscribe));
    subscribe.spec.endpoint = "own";
    subscribe.dead_letter = DeadLetterChoice::named;
    subscribe.dead_letter_queue = "payroll";
    EXPECT_FALSE(passes("AKIDs", subscribe));
    auto create = about<CreateQueue>("own");
    EXPECT_TRUE(passes("AKIDs", create));
    create.change.dead_letter = DeadLetterSpec{"payroll"};
    EXPECT_FALSE(passes("AKIDs", create));
    auto set = about<SetSubscription>("copy");
    set.topic = "orders";
    set.endpoint = "payroll";
    EXPECT_FALSE(passes("AKIDs", set));
    set.endpoint = "https://example.test/hook";
    EXPECT_TRUE(passes("AKIDs", set));
}

TEST_F(Authorisation, AnEndpointMayPublishOnlyByTheWordOfWhoMaySendAnywhere) {
    put("AKIDs", {Role::none, {{false, {"*"}, {"subscription/*", "queue/*"}}}});
    put("AKIDa", {Role::none, {{false, {"*"}, {"subscription/*", "queue/*", "topic/*"}}}});
    Subscribe subscribe;
    subscribe.topic = "orders";
    subscribe.name = "copy";
    EXPECT_TRUE(passes("AKIDs", subscribe));
    subscribe.spec.pace.outputs = true;
    EXPECT_FALSE(passes("AKIDs", subscribe));
    EXPECT_TRUE(passes("AKIDa", subscribe));
    auto set = about<SetSubscription>("copy");
    set.topic = "orders";
    set.pace.outputs = true;
    EXPECT_FALSE(passes("AKIDs", set));
    EXPECT_TRUE(passes("AKIDa", set));
    set.pace.outputs = false;
    EXPECT_TRUE(passes("AKIDs", set));
}

TEST_F(Authorisation, KeysAreShownToWaysInOpenedAndByRole) {
    EXPECT_EQ(authorised.key_of("AKIDv")->secret, "hush of AKIDv");
    EXPECT_FALSE(authorised.key_of("AKIDv")->root);
    EXPECT_EQ(authorised.key_of("AKIDr")->secret, "plain");
    EXPECT_TRUE(authorised.key_of("AKIDr")->root);
    EXPECT_FALSE(authorised.key_of("AKIDgone"));
}

TEST_F(Authorisation, WhoMayOnlyLookSeesNoContent) {
    DeadLetterView letter;
    letter.payload = letter.excerpt = letter.log = "canary";
    letter.meta.attributes = {{"secret", "canary"}};
    letter.reason = "status";
    broker.answer_with<ListDeadLetters>({"q", {letter}, 0});
    broker.answer_with<FindDeadLetter>(letter);
    PeekedMessage peeked;
    peeked.payload = "canary";
    peeked.meta.attributes = {{"secret", "canary"}};
    broker.answer_with<PeekMessages>({{peeked}, 0});
    DeliveryView attempt;
    attempt.excerpt = attempt.log = "canary";
    attempt.reason = "status";
    broker.answer_with<ListDeliveries>({{attempt}, 0});
    MessageTrack track;
    track.meta.attributes = {{"secret", "canary"}};
    track.places.emplace_back().attempts = {attempt};
    broker.answer_with<TrackMessage>(track);
    ScriptView script;
    script.script.code = "canary";
    broker.answer_with<ListScripts>({{script}});

    const auto letters = reply_to("AKIDv", ListDeadLetters{}).items.at(0);
    EXPECT_EQ(letters.payload, redacted_text);
    EXPECT_EQ(letters.excerpt, redacted_text);
    EXPECT_EQ(letters.log, redacted_text);
    EXPECT_TRUE(letters.meta.attributes.empty());
    EXPECT_EQ(letters.reason, "status");
    EXPECT_EQ(reply_to("AKIDv", FindDeadLetter{}).payload, redacted_text);
    const auto seen = reply_to("AKIDv", PeekMessages{}).items.at(0);
    EXPECT_EQ(seen.payload, redacted_text);
    EXPECT_TRUE(seen.meta.attributes.empty());
    const auto tried = reply_to("AKIDv", ListDeliveries{}).items.at(0);
    EXPECT_EQ(tried.excerpt, redacted_text);
    EXPECT_EQ(tried.log, redacted_text);
    const auto tracked = reply_to("AKIDv", TrackMessage{});
    EXPECT_TRUE(tracked.meta.attributes.empty());
    EXPECT_EQ(tracked.places.at(0).attempts.at(0).excerpt, redacted_text);
    EXPECT_EQ(reply_to("AKIDv", ListScripts{}).items.at(0).script.code, "");

    EXPECT_EQ(reply_to("AKIDo", FindDeadLetter{}).payload, "canary");
    put("AKIDs", {Role::viewer, {{false, {"ReadContent"}, {"queue/open"}}}});
    PeekMessages peek;
    peek.queue = "open";
    EXPECT_EQ(reply_to("AKIDs", peek).items.at(0).payload, "canary");
    peek.queue = "jobs";
    EXPECT_EQ(reply_to("AKIDs", peek).items.at(0).payload, redacted_text);
}

TEST_F(Authorisation, WhoMayNotSeeContentMayNotSearchInIt) {
    PeekMessages peek;
    peek.queue = "jobs";
    EXPECT_TRUE(passes("AKIDv", peek));
    peek.filter.text = "c";
    EXPECT_FALSE(passes("AKIDv", peek));
    EXPECT_TRUE(passes("AKIDo", peek));
    ListDeadLetters letters;
    letters.filter.text = "c";
    EXPECT_FALSE(passes("AKIDv", letters));
}

}  // namespace

}  // namespace penstock::api

#include "broker/api/tenancy.h"

#include "broker/api/actions.h"
#include "broker/api/authorisation.h"
#include "broker/api/object_names.h"
#include "broker/model/account_name.h"
#include "tests/api/keys_fixture.h"
#include "tests/support/struct_walk.h"

#include <map>
#include <string>
#include <utility>

namespace penstock::api {

namespace {

using model::Reason;
using penstock::testing::Filler;
using penstock::testing::Listed;
using penstock::testing::same;
using penstock::testing::Walked;

template <class T, class See>
void each_text(T& value, const See& see) {
    if constexpr (std::is_same_v<T, std::string>) {
        see(value);
    } else if constexpr (std::is_same_v<T, std::vector<bool>>) {
        return;
    } else if constexpr (Listed<T>) {
        for (auto& item : value) each_text(item, see);
    } else if constexpr (requires { value.has_value(); }) {
        if (value) each_text(*value, see);
    } else if constexpr (requires { value.first, value.second; }) {
        each_text(value.first, see);
        each_text(value.second, see);
    } else if constexpr (Walked<T>) {
        boost::pfr::for_each_field(value, [&](auto& field) { each_text(field, see); });
    }
}

// Only a queue has a name that an endpoint can be.
template <class T>
void deliver_to_queue(T& value) {
    if constexpr (requires { value.spec.sink; }) value.spec.sink = model::SinkKind::queue;
    if constexpr (requires { value.items; }) {
        for (auto&& item : value.items) {
            if constexpr (requires { item.spec.sink; }) item.spec.sink = model::SinkKind::queue;
        }
    }
}

// Every field is there, and every text another one.
template <class T>
T filled() {
    T value{};
    Filler().fill(value);
    deliver_to_queue(value);
    int texts = 0;
    each_text(value, [&texts](std::string& text) { text = "n" + std::to_string(++texts); });
    return value;
}

// How many names a request, and its answer, are written down to have, and texts that are none: a
// field that is added changes a figure here, and somebody says which it is.
struct Texts {
    int names = 0;
    int others = 0;
    friend bool operator==(const Texts&, const Texts&) = default;
};

void PrintTo(const Texts& texts, std::ostream* out) {
    *out << "{" << texts.names << ", " << texts.others << "}";
}

using Table = std::map<std::string, std::pair<Texts, Texts>>;

// request, answer
const Table& table() {
    static const Table rows = {
        {"ActivateScript", {{1, 1}, {0, 0}}},
        {"ChangeBackup", {{0, 0}, {0, 0}}},
        {"ChangeCluster", {{0, 1}, {0, 10}}},
        {"ChangeDelayed", {{2, 0}, {0, 0}}},
        {"ChangeJob", {{1, 0}, {1, 6}}},
        {"ChangeVisibility", {{1, 0}, {0, 0}}},
        {"ClearQueue", {{1, 0}, {0, 0}}},
        {"ConfirmTransactions", {{1, 0}, {0, 0}}},
        {"CreateQueue", {{2, 0}, {2, 0}}},
        {"CreateTopic", {{1, 0}, {1, 0}}},
        {"DeleteMessages", {{1, 0}, {0, 0}}},
        {"DeleteQueue", {{1, 0}, {0, 0}}},
        {"DeleteTopic", {{1, 0}, {0, 0}}},
        {"DeployScript", {{1, 4}, {0, 0}}},
        {"EditDeadLetter", {{1, 26}, {0, 0}}},
        {"FindDeadLetter", {{1, 0}, {1, 14}}},
        {"GetBackup", {{0, 0}, {0, 0}}},
        {"GetCluster", {{0, 0}, {0, 10}}},
        {"GetJob", {{1, 0}, {1, 6}}},
        {"GetQueue", {{1, 0}, {2, 0}}},
        {"GetStatus", {{0, 0}, {0, 3}}},
        {"GetSubscription", {{1, 1}, {3, 27}}},
        {"GetTopic", {{1, 0}, {1, 0}}},
        {"InitCluster", {{0, 0}, {0, 10}}},
        {"ListBackupSets", {{0, 0}, {0, 0}}},
        {"ListDeadLetterSources", {{1, 1}, {2, 0}}},
        {"ListDeadLetters", {{1, 4}, {3, 28}}},
        {"ListDeliveries", {{1, 2}, {2, 14}}},
        {"ListQueues", {{0, 2}, {2, 0}}},
        {"ListScripts", {{1, 1}, {0, 6}}},
        {"ListSubscriptions", {{1, 2}, {6, 54}}},
        {"ListTopics", {{0, 2}, {2, 0}}},
        {"PeekMessages", {{2, 5}, {0, 22}}},
        {"PublishMessages", {{1, 27}, {0, 0}}},
        {"ReadBackup", {{0, 0}, {0, 1}}},
        {"ReceiveMessages", {{1, 0}, {0, 20}}},
        {"RedriveDeadLetters", {{1, 4}, {0, 0}}},
        {"ReleaseDelivery", {{1, 0}, {0, 0}}},
        {"ReplayMessages", {{1, 5}, {0, 0}}},
        {"RewindQueue", {{1, 0}, {0, 0}}},
        {"SendMessages", {{1, 27}, {0, 0}}},
        {"SetQueue", {{2, 0}, {2, 0}}},
        {"SetSubscription", {{2, 18}, {3, 27}}},
        {"SetTopic", {{1, 0}, {1, 0}}},
        {"Subscribe", {{3, 32}, {3, 27}}},
        {"TakeChecks", {{1, 0}, {0, 0}}},
        {"TrackMessage", {{0, 0}, {7, 41}}},
        {"Unsubscribe", {{1, 1}, {0, 0}}},
    };
    return rows;
}

template <class T>
Texts texts_of(T value) {
    Texts texts;
    each_text(value, [&texts](std::string&) { ++texts.others; });
    EachName<std::function<void(std::string&)>> each{[&texts](std::string&) {
        ++texts.names;
        --texts.others;
    }};
    each(value);
    return texts;
}

template <class... Rs, class See>
void each_request(const std::variant<Rs...>* /*type*/, const See& see) {
    (see.template operator()<Rs>(), ...);
}

template <class See>
void each_request(const See& see) {
    each_request(static_cast<const Request*>(nullptr), see);
}

class Tenancy : public KeysFixture {
  protected:
    Tenancy() { accounts.make("acme"); }

    const Sight acme{"acme", false};
    const Sight own{"", false};
    const Sight root{"", true};

    // What came of an answer on its way to who has that sight.
    template <class R>
    Outcome<typename R::Reply> seen(const Sight& sight,
                                    const R& request,
                                    Outcome<typename R::Reply> outcome) {
        std::any got;
        shown_to(sight, Request(request), [&got](std::any any) { got = std::move(any); })(
            std::any(std::move(outcome)));
        return std::any_cast<Outcome<typename R::Reply>>(std::move(got));
    }

    std::optional<model::Refusal> entered(const Sight& sight, Request request) {
        return enter(sight, accounts, request);
    }
};

TEST_F(Tenancy, EveryTextOfEveryRequestAndAnswerIsANameOrIsNot) {
    std::size_t met = 0;
    each_request([&met]<class R>() {
        const std::string& action = action_of<R>();
        ++met;
        ASSERT_TRUE(table().contains(action)) << action << " stands in no row";
        EXPECT_EQ(texts_of(filled<R>()), table().at(action).first) << action;
        EXPECT_EQ(texts_of(filled<typename R::Reply>()), table().at(action).second)
            << "the answer to " << action;
    });
    EXPECT_EQ(met, table().size());
}

TEST_F(Tenancy, EveryNameInEveryRequestBecomesTheStoredOne) {
    each_request([this]<class R>() {
        const std::string& action = action_of<R>();
        const R before = filled<R>();
        Request request(before);
        const auto refused = enter(acme, accounts, request);
        if (is_of_server<R>) {
            ASSERT_TRUE(refused) << action;
            EXPECT_EQ(refused->reason, Reason::denied) << action;
            return;
        }
        ASSERT_FALSE(refused) << action;
        R wanted = before;
        EachName<std::function<void(std::string&)>> each{[](std::string& name) {
            name = "acme:" + name;
        }};
        each(wanted);
        if constexpr (is_list_of_all<R>) wanted.account = "acme";
        EXPECT_TRUE(same(std::get<R>(request), wanted)) << action;
    });
}

TEST_F(Tenancy, EveryNameInEveryAnswerIsShownAsItsAccountCallsIt) {
    each_request([this]<class R>() {
        const auto reply = filled<typename R::Reply>();
        auto stored = reply;
        EachName<std::function<void(std::string&)>> each{[](std::string& name) {
            name = "acme:" + name;
        }};
        each(stored);
        const auto shown = seen<R>(acme, R{}, stored);
        ASSERT_TRUE(shown.has_value()) << action_of<R>();
        EXPECT_TRUE(same(*shown, reply)) << action_of<R>();
        EXPECT_TRUE(same(*seen<R>(root, R{}, stored), stored)) << "root sees them as they are";
    });
}

TEST_F(Tenancy, RefusalsNameWhatTheAccountNamed) {
    const model::Refusal stored{Reason::queue_not_found,
                                "acme:jobs",
                                "queue acme:jobs, not notacme:jobs, of \"acme:jobs\""};
    each_request([&]<class R>() {
        const auto shown = seen<R>(acme, R{}, stored);
        ASSERT_FALSE(shown.has_value());
        EXPECT_EQ(shown.error().subject, "jobs");
        EXPECT_EQ(shown.error().detail, "queue jobs, not notacme:jobs, of \"jobs\"");
    });
}

TEST_F(Tenancy, WhatIsOfAnotherAccountHasNoNameInAnAnswer) {
    NamePage page{2, {{1, "acme:jobs"}, {2, "globex:jobs"}}};
    const auto shown = seen(acme, ListQueues{}, page);
    EXPECT_EQ(shown->items[0].name, "jobs");
    EXPECT_EQ(shown->items[1].name, "");
}

TEST_F(Tenancy, AMessageOfAnotherAccountIsUnknown) {
    const TrackMessage asked{MessageId(7)};
    MessageTrack track;
    track.id = asked.id;
    const auto of = [&](const Sight& sight, const std::string& sent_to) {
        track.sent_to = sent_to;
        return seen(sight, asked, track);
    };
    EXPECT_EQ(of(acme, "acme:jobs")->sent_to, "jobs");
    for (const char* foreign : {"globex:jobs", "jobs", ""}) {
        EXPECT_EQ(of(acme, foreign).error().reason, Reason::message_not_found) << foreign;
    }
    EXPECT_EQ(of(own, "jobs")->sent_to, "jobs");
    EXPECT_EQ(of(own, "acme:jobs").error().reason, Reason::message_not_found);
    EXPECT_EQ(of(root, "acme:jobs")->sent_to, "acme:jobs");
}

TEST_F(Tenancy, KeysOfTheServerNameOtherAccountsObjectsOnlyIfTheySeeThem) {
    const GetQueue get{"acme:jobs"};
    EXPECT_FALSE(entered(root, get));
    EXPECT_EQ(entered(own, get)->reason, Reason::denied);
    EXPECT_EQ(entered(own, GetQueue{"nobody:jobs"})->reason, Reason::denied) << "as one that is";
    EXPECT_FALSE(entered(own, GetQueue{"jobs"}));
    EXPECT_EQ(entered(root, CreateQueue{"nobody:jobs", {}})->reason, Reason::invalid_parameter);
    EXPECT_FALSE(entered(root, CreateQueue{"acme:jobs", {}}));
    CreateQueue mixed{"acme:jobs", {}};
    mixed.change.dead_letter = DeadLetterSpec{"dead"};
    EXPECT_EQ(entered(root, mixed)->reason, Reason::invalid_parameter) << "of two accounts";
    EXPECT_EQ(entered(own, mixed)->reason, Reason::denied);
    mixed.change.dead_letter = DeadLetterSpec{"acme:dead"};
    EXPECT_FALSE(entered(root, mixed));
}

TEST_F(Tenancy, ListsAreOfOneAccountButForThoseWhoSeeAll) {
    const auto scope = [this](const Sight& sight) {
        Request request = ListTopics{};
        EXPECT_FALSE(enter(sight, accounts, request));
        return std::get<ListTopics>(request).account;
    };
    EXPECT_EQ(scope(acme), "acme");
    EXPECT_EQ(scope(own), "");
    EXPECT_EQ(scope(root), std::nullopt);
}

TEST_F(Tenancy, AnUrlIsNoName) {
    SetSubscription set;
    set.topic = "events";
    set.endpoint = "https://example.test/acme";
    Request request = set;
    EXPECT_FALSE(enter(acme, accounts, request));
    EXPECT_EQ(std::get<SetSubscription>(request).endpoint, "https://example.test/acme");
}

TEST_F(Tenancy, NoRequestPassesForAKeyWhoseAccountIsGone) {
    put_in("acme", "AKIDta", {model::Role::admin, {}});
    const Principal member = who("AKIDta");
    TenantBroker tenants(store, ring, accounts);
    AuthorisedBroker authorised(tenants, ring);
    accounts.make("acme");  // a later one of that name
    each_request([&]<class R>() {
        boost::asio::io_context context;
        Reason reason = Reason::none;
        authorised.call(member, R{}, context.get_executor(), [&reason](const std::any& any) {
            reason = std::any_cast<const Outcome<typename R::Reply>&>(any).error().reason;
        });
        context.run();
        EXPECT_EQ(reason, Reason::unauthenticated) << action_of<R>();
    });
    EXPECT_TRUE(store.inner.requests.empty());
}

TEST_F(Tenancy, WhoIsAskedSeesWithTheEyesOfItsKey) {
    put_in("acme", "AKIDta", {model::Role::admin, {}});
    TenantBroker tenants(store, ring, accounts);
    AuthorisedBroker authorised(tenants, ring);
    const auto asked_as = [&](const std::string& key_id) {
        boost::asio::io_context context;
        const std::size_t before = store.inner.requests.size();
        authorised.call(
            who(key_id), GetQueue{"acme:jobs"}, context.get_executor(), [](const std::any&) {});
        context.run();
        if (store.inner.requests.size() == before) return std::string("refused");
        return std::get<GetQueue>(store.inner.requests.back()).name;
    };
    EXPECT_EQ(asked_as("AKIDr"), "acme:jobs");
    EXPECT_EQ(asked_as("AKIDa"), "acme:jobs") << "admin";
    EXPECT_EQ(asked_as("AKIDo"), "refused");
    EXPECT_EQ(asked_as("AKIDta"), "acme:acme:jobs") << "a name that nothing has";
    accounts.all.erase("acme");
    EXPECT_EQ(asked_as("AKIDta"), "refused") << "its account is gone";
    accounts.make("acme");
    EXPECT_EQ(asked_as("AKIDta"), "refused") << "and another one has its name";
}

}  // namespace

}  // namespace penstock::api

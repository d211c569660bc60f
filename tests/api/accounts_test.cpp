#include "broker/api/account_registry.h"
#include "broker/api/actions.h"
#include "broker/api/authorisation.h"
#include "tests/api/keys_fixture.h"
#include "tests/support/manual_clock.h"

#include <functional>
#include <optional>

namespace penstock::api {

namespace {

using model::Reason;
using model::Role;
using model::Statement;

// What `start` hands to its callback.
template <class T>
Outcome<T> answered(const std::function<void(const asio::any_io_executor&, Answered<T>)>& start) {
    boost::asio::io_context context;
    std::optional<Outcome<T>> got;
    start(context.get_executor(), [&](Outcome<T> outcome) { got.emplace(std::move(outcome)); });
    context.run();
    EXPECT_TRUE(got.has_value());
    return got ? *got : Outcome<T>(model::Refusal{});
}

class Registry : public KeysFixture {
  protected:
    Registry() {
        store.inner.answer_with<ListQueues>({});
        store.inner.answer_with<ListTopics>({});
    }

    Outcome<Account> create(const Principal& by,
                            const std::string& name,
                            LimitsChange limits = {}) {
        return answered<Account>([&](const auto& executor, Answered<Account> answer) {
            registry.create(by, name, limits, executor, std::move(answer));
        });
    }

    Outcome<Account> change(const std::string& name, const LimitsChange& limits) {
        return answered<Account>([&](const auto& executor, Answered<Account> answer) {
            registry.change(who("AKIDr"), name, limits, executor, std::move(answer));
        });
    }

    Outcome<Nothing> remove(const Principal& by, const std::string& name) {
        return answered<Nothing>([&](const auto& executor, Answered<Nothing> answer) {
            registry.remove(by, name, executor, std::move(answer));
        });
    }

    Outcome<std::vector<Account>> list(const Principal& by) {
        return answered<std::vector<Account>>([&](const auto& executor, auto answer) {
            registry.list(by, executor, std::move(answer));
        });
    }

    AccountRegistry registry{store, store, box, clock};
    KeyRing members{store, store, box, clock, registry};
};

TEST_F(Registry, AnAccountIsKeptSealedAndKnownByItsName) {
    LimitsChange limits;
    limits.queues_max = 7;
    limits.object_requests_per_second = 0;
    const auto made = create(who("AKIDr"), "acme", limits);
    ASSERT_TRUE(made.has_value()) << made.error().detail;
    EXPECT_NE(made->number, 0U);
    EXPECT_EQ(made->limits.queues_max, 7U);
    EXPECT_EQ(made->limits.topics_max, 1'000U) << "as by default";
    EXPECT_EQ(store.kept.at("account/acme").credential.find("acme"), std::string::npos);
    EXPECT_FALSE(store.kept.at("account/acme").lasting_root);
    for (int times = 0; times < 2; ++times) {
        const auto known = registry.account("acme");
        ASSERT_TRUE(known);
        EXPECT_EQ(known->number, made->number);
        EXPECT_EQ(known->limits, made->limits);
        EXPECT_EQ(known->created_ms, made->created_ms);
    }
    store.kept["account/other"] = {"account/other", store.kept.at("account/acme").credential, {}};
    EXPECT_FALSE(registry.account("other")) << "sealed for another name";
    EXPECT_FALSE(registry.account("nobody"));
    EXPECT_EQ(registry.account("")->limits, no_limits);
    limits = {};
    limits.queues_max = 9;
    EXPECT_TRUE(change("acme", limits).has_value());
    EXPECT_EQ(registry.account("acme")->limits.queues_max, 9U);
    EXPECT_EQ(registry.account("acme")->limits.object_requests_per_second, 0U) << "stays";
    EXPECT_EQ(registry.account("acme")->number, made->number);
    EXPECT_EQ(change("nobody", limits).error().subject, "account");
    EXPECT_EQ(change("", limits).error().subject, "account");
}

TEST_F(Registry, OnlyRootKeysOfTheServerSeeAndChangeAccounts) {
    ASSERT_TRUE(create(who("AKIDr"), "acme").has_value());
    Principal member{"AKIDm", true, "acme"};
    for (const Principal& by : {who("AKIDa"), who("AKIDv"), member}) {
        EXPECT_EQ(create(by, "globex").error().reason, Reason::denied) << by.key_id;
        EXPECT_EQ(remove(by, "acme").error().reason, Reason::denied) << by.key_id;
        EXPECT_EQ(list(by).error().reason, Reason::denied) << by.key_id;
    }
    EXPECT_EQ(list(who("AKIDr"))->size(), 1U);
    EXPECT_EQ(list(who("AKIDr"))->at(0).name, "acme");
    EXPECT_EQ(create(who("AKIDr"), "acme").error().subject, "exists");
    EXPECT_EQ(create(who("AKIDr"), "Acme").error().reason, Reason::name_format);
}

TEST_F(Registry, AnAccountWithObjectsIsNotDeletedNorMadeOverOldOnes) {
    ASSERT_TRUE(create(who("AKIDr"), "acme").has_value());
    store.inner.answer_with<ListTopics>({2, {}});
    const auto refused = remove(who("AKIDr"), "acme");
    EXPECT_EQ(refused.error().subject, "objects");
    EXPECT_NE(refused.error().detail.find("2 queues and topics"), std::string::npos);
    const auto* asked = store.inner.last<ListQueues>();
    ASSERT_NE(asked, nullptr);
    EXPECT_EQ(asked->account, "acme");
    EXPECT_TRUE(asked->automatic);
    EXPECT_TRUE(registry.account("acme"));
    EXPECT_EQ(create(who("AKIDr"), "globex").error().subject, "objects");
    store.inner.answer_with<ListTopics>({});
    EXPECT_TRUE(remove(who("AKIDr"), "acme").has_value());
    EXPECT_FALSE(registry.account("acme"));
}

TEST_F(Registry, KeysOfAnAccountThatIsGoneAreOfNoUseNorForTheNextOfItsName) {
    const auto made = create(who("AKIDr"), "acme");
    KeyView view{"AKIDm", {Role::admin, {}}, {}, 1, 0, "acme", made->number};
    const KeptKey key{"AKIDm", *seal_credential(box, {"hush", view}), false};
    store.kept["AKIDm"] = key;
    ASSERT_TRUE(members.valid("AKIDm"));
    ASSERT_TRUE(remove(who("AKIDr"), "acme").has_value());
    EXPECT_FALSE(members.valid("AKIDm"));
    EXPECT_FALSE(store.kept.contains("AKIDm")) << "it makes room";
    EXPECT_TRUE(store.kept.contains("AKIDa"));
    store.kept["AKIDm"] = key;
    ASSERT_TRUE(create(who("AKIDr"), "acme").has_value());
    EXPECT_FALSE(members.valid("AKIDm"));
}

TEST_F(Registry, NoAccountIsAKey) {
    ASSERT_TRUE(create(who("AKIDr"), "acme").has_value());
    EXPECT_FALSE(members.valid("account/acme"));
    const auto removed = answered<Nothing>([&](const auto& executor, Answered<Nothing> answer) {
        members.remove(who("AKIDr"), "account/acme", executor, std::move(answer));
    });
    EXPECT_EQ(removed.error().subject, "key_id");
    EXPECT_TRUE(registry.account("acme"));
    const auto keys = answered<std::vector<KeyView>>([&](const auto& executor, auto answer) {
        members.list(who("AKIDr"), executor, std::move(answer));
    });
    for (const KeyView& key : *keys) EXPECT_NE(key.key_id, "account/acme");
}

// Keys of accounts, made and used.
class AccountKeys : public KeysFixture {
  protected:
    AccountKeys() {
        put_in("acme", "AKIDm", {Role::admin, {}});
        put_in("globex", "AKIDg", {Role::admin, {}});
    }

    Outcome<KeyView> create(const std::string& by, const NewKey& key) {
        return answered<KeyView>([&](const auto& executor, Answered<KeyView> answer) {
            ring.create(who(by), key, executor, std::move(answer));
        });
    }

    static NewKey key(Role role, const std::string& account = {}) {
        NewKey made;
        made.key_id = "AKIDnew";
        made.secret = "canary";
        made.access.role = role;
        made.account = account;
        return made;
    }

    std::vector<std::string> listed(const std::string& by) {
        const auto keys = answered<std::vector<KeyView>>([&](const auto& executor, auto answer) {
            ring.list(who(by), executor, std::move(answer));
        });
        std::vector<std::string> ids;
        if (keys) {
            for (const KeyView& one : *keys) ids.push_back(one.key_id);
        }
        return ids;
    }
};

TEST_F(AccountKeys, AnAdminOfAnAccountMakesKeysOfItOnly) {
    const auto made = create("AKIDm", key(Role::viewer));
    ASSERT_TRUE(made.has_value());
    EXPECT_EQ(made->account, "acme");
    EXPECT_EQ(ring.valid("AKIDnew")->view.account, "acme");
    EXPECT_TRUE(create("AKIDm", key(Role::viewer, "acme")).has_value());
    EXPECT_EQ(create("AKIDm", key(Role::viewer, "globex")).error().reason, Reason::denied);
    EXPECT_EQ(create("AKIDm", key(Role::root)).error().subject, "role");
    EXPECT_EQ(create("AKIDa", key(Role::viewer, "acme")).error().reason, Reason::denied)
        << "an admin of the server makes its own only";
    EXPECT_EQ(create("AKIDr", key(Role::admin, "acme"))->account, "acme");
    EXPECT_EQ(create("AKIDr", key(Role::root, "acme")).error().subject, "role");
    EXPECT_EQ(create("AKIDr", key(Role::viewer, "nobody")).error().subject, "account");
}

TEST_F(AccountKeys, KeysOfOthersAreAsThoseThatDoNotExist) {
    EXPECT_EQ(listed("AKIDm"), (std::vector<std::string>{"AKIDm"}));
    EXPECT_EQ(listed("AKIDr").size(), 9U);
    const auto removed = [&](const std::string& by, const std::string& key_id) {
        return answered<Nothing>([&](const auto& executor, Answered<Nothing> answer) {
            ring.remove(who(by), key_id, executor, std::move(answer));
        });
    };
    for (const char* foreign : {"AKIDg", "AKIDa", "AKIDr", "account/globex"}) {
        EXPECT_EQ(
            removed("AKIDm", foreign).error(),
            (model::Refusal{
                Reason::invalid_parameter, "key_id", "there is no key " + std::string(foreign)}));
        NewKey next = key(Role::none);
        next.replaces = foreign;
        EXPECT_EQ(create("AKIDm", next).error().subject, "key_id") << foreign;
    }
    EXPECT_EQ(removed("AKIDa", "AKIDm").error().reason, Reason::denied);
    EXPECT_TRUE(store.puts.empty());
    EXPECT_TRUE(removed("AKIDr", "AKIDm").has_value());
}

TEST_F(AccountKeys, AKeyIsReplacedWithinItsAccount) {
    NewKey next = key(Role::none);
    next.replaces = "AKIDm";
    const auto made = create("AKIDr", next);
    ASSERT_TRUE(made.has_value()) << made.error().detail;
    EXPECT_EQ(made->account, "acme");
    EXPECT_EQ(made->access.role, Role::admin);
    EXPECT_TRUE(ring.valid("AKIDnew"));
}

TEST_F(AccountKeys, AnAccountHasABoundedNumberOfKeys) {
    for (int more = 1; more < 100; ++more) {
        put_in("acme", "AKIDm" + std::to_string(more), {Role::none, {}});
    }
    EXPECT_EQ(create("AKIDm", key(Role::viewer)).error().reason, Reason::denied);
    EXPECT_TRUE(create("AKIDg", key(Role::viewer)).has_value()) << "another has room";
}

TEST_F(AccountKeys, TheServerIsNotTheirsToLookAt) {
    const Act figures{Right::look, "GetStatus", "server"};
    EXPECT_TRUE(ring.may(who("AKIDv"), figures));
    EXPECT_FALSE(ring.may(who("AKIDm"), figures));
    EXPECT_TRUE(ring.may(who("AKIDm"), {Right::look, "ListQueues", "queue/*"}));
}

TEST_F(AccountKeys, WhatOlderBuildsWroteIsReadAndTheyReadWhatIsWrittenForThem) {
    const KeyView view{"AKIDold", {Role::viewer, {}}, "note", 1, 2};
    const auto sealed = seal_credential(box, {"hush", view});
    const auto plain = box.open(*sealed, "key/AKIDold");
    ASSERT_TRUE(plain.has_value());
    EXPECT_EQ(plain->front(), 1) << "the version that they know";
    const auto opened = open_credential(box, "AKIDold", *sealed);
    EXPECT_EQ(opened->view.account, "");
    EXPECT_EQ(opened->view.ends_ms, 2);
}

class TemporaryKeys : public KeysFixture {
  protected:
    TemporaryKeys() {
        put_in("acme", "AKIDm", {Role::operations, {}});
        later.advance_ms(1'000'000);
    }

    Outcome<TemporaryKey> make(const Principal& by,
                               std::uint64_t life_ms,
                               const model::Access& access = {Role::admin, {}}) {
        NewKey key;
        key.key_id = "TMPKID1";
        key.secret = "short-lived";
        key.access = access;
        key.life_ms = life_ms;
        return answered<TemporaryKey>([&](const auto& executor, Answered<TemporaryKey> answer) {
            timed.create_temporary(by, key, executor, std::move(answer));
        });
    }

    [[nodiscard]] Principal holder(const TemporaryKey& key) const {
        return principal_of(key.view.key_id, key.token, {"short-lived", false, key.view.account});
    }

    [[nodiscard]] bool may(const TemporaryKey& key, const Act& act) const {
        return timed.may(holder(key), act);
    }

    penstock::testing::ManualClock later;
    KeyRing timed{store, store, box, later, accounts};
    const Act send{Right::send, "SendMessages", "queue/jobs"};
    const Act create_queue{Right::manage, "CreateQueue", "queue/jobs"};
};

TEST_F(TemporaryKeys, AreWholeInTheirTokenAndEndByThemselves) {
    const auto made = make(who("AKIDm"), 60'000);
    ASSERT_TRUE(made.has_value()) << made.error().detail;
    EXPECT_TRUE(store.puts.empty()) << "kept nowhere";
    EXPECT_EQ(made->view.account, "acme");
    EXPECT_EQ(made->view.ends_ms, later.wall_ms() + 60'000);
    EXPECT_EQ(made->token.find("short-lived"), std::string::npos);
    const auto known = timed.temporary("TMPKID1", made->token);
    ASSERT_TRUE(known);
    EXPECT_EQ(known->secret, "short-lived");
    EXPECT_FALSE(timed.temporary("TMPKID2", made->token)) << "sealed for another id";
    EXPECT_FALSE(timed.temporary("TMPKID1", made->token.substr(4)));
    EXPECT_FALSE(timed.temporary("TMPKID1", ""));
    EXPECT_FALSE(timed.valid("TMPKID1")) << "without its token it is nothing";
    EXPECT_FALSE(timed.temporary("AKIDm", made->token));
    later.advance_ms(59'999);
    EXPECT_TRUE(may(*made, send));
    later.advance_ms(1);
    EXPECT_FALSE(timed.temporary("TMPKID1", made->token));
    EXPECT_FALSE(may(*made, send));
}

TEST_F(TemporaryKeys, MayNothingThatTheirMakerMayNot) {
    const auto whole = make(who("AKIDm"), 60'000);
    EXPECT_TRUE(may(*whole, send));
    EXPECT_FALSE(may(*whole, create_queue)) << "its maker is an operator";
    const auto narrow = make(who("AKIDm"), 60'000, {Role::viewer, {}});
    EXPECT_FALSE(may(*narrow, send));
    EXPECT_TRUE(may(*narrow, {Right::look, "GetQueue", "queue/jobs"}));
    put_in("acme", "AKIDm", {Role::operations, {Statement{true, {"*"}, {"queue/jobs"}}}});
    EXPECT_FALSE(may(*whole, send)) << "its maker may not any more";
    const auto of_root = make(who("AKIDr"), 60'000);
    EXPECT_TRUE(may(*of_root, create_queue));
    EXPECT_FALSE(may(*of_root, {Right::keys, "CreateKey", "key/AKIDx"})) << "it would outlive it";
    EXPECT_FALSE(may(*of_root, {Right::server, "ChangeCluster", "server"}));
    EXPECT_EQ(make(who("AKIDr"), 60'000, {Role::root, {}}).error().subject, "role");
}

TEST_F(TemporaryKeys, EndWithTheirMakerAndMakeNoOthers) {
    const auto made = make(who("AKIDm"), 60'000);
    EXPECT_EQ(make(holder(*made), 60'000).error().reason, Reason::denied);
    store.kept.erase("AKIDm");
    EXPECT_FALSE(timed.temporary("TMPKID1", made->token));
    put_in("acme", "AKIDm", {Role::operations, {}}, later.wall_ms() + 10);
    EXPECT_EQ(make(who("AKIDm"), 60'000)->view.ends_ms, later.wall_ms() + 10);
    accounts.all.erase("acme");
    EXPECT_FALSE(timed.temporary("TMPKID1", made->token)) << "nor of an account that is gone";
}

TEST_F(TemporaryKeys, LiveForABoundedTime) {
    EXPECT_EQ(make(who("AKIDm"), 0).error().subject, "life");
    EXPECT_EQ(make(who("AKIDm"), temporary_life_ms_max + 1).error().subject, "life");
    EXPECT_TRUE(make(who("AKIDm"), temporary_life_ms_max).has_value());
    const Statement large{false,
                          std::vector<std::string>(16, std::string(160, 'a')),
                          std::vector<std::string>(16, std::string(160, 'b'))};
    EXPECT_EQ(make(who("AKIDm"), 1'000, {Role::none, {large, large}}).error().subject,
              "statements");
}

TEST_F(TemporaryKeys, AreJudgedAtEveryRequest) {
    AuthorisedBroker authorised(store, timed);
    const auto made = make(who("AKIDm"), 60'000);
    const auto key = find_key(authorised, "TMPKID1", made->token);
    ASSERT_TRUE(key);
    EXPECT_EQ(key->secret, "short-lived");
    EXPECT_EQ(key->account, "acme");
    EXPECT_FALSE(key->root);
    const auto passes = [&](const Request& request) {
        boost::asio::io_context context;
        const std::size_t before = store.inner.requests.size();
        authorised.call(holder(*made), request, context.get_executor(), [](const std::any&) {});
        context.run();
        return store.inner.requests.size() > before;
    };
    SendMessages asked;
    asked.queue = "jobs";
    EXPECT_TRUE(passes(asked));
    EXPECT_FALSE(passes(CreateQueue{"jobs", {}}));
    later.advance_ms(60'000);
    EXPECT_FALSE(passes(asked));
}

}  // namespace

}  // namespace penstock::api

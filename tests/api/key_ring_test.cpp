#include "tests/api/keys_fixture.h"

#include <boost/asio/post.hpp>

namespace penstock::api {

namespace {

using model::Reason;
using model::Role;

class KeyRings : public KeysFixture {
  protected:
    template <class T>
    Outcome<T> answered(
        const std::function<void(const asio::any_io_executor&, Answered<T>)>& start) {
        boost::asio::io_context context;
        std::optional<Outcome<T>> got;
        start(context.get_executor(), [&](Outcome<T> outcome) { got.emplace(std::move(outcome)); });
        context.run();
        EXPECT_TRUE(got.has_value());
        return got ? *got : Outcome<T>(model::Refusal{});
    }

    Outcome<KeyView> create(const std::string& by, const NewKey& key) {
        return answered<KeyView>([&](const auto& executor, Answered<KeyView> answer) {
            ring.create(who(by), key, executor, std::move(answer));
        });
    }

    Outcome<Nothing> remove(const std::string& by, const std::string& key_id) {
        return answered<Nothing>([&](const auto& executor, Answered<Nothing> answer) {
            ring.remove(who(by), key_id, executor, std::move(answer));
        });
    }

    Outcome<std::vector<KeyView>> list(const std::string& by) {
        return answered<std::vector<KeyView>>(
            [&](const auto& executor, Answered<std::vector<KeyView>> answer) {
                ring.list(who(by), executor, std::move(answer));
            });
    }

    static NewKey key(const std::string& key_id, Role role) {
        NewKey made;
        made.key_id = key_id;
        made.secret = "canary";
        made.access.role = role;
        return made;
    }
};

TEST_F(KeyRings, OnlyRootAndAdminMakeListAndEndKeys) {
    for (const char role : std::string("raovpcn")) {
        const std::string by = std::string("AKID") + role;
        const bool allowed = role == 'r' || role == 'a';
        EXPECT_EQ(create(by, key("AKIDnew", Role::viewer)).has_value(), allowed) << by;
        EXPECT_EQ(list(by).has_value(), allowed) << by;
        EXPECT_EQ(remove(by, "AKIDn2").has_value(), allowed) << by;
    }
    put("AKIDs", {Role::none, {{false, {"*"}, {"*"}}}});
    EXPECT_EQ(create("AKIDs", key("AKIDx", Role::viewer)).error().reason, Reason::denied)
        << "no statement gives it";
    EXPECT_EQ(list("AKIDs").error().reason, Reason::denied);
    EXPECT_EQ(create("AKIDgone", key("AKIDx", Role::viewer)).error().reason,
              Reason::unauthenticated);
}

TEST_F(KeyRings, OnlyARootKeyMakesReplacesAndEndsRootKeys) {
    put("AKIDr2", {Role::root, {}}, clock.wall_ms() + 60'000);
    EXPECT_EQ(create("AKIDa", key("AKIDx", Role::root)).error().reason, Reason::denied);
    EXPECT_EQ(create("AKIDa", key("AKIDr", Role::viewer)).error().reason, Reason::denied)
        << "it would take its place";
    for (const std::string root : {"AKIDr", "AKIDr2"}) {
        NewKey next = key("AKIDx", Role::viewer);
        next.replaces = root;
        EXPECT_EQ(create("AKIDa", next).error().reason, Reason::denied) << "it would inherit";
        EXPECT_EQ(remove("AKIDa", root).error().reason, Reason::denied);
    }
    EXPECT_TRUE(store.puts.empty());
    EXPECT_TRUE(create("AKIDr2", key("AKIDx", Role::root)).has_value());
    EXPECT_TRUE(store.kept["AKIDx"].lasting_root);
    EXPECT_TRUE(remove("AKIDr", "AKIDr2").has_value());
}

TEST_F(KeyRings, WhoIsDeniedSomethingMakesNoKeyWithoutThatDenial) {
    put("AKIDs", {Role::admin, {{true, {"*"}, {"queue/secret"}}}});
    EXPECT_EQ(create("AKIDs", key("AKIDx", Role::viewer)).error().reason, Reason::denied);
    EXPECT_TRUE(remove("AKIDs", "AKIDo").has_value());
}

TEST_F(KeyRings, AKeyIsKeptSealedAndOpensForItselfUntilItEnds) {
    NewKey made = key("AKIDnew", Role::viewer);
    made.note = "of ann";
    made.access.statements = {{true, {"*"}, {"queue/a"}}};
    made.life_ms = 60'000;
    const auto view = create("AKIDa", made);
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(view->note, "of ann");
    EXPECT_EQ(view->ends_ms, view->created_ms + 60'000);
    const KeptKey kept = store.kept["AKIDnew"];
    EXPECT_EQ(kept.credential.find("canary"), std::string::npos);
    EXPECT_FALSE(kept.lasting_root);
    for (int times = 0; times < 2; ++times) {
        ASSERT_TRUE(ring.valid("AKIDnew"));
        EXPECT_EQ(ring.valid("AKIDnew")->secret, "canary");
        EXPECT_EQ(ring.valid("AKIDnew")->view.access, made.access);
    }
    store.kept["AKIDother"] = {"AKIDother", kept.credential, false};
    EXPECT_FALSE(ring.valid("AKIDother")) << "sealed for another key";
    store.kept["AKIDnew"].lasting_root = true;
    EXPECT_EQ(ring.valid("AKIDnew")->view.access.role, Role::viewer)
        << "the seal says what it is, not the row";
    put("AKIDold", {Role::viewer, {}}, clock.wall_ms());
    EXPECT_FALSE(ring.valid("AKIDold"));
    EXPECT_EQ(ring.valid("AKIDr")->secret, "plain") << "the first keys are";
    EXPECT_FALSE(ring.valid("AKIDgone"));
    put("AKIDv", {Role::operations, {}});
    EXPECT_EQ(ring.valid("AKIDv")->view.access.role, Role::operations);
}

TEST_F(KeyRings, AKeyThatReplacesAnotherMayDoTheSameAndTheOtherEnds) {
    NewKey next = key("AKIDnext", Role::none);
    next.replaces = "AKIDv";
    next.overlap_ms = 60'000;
    const auto view = create("AKIDa", next);
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(view->access.role, Role::viewer);
    EXPECT_EQ(view->note, "of AKIDv");
    EXPECT_EQ(view->ends_ms, 0);
    ASSERT_EQ(store.puts.size(), 2U);
    EXPECT_EQ(store.puts[0].key_id, "AKIDnext") << "the new one first";
    EXPECT_EQ(ring.valid("AKIDv")->secret, "hush of AKIDv") << "both work";
    EXPECT_NEAR(
        static_cast<double>(ring.valid("AKIDv")->view.ends_ms - clock.wall_ms()), 60'000, 10'000);
    next.replaces = "AKIDgone";
    EXPECT_EQ(create("AKIDa", next).error().reason, Reason::invalid_parameter);
    next.replaces = "AKIDo";
    next.overlap_ms = 0;
    EXPECT_TRUE(create("AKIDa", next).has_value());
    EXPECT_FALSE(ring.valid("AKIDo")) << "at once";
}

TEST_F(KeyRings, TheFirstRootKeyIsReplacedOnceTheNextIsThere) {
    NewKey next = key("AKIDnext", Role::none);
    next.replaces = "AKIDr";
    next.overlap_ms = 60'000;
    EXPECT_TRUE(create("AKIDr", next).has_value());
    ASSERT_EQ(store.puts.size(), 2U);
    EXPECT_TRUE(store.puts[0].lasting_root);
    EXPECT_FALSE(store.puts[1].lasting_root);
    EXPECT_EQ(ring.valid("AKIDr")->secret, "plain");
    EXPECT_EQ(ring.valid("AKIDr")->view.access.role, Role::root);
}

TEST_F(KeyRings, KeysAreListedByWhatStandsInTheirCredentials) {
    const auto all = list("AKIDa");
    ASSERT_EQ(all->size(), 7U);
    EXPECT_EQ(all->at(0).key_id, "AKIDa");
    EXPECT_EQ(all->at(0).access.role, Role::admin);
    EXPECT_EQ(all->at(0).note, "of AKIDa");
    EXPECT_EQ(all->at(5).key_id, "AKIDr");
    EXPECT_EQ(all->at(5).access.role, Role::root);
}

TEST_F(KeyRings, ActsAreToldInTheLogWithoutSecrets) {
    ::testing::internal::CaptureStderr();
    EXPECT_TRUE(create("AKIDa", key("AKIDnew", Role::viewer)).has_value());
    EXPECT_FALSE(create("AKIDo", key("AKIDx", Role::viewer)).has_value());
    EXPECT_TRUE(remove("AKIDa", "x\" outcome=done").has_value());
    const std::string lines = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(
        lines.find("event=audit key=\"AKIDa\" action=CreateKey object=\"AKIDnew\" outcome=done"),
        std::string::npos)
        << lines;
    EXPECT_NE(lines.find("key=\"AKIDo\" action=CreateKey object=\"AKIDx\" outcome=refused "
                         "reason=denied"),
              std::string::npos);
    EXPECT_NE(lines.find("action=DeleteKey object=\"x' outcome=done\""), std::string::npos);
    EXPECT_EQ(lines.find("canary"), std::string::npos);
}

TEST_F(KeyRings, WhatIsAnsweredWithoutTheBrokerIsJudgedToo) {
    const auto logs = [](const std::string& resource) {
        return Act{Right::content, content_action, resource};
    };
    EXPECT_TRUE(ring.may(who("AKIDo"), logs("subscription/*")));
    EXPECT_TRUE(ring.may(who("AKIDr"), logs("subscription/*")));
    EXPECT_FALSE(ring.may(who("AKIDv"), logs("subscription/*")));
    EXPECT_FALSE(ring.may(who("AKIDgone"), logs("subscription/*")));
    put("AKIDs", {Role::none, {{false, {"ReadContent"}, {"subscription/orders/*"}}}});
    EXPECT_TRUE(ring.may(who("AKIDs"), logs("subscription/orders/billing")));
    EXPECT_FALSE(ring.may(who("AKIDs"), logs("subscription/*")));
}

}  // namespace

}  // namespace penstock::api

// The checkers against histories made by hand, in pairs that differ in one detail: one is right,
// one is wrong in the way its name says.
#include "tests/nemesis/conservation.h"
#include "tests/nemesis/intervals.h"
#include "tests/nemesis/linearizability.h"
#include "tests/nemesis/story.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace penstock::nemesis {
namespace {

constexpr std::uint64_t seeds = 8;
constexpr std::int64_t short_lease_s = 2;

struct Family {
    const char* wrong;  // what is wrong in the bad one
    const char* rule;   // that must find it
    void (*tell)(Story& story, bool wrong);
};

void queue_of(Story& story, const std::string& name) {
    Queue rules;
    rules.visibility_s = short_lease_s;
    story.declare(name, rules);
}

void with_dead_letters(Story& story) {
    Queue rules;
    rules.visibility_s = short_lease_s;
    rules.dead = "dead";
    rules.max_receives = 2;
    story.declare("work", rules);
    queue_of(story, "dead");
}

void take(Story& story, const std::string& queue, const std::string& body) {
    story.receive(queue, body, 1);
    story.remove(queue, body, 1);
}

void subscribed(Story& story, bool ordered) {
    story.history.subscriptions["news/hook"] = {"news", "", "", "news.hook.dlq", ordered};
    queue_of(story, "news.hook.dlq");
}

using Families = std::vector<Family>;

Families what_is_sent() {
    return {
        {"an acknowledged message is nowhere",
         "lost",
         [](Story& story, bool wrong) {
             queue_of(story, "q");
             story.send("q", "a");
             story.send("q", "b");
             take(story, "q", "a");
             if (!wrong) take(story, "q", "b");
         }},
        {"a send that was not answered is acknowledged and nowhere",
         "lost",
         [](Story& story, bool wrong) {
             queue_of(story, "q");
             story.send("q", "a");
             if (!wrong) story.unanswered();
         }},
        {"a message that nobody sent",
         "invented",
         [](Story& story, bool wrong) {
             queue_of(story, "q");
             story.send("q", "a");
             take(story, "q", wrong ? "x" : "a");
             if (wrong) take(story, "q", "a");
         }},
        {"a send that failed took effect",
         "failed_but_came",
         [](Story& story, bool wrong) {
             queue_of(story, "q");
             story.send("q", "a");
             if (wrong) {
                 story.refused();
             } else {
                 story.unanswered();
             }
             take(story, "q", "a");
         }},
        {"a retry with a dedup key made a second message",
         "two_ids",
         [](Story& story, bool wrong) {
             queue_of(story, "q");
             story.send("q", "a").key = "once";
             story.unanswered();
             story.last().items[0].id.clear();
             story.send("q", "a").key = "once";
             if (wrong) story.last().items[0].id = "another";
             take(story, "q", "a");
         }},
    };
}

Families what_comes_back() {
    return {
        {"a message came back after its delete",
         "came_back",
         [](Story& story, bool wrong) {
             queue_of(story, "q");
             story.send("q", "a");
             story.receive("q", "a", 1);
             story.remove("q", "a", 1);
             if (!wrong) story.unanswered();
             story.wait_s(short_lease_s);
             story.receive("q", "a", 2);
             story.remove("q", "a", 2);
         }},
        {"two clients have the same lease",
         "leased_twice",
         [](Story& story, bool wrong) {
             queue_of(story, "q");
             story.send("q", "a");
             story.receive("q", "a", 1);
             if (!wrong) story.wait_s(short_lease_s);
             story.receive("q", "a", 2);
             story.remove("q", "a", 2);
         }},
        {"a message came back without a rewind",
         "came_back",
         [](Story& story, bool wrong) {
             Queue rules;
             rules.rewound = true;
             story.declare("q", rules);
             story.send("q", "a");
             take(story, "q", "a");
             story.act(Kind::rewind, "q", 0);
             if (wrong) story.refused();
             take(story, "q", "a");
         }},
    };
}

Families leases() {
    return {
        {"a lease of its own length ended early",
         "leased_twice",
         [](Story& story, bool wrong) {
             queue_of(story, "q");
             story.send("q", "a");
             story.receive("q", "a", 1).number = 4;
             story.wait_s(wrong ? short_lease_s : 4);
             story.receive("q", "a", 2);
             story.remove("q", "a", 2);
         }},
        {"a lease that was made longer ended as before",
         "message",
         [](Story& story, bool wrong) {
             queue_of(story, "q");
             story.send("q", "a");
             story.receive("q", "a", 1);
             story.change_visibility("q", "a", 1, 5);
             story.wait_s(wrong ? short_lease_s + 1 : 5);
             story.receive("q", "a", 2);
             story.remove("q", "a", 2);
         }},
        {"a lease that was not given up ended",
         "leased_twice",
         [](Story& story, bool wrong) {
             queue_of(story, "q");
             story.send("q", "a");
             story.receive("q", "a", 1);
             story.change_visibility("q", "a", 1, 0);
             if (wrong) story.refused();
             story.receive("q", "a", 2);
             story.remove("q", "a", 2);
         }},
        {"a delayed message came early",
         "early",
         [](Story& story, bool wrong) {
             queue_of(story, "q");
             story.send("q", "a").number = 3;
             story.wait_s(wrong ? 1 : 3);
             take(story, "q", "a");
         }},
    };
}

Families rewinds() {
    return {
        {"a rewind did not bring a message back",
         "not_rewound",
         [](Story& story, bool wrong) {
             Queue rules;
             rules.rewound = true;
             story.declare("q", rules);
             const TimeUs to_us = story.now_us();
             story.wait_s(2);
             story.send("q", "a");
             take(story, "q", "a");
             story.act(Kind::rewind, "q", to_us);
             if (!wrong) take(story, "q", "a");
         }},
    };
}

Families subscriptions() {
    return {
        {"a publish was never pushed",
         "not_pushed",
         [](Story& story, bool wrong) {
             subscribed(story, false);
             story.publish("news", "a");
             story.push("news/hook", "a", 500);
             if (!wrong) story.push("news/hook", "a", 200);
         }},
        {"retries ended without a dead letter",
         "not_pushed",
         [](Story& story, bool wrong) {
             subscribed(story, false);
             story.publish("news", "a");
             story.push("news/hook", "a", 500);
             if (!wrong) take(story, "news.hook.dlq", "a");
         }},
        {"a subscriber queue lacks a message",
         "lost",
         [](Story& story, bool wrong) {
             story.history.subscriptions["news/copy"] = {"news", "t", "q", "", false};
             queue_of(story, "q");
             story.publish("news", "a").tag = "t";
             story.publish("news", "b").tag = "other";
             if (!wrong) take(story, "q", "a");
         }},
        {"a message of a key came before the one before it",
         "out_of_order",
         [](Story& story, bool wrong) {
             subscribed(story, true);
             story.publish("news", "a").key = "k";
             story.publish("news", "b").key = "k";
             story.push("news/hook", "a", wrong ? 500 : 200);
             story.push("news/hook", "b", 200);
             if (wrong) story.push("news/hook", "a", 200);
         }},
    };
}

Families dead_letters() {
    return {
        {"a dead letter was not received often enough",
         "died_early",
         [](Story& story, bool wrong) {
             with_dead_letters(story);
             story.send("work", "a");
             for (std::uint64_t times = 1; times <= (wrong ? 1U : 2U); ++times) {
                 story.receive("work", "a", times);
                 story.wait_s(short_lease_s);
             }
             take(story, "dead", "a");
         }},
        {"a message is no dead letter when it should be",
         "received_too_often",
         [](Story& story, bool wrong) {
             with_dead_letters(story);
             story.send("work", "a");
             for (std::uint64_t times = 1; times <= 3; ++times) {
                 story.receive(!wrong && times == 3 ? "dead" : "work", "a", times == 3 ? 1 : times);
                 story.wait_s(short_lease_s);
             }
             story.receive("dead", "a", wrong ? 1 : 2);
             story.remove("dead", "a", wrong ? 1 : 2);
         }},
        {"a dead letter is still in its queue",
         "message",
         [](Story& story, bool wrong) {
             with_dead_letters(story);
             story.send("work", "a");
             story.receive("work", "a", 1);
             story.wait_s(short_lease_s);
             story.receive("work", "a", 2);
             story.wait_s(short_lease_s);
             story.receive("dead", "a", 1);
             story.remove("dead", "a", 1);
             if (wrong) story.change_visibility("work", "a", 2, 0);
         }},
    };
}

Families receipts() {
    return {
        {"a stale receipt deleted",
         "message",
         [](Story& story, bool wrong) {
             queue_of(story, "q");
             story.send("q", "a");
             story.receive("q", "a", 1);
             story.wait_s(short_lease_s);
             story.receive("q", "a", 2);
             story.remove("q", "a", 1);
             if (!wrong) {
                 story.refused("stale");
                 story.remove("q", "a", 2);
             }
         }},
        {"a good receipt was refused",
         "message",
         [](Story& story, bool wrong) {
             queue_of(story, "q");
             story.send("q", "a");
             story.receive("q", "a", 1);
             if (wrong) {
                 story.remove("q", "a", 1);
                 story.refused("stale");
             }
             story.remove("q", "a", 1);
         }},
        {"receives were counted wrong",
         "message",
         [](Story& story, bool wrong) {
             queue_of(story, "q");
             story.send("q", "a");
             story.receive("q", "a", 1);
             story.wait_s(short_lease_s);
             story.receive("q", "a", wrong ? 3 : 2);
             story.remove("q", "a", wrong ? 3 : 2);
         }},
        {"nothing came though a message lay there",
         "message",
         [](Story& story, bool wrong) {
             queue_of(story, "q");
             story.send("q", "a");
             story.receive_nothing("q");
             if (!wrong) story.overlap();
             take(story, "q", "a");
         }},
    };
}

Families attributes_and_names() {
    return {
        {"a read shows what was before",
         "attribute",
         [](Story& story, bool wrong) {
             story.act(Kind::set, "q#retention", 7);
             story.act(Kind::set, "q#retention", 8);
             story.act(Kind::get, "q#retention", wrong ? 7 : 8);
         }},
        {"an unanswered change happened twice",
         "attribute",
         [](Story& story, bool wrong) {
             story.act(Kind::set, "q#retention", 7);
             story.act(Kind::set, "q#retention", 8);
             story.unanswered();
             story.act(Kind::get, "q#retention", 8);
             story.act(Kind::set, "q#retention", 9);
             story.act(Kind::get, "q#retention", wrong ? 8 : 9);
         }},
        {"a dropped queue is seen",
         "name",
         [](Story& story, bool wrong) {
             story.act(Kind::create, "n");
             story.act(Kind::drop, "n");
             story.act(Kind::look, "n");
             if (!wrong) story.refused("absent");
         }},
        {"a queue was made twice",
         "name",
         [](Story& story, bool wrong) {
             story.act(Kind::create, "n");
             story.act(Kind::create, "n");
             if (!wrong) story.refused("exists");
             story.act(Kind::look, "n");
         }},
        {"a count is behind",
         "count_wrong",
         [](Story& story, bool wrong) {
             queue_of(story, "q");
             story.send("q", "a");
             story.send("q", "b");
             story.act(Kind::count, "q", wrong ? 1 : 2);
             take(story, "q", "a");
             take(story, "q", "b");
         }},
    };
}

Families families() {
    Families all;
    for (const auto& part : {what_is_sent(),
                             what_comes_back(),
                             leases(),
                             rewinds(),
                             subscriptions(),
                             dead_letters(),
                             receipts(),
                             attributes_and_names()}) {
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

Findings check_all(const History& history) {
    Findings all;
    for (const auto& check : {check_conservation, check_intervals, check_linearizability}) {
        const Findings found = check(history);
        all.insert(all.end(), found.begin(), found.end());
    }
    return all;
}

std::string show(const Findings& findings) {
    std::string text;
    for (const Finding& finding : findings) text += finding.rule + ": " + finding.what + "\n";
    return text;
}

History told(const Family& family, std::uint64_t seed, bool wrong) {
    Story story(seed);
    constexpr int messages = 10;
    story.calm_traffic(messages);
    family.tell(story, wrong);
    return story.history;
}

TEST(Checkers, TwoHundredAndThirtyTwoRightHistoriesAreRight) {
    for (const Family& family : families()) {
        for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
            EXPECT_EQ(show(check_all(told(family, seed, false))), "")
                << family.wrong << ", seed " << seed;
        }
    }
}

TEST(Checkers, TwoHundredAndThirtyTwoWrongHistoriesAreFoundForWhatIsWrong) {
    for (const Family& family : families()) {
        for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
            const Findings findings = check_all(told(family, seed, true));
            const auto found =
                std::count_if(findings.begin(), findings.end(), [&](const Finding& finding) {
                    return finding.rule == family.rule;
                });
            EXPECT_GT(found, 0) << family.wrong << ", seed " << seed << "\n" << show(findings);
        }
    }
}

TEST(Checkers, TooManyOrdersAreNoVerdict) {
    Story story(1);
    constexpr std::int64_t open = 24;
    story.act(Kind::set, "q#retention", 1);
    for (std::int64_t number = 2; number < open; ++number) {
        Operation& set = story.act(Kind::set, "q#retention", number);
        set.invoke_us = us_per_s;
        set.complete_us = 100 * us_per_s;
    }
    story.wait_s(200);
    story.act(Kind::get, "q#retention", 1'000);
    const Findings findings = check_linearizability(story.history);
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].rule, "undecided");
}

TEST(Checkers, AHistoryIsReadFromItsLines) {
    const auto history = read_history(
        R"({"kind":"queue","object":"q","visibility_s":5,"dead":"d","max_receives":3}
{"kind":"send","outcome":"ok","invoke":1,"complete":20,"object":"q","items":[{"body":"a","id":"7"}]}
{"kind":"receive","outcome":"unknown","invoke":30,"object":"q"}
)");
    ASSERT_TRUE(history);
    EXPECT_EQ(history->queues.at("q").visibility_s, 5);
    EXPECT_EQ(history->queues.at("q").dead, "d");
    ASSERT_EQ(history->operations.size(), 2U);
    EXPECT_EQ(history->operations[0].complete_us, 20);
    EXPECT_EQ(history->operations[0].items[0].id, "7");
    EXPECT_EQ(history->operations[1].complete_us, never_us);
    EXPECT_FALSE(read_history("{\"kind\":\"send\",\"outcome\":\"ok\"}\n"));
    EXPECT_FALSE(read_history("{"));
}

}  // namespace
}  // namespace penstock::nemesis

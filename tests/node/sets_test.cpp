// A node with several data sets: names lead to them, and what passes between them arrives once.
#include "broker/node/entry_bodies.h"
#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"

#include <gtest/gtest.h>

#include <set>

namespace penstock::testing {
namespace {

node::NodeOptions many_sets() {
    node::NodeOptions options;
    options.data_sets = 3;
    return options;
}

// Queues and topics are spread by load: this many land in every set.
constexpr int spread = 6;

model::SetId set_of(SteppedNode& node, model::ObjectKind kind, const std::string& name) {
    return core::find_name(node.node->names_set().rows(), kind, name)->set;
}

TEST(Sets, QueuesAreSpreadAndServedByName) {
    SteppedNode node(many_sets());
    std::set<model::SetId> used;
    for (int at = 0; at < spread; ++at) {
        const std::string name = "q" + std::to_string(at);
        ASSERT_TRUE(node.ask(create_queue(name)));
        ASSERT_TRUE(node.ask(send(name, {"to " + name})));
        used.insert(set_of(node, model::ObjectKind::queue, name));
    }
    EXPECT_EQ(used.size(), 3U);
    for (int at = 0; at < spread; ++at) {
        const std::string name = "q" + std::to_string(at);
        const auto received = node.ask(receive(name));
        ASSERT_TRUE(received);
        ASSERT_EQ(received->messages.size(), 1U);
        EXPECT_EQ(received->messages[0].payload, "to " + name);
        EXPECT_EQ(received->messages[0].id.set(), set_of(node, model::ObjectKind::queue, name));
    }
    const auto listed = node.ask(api::ListQueues{"", {0, 20}, false, false});
    EXPECT_EQ(listed->total, 6U);
}

// A topic and a queue that are not in one set.
struct Apart {
    SteppedNode node{many_sets()};
    std::string queue;

    Apart() {
        EXPECT_TRUE(node.ask(api::CreateTopic{"news", {}}));
        const model::SetId topic = set_of(node, model::ObjectKind::topic, "news");
        for (int at = 0; queue.empty() && at < spread; ++at) {
            const std::string name = "q" + std::to_string(at);
            EXPECT_TRUE(node.ask(create_queue(name)));
            if (set_of(node, model::ObjectKind::queue, name) != topic) queue = name;
        }
    }
};

TEST(Sets, ASubscribersQueueInAnotherSetGetsEachMessageOnce) {
    Apart apart;
    api::Subscribe subscribe;
    subscribe.topic = "news";
    subscribe.name = "feed";
    subscribe.spec.sink = model::SinkKind::queue;
    subscribe.spec.endpoint = apart.queue;
    ASSERT_TRUE(apart.node.ask(subscribe));
    std::set<std::string> published;
    for (int at = 0; at < 20; ++at) {
        const std::string text = "n" + std::to_string(at);
        ASSERT_TRUE(apart.node.ask(publish("news", {text})));
        published.insert(text);
    }
    apart.node.settle_down();
    std::multiset<std::string> received;
    for (int round = 0; round < 20; ++round) {
        const auto got = apart.node.ask(receive(apart.queue, 16));
        ASSERT_TRUE(got);
        for (const auto& message : got->messages) received.insert(message.payload);
    }
    EXPECT_EQ(received.size(), 20U);
    EXPECT_EQ(std::set<std::string>(received.begin(), received.end()), published);
}

TEST(Sets, ADeadLetterQueueInAnotherSetIsBoundAndFilled) {
    Apart apart;
    const model::SetId far = set_of(apart.node, model::ObjectKind::queue, apart.queue);
    std::string source;
    for (int at = 10; source.empty() && at < 10 + spread; ++at) {
        const std::string name = "s" + std::to_string(at);
        api::CreateQueue create = create_queue(name);
        create.change.dead_letter =
            api::DeadLetterSpec{apart.queue, model::DeadLetterPolicy::Kind::receives, 1, 0};
        create.change.visibility_s = 1;
        ASSERT_TRUE(apart.node.ask(create));
        if (set_of(apart.node, model::ObjectKind::queue, name) != far) source = name;
    }
    ASSERT_FALSE(source.empty());
    EXPECT_EQ(apart.node.ask(api::DeleteQueue{apart.queue}).error().reason,
              model::Reason::dead_letter_in_use);
    ASSERT_TRUE(apart.node.ask(send(source, {"poison"})));
    ASSERT_EQ(apart.node.ask(receive(source))->messages.size(), 1U);
    apart.node.advance_ms(2'000);
    ASSERT_EQ(apart.node.ask(receive(source))->messages.size(), 0U);
    apart.node.settle_down();
    const auto letters = apart.node.ask(api::ListDeadLetters{apart.queue, 0, 10});
    ASSERT_TRUE(letters);
    ASSERT_EQ(letters->items.size(), 1U);
    EXPECT_EQ(letters->items[0].payload, "poison");
    EXPECT_EQ(letters->items[0].source, source);
}

// Makes queues until one of them is in the set, or in another one.
std::string make_queue(SteppedNode& node,
                       const std::string& prefix,
                       model::SetId set,
                       bool inside) {
    for (int at = 0; at < spread; ++at) {
        const std::string name = prefix + std::to_string(at);
        EXPECT_TRUE(node.ask(create_queue(name))) << name;
        if ((set_of(node, model::ObjectKind::queue, name) == set) == inside) return name;
    }
    ADD_FAILURE() << "no queue is where it is wanted";
    return {};
}

api::SetQueue with_dead_letter(const std::string& queue, const std::string& dead_letter) {
    api::SetQueue set;
    set.name = queue;
    set.change.dead_letter =
        api::DeadLetterSpec{dead_letter, model::DeadLetterPolicy::Kind::receives, 3, 0};
    return set;
}

TEST(Sets, ARefusedChangeLetsGoOfTheDeadLetterQueueItAskedFor) {
    SteppedNode node(many_sets());
    ASSERT_TRUE(node.ask(create_queue("morgue")));
    const model::SetId here = set_of(node, model::ObjectKind::queue, "morgue");
    const std::string source = make_queue(node, "near", here, true);
    const std::string far = make_queue(node, "far", here, false);
    ASSERT_TRUE(node.ask(with_dead_letter(source, "morgue")));
    const auto refused = node.ask(with_dead_letter("morgue", far));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, model::Reason::dead_letter_nested);
    node.settle_down();
    EXPECT_TRUE(node.ask(api::DeleteQueue{far}));
}

TEST(Sets, ADeadLetterQueueIsLetGoOnceNothingNamesItAnyMore) {
    SteppedNode node(many_sets());
    ASSERT_TRUE(node.ask(create_queue("source")));
    const model::SetId here = set_of(node, model::ObjectKind::queue, "source");
    const std::string first = make_queue(node, "first", here, false);
    const std::string second = make_queue(node, "second", here, false);
    ASSERT_TRUE(node.ask(with_dead_letter("source", first)));
    EXPECT_FALSE(node.ask(api::DeleteQueue{first}));
    ASSERT_TRUE(node.ask(with_dead_letter("source", second)));
    node.settle_down();
    EXPECT_TRUE(node.ask(api::DeleteQueue{first}));
    EXPECT_FALSE(node.ask(api::DeleteQueue{second}));
}

// As when a leader dies between the delete of a queue and what its dead-letter queue is told.
TEST(Sets, ADeadLetterQueueOutlivesNoBindingOfWhatIsGone) {
    SteppedNode node(many_sets());
    ASSERT_TRUE(node.ask(create_queue("lost")));
    ASSERT_TRUE(node.ask(create_queue("kept")));
    const auto number_of = [&node](const std::string& name) {
        return core::find_name(node.node->names_set().rows(), model::ObjectKind::queue, name)
            ->number;
    };
    const model::SetId lost_in = set_of(node, model::ObjectKind::queue, "lost");
    const model::ObjectNo lost = number_of("lost");
    const std::string morgue = make_queue(node, "morgue", lost_in, false);
    const model::SetId there = set_of(node, model::ObjectKind::queue, morgue);
    const auto bind = [&](model::ObjectNo source) {
        const model::BindDeadLetter binding{number_of(morgue), {lost_in, source}, true, true};
        node.node->submit(there, node::Submission{binding, {}, nullptr, {}});
        node.settle_down();
    };
    bind(lost);
    bind(number_of("kept"));
    ASSERT_TRUE(node.ask(api::DeleteQueue{"lost"}));
    const auto& rows = node.node->data_set(there).rows();
    EXPECT_EQ(core::dead_letter_sources(rows, number_of(morgue)).size(), 2U);
    node.advance_ms(61'000);
    EXPECT_EQ(core::dead_letter_sources(rows, number_of(morgue)),
              std::vector<model::QueueNo>{number_of("kept")});
}

// What a handler could not send to a queue of another set is a letter that a redrive sends there.
TEST(Sets, AnAutomaticDeadLetterQueueStaysWhileLettersOfItMayComeBack) {
    SteppedNode node(many_sets());
    ASSERT_TRUE(node.ask(api::CreateTopic{"news", {}}));
    ASSERT_TRUE(node.ask(subscribe("news", "hook")));
    const model::SetId here = set_of(node, model::ObjectKind::topic, "news");
    const std::string far = make_queue(node, "far", here, false);
    const auto find = [&node](model::ObjectKind kind, const std::string& name) {
        return *core::find_name(node.node->names_set().rows(), kind, name);
    };
    const core::NameInfo target = find(model::ObjectKind::queue, far);
    model::Transfer letter;
    letter.source = target.set;
    letter.number = 1;
    letter.kind = model::TransferKind::dead_letter;
    letter.object = find(model::ObjectKind::dead_letter_queue, "news.hook.dlq").number;
    letter.message = model::MessageId{target.set, 7, 0};
    letter.dead.source = {target.set, target.number};
    letter.dead.failure = model::Failure::output_refused;
    node::PreparedBodies bodies;
    bodies.bytes.push_back(model::encode_body(model::NewMessage{{}, "a letter"}));
    bodies.infos.push_back(node::info_of(bodies.bytes.front()));
    node.node->submit(here, node::Submission{letter, bodies, nullptr, {}});
    node.settle_down();
    ASSERT_EQ(node.ask(api::ListDeadLetters{"news.hook.dlq", 0, 10})->items.size(), 1U);
    node.node->desk(here)->outbox().hold(node.clock.steady_us() + 300'000'000);
    api::RedriveDeadLetters redrive;
    redrive.queue = "news.hook.dlq";
    ASSERT_TRUE(node.ask(redrive));
    node.settle_down();
    ASSERT_EQ(node.ask(api::ListDeadLetters{"news.hook.dlq", 0, 10})->items.size(), 0U);
    ASSERT_TRUE(node.ask(api::DeleteQueue{far}));
    ASSERT_TRUE(node.ask(api::Unsubscribe{"news", "hook"}));
    node.advance_ms(61'000);
    node.node->desk(here)->outbox().hold(0);
    node.advance_ms(1'000);
    const auto left = node.ask(api::ListDeadLetters{"news.hook.dlq", 0, 10});
    ASSERT_TRUE(left);
    EXPECT_EQ(left->items.size(), 1U);
}

TEST(Sets, ListsOverAllSetsAreWhole) {
    SteppedNode node(many_sets());
    for (int at = 0; at < spread; ++at) {
        const std::string topic = "t" + std::to_string(at);
        ASSERT_TRUE(node.ask(api::CreateTopic{topic, {}}));
        api::Subscribe subscribe;
        subscribe.topic = topic;
        subscribe.name = "hook";
        subscribe.spec.sink = model::SinkKind::http;
        subscribe.spec.endpoint = "http://127.0.0.1:9/" + topic;
        ASSERT_TRUE(node.ask(subscribe));
    }
    const auto page = node.ask(api::ListSubscriptions{"", "", {2, 3}});
    ASSERT_TRUE(page);
    EXPECT_EQ(page->total, 6U);
    ASSERT_EQ(page->items.size(), 3U);
    EXPECT_EQ(page->items[0].topic, "t2");
}

TEST(Sets, AllOfThemComeBackAfterARestart) {
    SteppedNode node(many_sets());
    for (int at = 0; at < spread; ++at) {
        ASSERT_TRUE(node.ask(create_queue("q" + std::to_string(at))));
        ASSERT_TRUE(node.ask(send("q" + std::to_string(at), {"kept"})));
    }
    node.restart();
    for (int at = 0; at < spread; ++at) {
        EXPECT_EQ(node.ask(receive("q" + std::to_string(at)))->messages.size(), 1U) << at;
    }
}

}  // namespace
}  // namespace penstock::testing

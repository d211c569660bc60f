// Whether accounts are apart, over the real node, for every request there is: a key of globex asks
// for what is acme's, by name and by handles (ids, receipts). The answer must be, byte for byte,
// that of a server on which acme does not exist, and acme must be as it was.
#include "broker/api/actions.h"
#include "broker/api/tenancy.h"
#include "broker/api/wire.h"
#include "tests/api/keys_fixture.h"
#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"

#include <boost/asio/io_context.hpp>

#include <any>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace penstock::testing {

namespace {

using api::Request;
using model::MessageId;
using model::Reason;
using model::Receipt;

// What a caller can know of messages.
struct Handles {
    MessageId waiting;
    MessageId published;
    MessageId dead;
    MessageId prepared;
    Receipt receipt;
};

const api::Principal root{"AKIDr", true};
const api::Principal of_acme{"AKIDacme", false, "acme"};
const api::Principal of_globex{"AKIDglobex", false, "globex"};

// A request of each kind about `prefix`'s objects, with its handles.
template <class R>
R about(const std::string& prefix, const Handles& handles) {
    R request{};
    if constexpr (requires { request.topic = std::string(); }) {
        request.topic = prefix + "events";
        if constexpr (requires { request.name = std::string(); }) request.name = "hook";
    } else if constexpr (requires { request.queue = std::string(); }) {
        request.queue = prefix + "jobs";
    } else if constexpr (requires { request.name = std::string(); }) {
        constexpr bool topic =
            api::is_one_of<R, api::CreateTopic, api::GetTopic, api::SetTopic, api::DeleteTopic>;
        request.name = prefix + (topic ? "events" : "jobs");
    }
    if constexpr (requires { request.id = MessageId(); }) request.id = handles.waiting;
    if constexpr (requires { request.receipt = Receipt(); }) {
        request.receipt = handles.receipt;
        request.visibility_s = 60;
    }
    if constexpr (requires { request.receipts; }) request.receipts = {handles.receipt};
    if constexpr (requires { request.subscription = std::string(); }) {
        request.subscription = prefix + "events/hook";
    }
    if constexpr (requires { request.message = MessageId(); }) {
        request.message = handles.published;
    }
    return request;
}

template <class R>
void complete(R& /*request*/, const Handles& /*handles*/) {}

void complete(api::SendMessages& request, const Handles& /*handles*/) {
    request.messages = {{{}, "more"}};
}

void complete(api::PublishMessages& request, const Handles& /*handles*/) {
    request.messages = {{{}, "more"}};
}

void complete(api::ReceiveMessages& request, const Handles& /*handles*/) {
    request.wait_s = 0;
}

void complete(api::Subscribe& request, const Handles& /*handles*/) {
    request.name = "second";
    request.spec.endpoint = "http://127.0.0.1:9/";
}

void complete(api::PeekMessages& request, const Handles& /*handles*/) {
    request.state = "retained";
}

void complete(api::ChangeDelayed& request, const Handles& handles) {
    request.id = handles.published;
    request.cancel = true;
}

void complete(api::ConfirmTransactions& request, const Handles& handles) {
    request.queue.replace(request.queue.size() - 4, 4, "half");
    request.items = {{handles.prepared, true}};
}

void complete(api::TakeChecks& request, const Handles& /*handles*/) {
    request.queue.replace(request.queue.size() - 4, 4, "half");
}

void complete(api::FindDeadLetter& request, const Handles& handles) {
    request.queue.replace(request.queue.size() - 4, 4, "dead");
    request.id = handles.dead;
}

void complete(api::RedriveDeadLetters& request, const Handles& handles) {
    request.queue.replace(request.queue.size() - 4, 4, "dead");
    request.messages = {handles.dead};
}

void complete(api::EditDeadLetter& request, const Handles& handles) {
    request.queue.replace(request.queue.size() - 4, 4, "dead");
    request.id = handles.dead;
    request.messages = {{{}, "edited"}};
}

template <class R>
Request complete_request(const std::string& prefix, const Handles& handles) {
    R request = about<R>(prefix, handles);
    complete(request, handles);
    return Request(std::move(request));
}

// A node with what globex has, and beside it what `other` has: acme's account, or the server's own
// in its place, so that entries and ids are the same.
class World {
  public:
    explicit World(const std::string& other) : other_(other.empty() ? "" : other + ":") {
        accounts_.make("acme");
        accounts_.make("globex");
        globex = furnish("globex:");
        acme = furnish(other_);
    }

    // Through the door, stepping the node until it answers.
    std::any ask_any(const api::Principal& who, Request request) {
        std::any answer;
        tenants_.call(who, std::move(request), context_.get_executor(), [&answer](std::any got) {
            answer = std::move(got);
        });
        for (int turn = 0; turn < 1'000 && !answer.has_value(); ++turn) {
            node_.step();
            context_.restart();
            context_.poll();
        }
        check(answer.has_value(), "a request is answered without time going on");
        return answer;
    }

    template <class R>
    api::Outcome<typename R::Reply> ask(const api::Principal& who, R request) {
        return std::any_cast<api::Outcome<typename R::Reply>>(
            ask_any(who, Request(std::move(request))));
    }

    // The answer as nodes hand it to each other: all there is in it.
    std::string bytes(const api::Principal& who, const Request& request) {
        return api::encode_outcome(request.index(), ask_any(who, request));
    }

    // All that can be seen of the other one's.
    std::string state() {
        api::PeekMessages waiting;
        waiting.queue = other_ + "jobs";
        waiting.state = "visible";
        api::PeekMessages leased = waiting;
        leased.state = "in_flight";
        api::PeekMessages retained;
        retained.topic = other_ + "events";
        retained.state = "retained";
        api::PeekMessages half;
        half.queue = other_ + "half";
        half.state = "prepared";
        api::ListDeadLetters dead;
        dead.queue = other_ + "dead";
        std::string all;
        for (const Request& request : {Request(waiting),
                                       Request(leased),
                                       Request(retained),
                                       Request(half),
                                       Request(dead),
                                       Request(api::GetQueue{other_ + "jobs"}),
                                       Request(api::GetQueue{other_ + "half"}),
                                       Request(api::GetTopic{other_ + "events"}),
                                       Request(api::GetSubscription{other_ + "events", "hook"})}) {
            all += bytes(root, request);
        }
        return all;
    }

    Handles globex;
    Handles acme;

  private:
    Handles furnish(const std::string& prefix) {
        api::QueueChange mortal;
        mortal.dead_letter = api::DeadLetterSpec{prefix + "dead"};
        mortal.dead_letter->max_receives = 1;
        mortal.visibility_s = 1;
        api::QueueChange transactional;
        transactional.transactional = true;
        made(ask(root, create_queue(prefix + "dead")));
        made(ask(root, create_queue(prefix + "jobs")));
        made(ask(root, create_queue(prefix + "mortal", mortal)));
        made(ask(root, create_queue(prefix + "half", transactional)));
        made(ask(root, api::CreateTopic{prefix + "events", {}}));
        made(ask(root, subscribe(prefix + "events", "hook")));
        Handles handles;
        handles.dead = sent(ask(root, send(prefix + "mortal", {"dying"})));
        made(ask(root, receive(prefix + "mortal")));
        node_.advance_ms(2'000);
        made(ask(root, receive(prefix + "mortal")));
        sent(ask(root, send(prefix + "jobs", {"leased"})));
        const auto received = ask(root, receive(prefix + "jobs"));
        check(received && received->messages.size() == 1, "one is leased");
        handles.receipt = received->messages[0].receipt;
        handles.waiting = sent(ask(root, send(prefix + "jobs", {"waiting"})));
        api::SendMessages half = send(prefix + "half", {"prepared"});
        half.transaction = true;
        handles.prepared = sent(ask(root, half));
        handles.published = sent(ask(root, publish(prefix + "events", {"published"})));
        return handles;
    }

    template <class T>
    static void made(const api::Outcome<T>& outcome) {
        check(outcome.has_value(), outcome ? "" : outcome.error().detail.c_str());
    }

    static MessageId sent(const api::Outcome<api::SentMessages>& outcome) {
        made(outcome);
        return outcome->ids.front();
    }

    const std::string other_;
    SteppedNode node_;
    api::FakeAccounts accounts_;
    api::KeyBox box_{std::string(api::KeyBox::key_bytes, 'k')};
    api::KeptKeys store_;
    api::KeyRing ring_{store_, store_, box_, node_.clock, accounts_};
    api::TenantBroker tenants_{*node_.node, ring_, accounts_};
    boost::asio::io_context context_;
};

template <class... Rs, class See>
void each_request(const std::variant<Rs...>* /*type*/, const See& see) {
    (see.template operator()<Rs>(), ...);
}

template <class See>
void each_request(const See& see) {
    each_request(static_cast<const Request*>(nullptr), see);
}

}  // namespace

TEST(AccountMatrix, WhatAnotherAccountHasIsAsIfItWereNot) {
    each_request([]<class R>() {
        World with("acme");
        World without("");
        ASSERT_EQ(with.acme.receipt, without.acme.receipt) << "the two differ in names only";
        const std::string before = with.state();
        // The other's names, with its handles and with its own.
        for (const std::string prefix : {"acme:", "globex:", "nobody:", ":"}) {
            for (const bool foreign : {true, false}) {
                const Handles& handles = foreign ? with.acme : with.globex;
                const Request request = complete_request<R>(prefix, handles);
                EXPECT_EQ(with.bytes(of_globex, request), without.bytes(of_globex, request))
                    << api::action_of<R>() << " of " << prefix;
                EXPECT_EQ(with.state(), before) << api::action_of<R>() << " of " << prefix;
            }
        }
        // Its own names, with the other's handles, and lists, which name nothing.
        const Request swapped = complete_request<R>("", with.acme);
        EXPECT_EQ(with.bytes(of_globex, swapped), without.bytes(of_globex, swapped))
            << api::action_of<R>();
        EXPECT_EQ(with.state(), before) << api::action_of<R>() << " with the other's handles";
        const Request empty{R{}};
        EXPECT_EQ(with.bytes(of_globex, empty), without.bytes(of_globex, empty))
            << api::action_of<R>();
        EXPECT_EQ(with.state(), before) << api::action_of<R>();
    });
}

TEST(AccountMatrix, HandlesOfOthersAreAsThoseThatNobodyHas) {
    each_request([]<class R>() {
        World world("acme");
        World other("acme");
        Handles none;
        none.waiting = none.published = none.dead = none.prepared = MessageId(~0ULL >> 8U);
        none.receipt = Receipt{987'654'321};
        const auto reason = [](World& in, const Handles& handles) {
            const Request request = complete_request<R>("", handles);
            const auto outcome =
                std::any_cast<api::Outcome<typename R::Reply>>(in.ask_any(of_globex, request));
            return outcome ? Reason::none : outcome.error().reason;
        };
        EXPECT_EQ(reason(world, world.acme), reason(other, none)) << api::action_of<R>();
    });
}

TEST(AccountMatrix, OwnObjectsAreReachedByTheirOwnNames) {
    std::size_t answered = 0;
    each_request([&answered]<class R>() {
        World world("acme");
        const Request request = complete_request<R>("", world.acme);
        const auto outcome =
            std::any_cast<api::Outcome<typename R::Reply>>(world.ask_any(of_acme, request));
        if (outcome) ++answered;
        // What exists under that name exists.
        constexpr bool makes = api::is_one_of<R, api::CreateQueue, api::CreateTopic>;
        if (outcome || makes || api::is_of_server<R>) return;
        const Reason reason = outcome.error().reason;
        EXPECT_TRUE(reason != Reason::queue_not_found && reason != Reason::topic_not_found &&
                    reason != Reason::subscription_not_found)
            << api::action_of<R>() << ": " << outcome.error().detail;
        EXPECT_EQ(outcome.error().subject.find(':'), std::string::npos) << api::action_of<R>();
        EXPECT_EQ(outcome.error().detail.find("acme:"), std::string::npos) << api::action_of<R>();
    });
    EXPECT_GE(answered, 25U) << "the matrix means little if nothing is possible";
}

TEST(AccountMatrix, ListsAndPagesAreOfTheAccountAlone) {
    World world("acme");
    const auto queues = world.ask(of_globex, api::ListQueues{"", {1, 2}});
    ASSERT_TRUE(queues);
    EXPECT_EQ(queues->total, 4U);
    ASSERT_EQ(queues->items.size(), 2U);
    EXPECT_EQ(queues->items[0].name, "half");
    EXPECT_EQ(queues->items[1].name, "jobs");
    EXPECT_EQ(world.ask(of_globex, api::ListQueues{"globex", {}})->total, 0U)
        << "the account's own name is not searched";
    EXPECT_EQ(world.ask(root, api::ListQueues{"", {}})->total, 8U);
    EXPECT_EQ(world.ask(root, api::ListQueues{"acme:", {}})->total, 4U);
    const auto subscriptions = world.ask(of_globex, api::ListSubscriptions{"", "", {}});
    ASSERT_EQ(subscriptions->items.size(), 1U);
    EXPECT_EQ(subscriptions->total, 1U);
    EXPECT_EQ(subscriptions->items[0].topic, "events");
    EXPECT_EQ(subscriptions->items[0].dead_letter_queue, "events.hook.dlq");
    const auto topics = world.ask(of_globex, api::ListTopics{"", {}});
    EXPECT_EQ(topics->total, 1U);
}

TEST(AccountMatrix, OneNameIsAnotherObjectInEachAccount) {
    World world("acme");
    ASSERT_TRUE(world.ask(of_globex, send("jobs", {"of globex"})));
    const auto seen = world.ask(of_acme, api::GetQueue{"jobs"});
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->name, "jobs");
    EXPECT_EQ(seen->active, 1U);
    EXPECT_EQ(world.ask(of_globex, api::GetQueue{"jobs"})->active, 2U);
    EXPECT_EQ(world.ask(root, api::GetQueue{"jobs"}).error().reason, Reason::queue_not_found);
    EXPECT_EQ(world.ask(root, api::GetQueue{"globex:jobs"})->active, 2U);
    EXPECT_TRUE(world.ask(root, create_queue("jobs"))) << "the server has one too";
}

TEST(AccountMatrix, OnlyNamesThatUsersMayGiveAreMade) {
    World world("acme");
    const std::string longest(64, 'q');
    EXPECT_TRUE(world.ask(of_acme, create_queue(longest)));
    for (const std::string& name : {longest + "q",
                                    std::string("a:b"),
                                    std::string("globex:mine"),
                                    std::string("a.b"),
                                    std::string()}) {
        EXPECT_EQ(world.ask(of_acme, create_queue(name)).error().reason, Reason::name_format)
            << name;
        EXPECT_EQ(world.ask(root, create_queue("acme:" + name)).error().reason, Reason::name_format)
            << name;
    }
    EXPECT_EQ(world.ask(of_acme, subscribe("events", "globex:hook")).error().reason,
              Reason::name_format);
}

TEST(AccountMatrix, TheDispatcherCallsObjectsAsTheirAccountDoes) {
    SteppedNode node;
    RecordedDeliveries listener;
    node.node->attach(listener);
    ASSERT_TRUE(node.ask(create_queue("acme:jobs")));
    ASSERT_TRUE(node.ask(api::CreateTopic{"acme:events", {}}));
    api::Subscribe copy = subscribe("acme:events", "copy");
    copy.spec.sink = model::SinkKind::queue;
    copy.spec.endpoint = "acme:jobs";
    ASSERT_TRUE(node.ask(copy));
    node.settle_down();
    ASSERT_EQ(listener.targets.size(), 1U);
    const api::Target& target = listener.targets.begin()->second;
    EXPECT_EQ(target.account, "acme");
    EXPECT_EQ(target.topic, "events");
    EXPECT_EQ(target.spec.endpoint, "jobs");
    EXPECT_EQ(stored_name(target), "acme:events/copy");
}

}  // namespace penstock::testing

// A node with a dispatcher and a function whose subscription keeps its order: whatever is refused
// of what its handler wants, no later message is handled before the retry.
#include "dispatcher/dispatcher.h"
#include "tests/node/function_fixture.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

using ::testing::ElementsAre;

namespace {

namespace asio = boost::asio;

// A handler that answers a turn later.
class HandlerSink final : public sinks::Sink {
  public:
    using Answer = std::function<api::HandlerEffects(const api::Delivery&)>;

    HandlerSink(asio::any_io_executor executor, Answer answer)
        : executor_(std::move(executor)), answer_(std::move(answer)) {}

    void deliver(const api::Target&, const api::Delivery& delivery, Done done) override {
        sinks::AttemptResult result;
        result.effects = answer_(delivery);
        asio::post(executor_,
                   [result = std::move(result), done = std::move(done)]() { done(result); });
    }

    void forget(const api::Target&) override {}

    void stop() override {}

  private:
    asio::any_io_executor executor_;
    Answer answer_;
};

// Publishes a, b and c; what is handled in which order, as "payload/attempt".
struct Handled {
    explicit Handled(const HandlerSink::Answer& answer) {
        node.principal.root = true;
        check(node.ask(api::CreateTopic{"news", {}}).has_value(), "topic");
        check(node.ask(create_queue("done")).has_value(), "queue");
        api::Subscribe request = subscribe_lua("news", "fn");
        request.spec.retry = model::custom_retry({1'000, 1'000, 1'000});
        request.spec.retry.keeps_order = true;
        request.spec.concurrency = 1;
        check(node.ask(request).has_value(), "subscription");
        sinks::Sinks sinks;
        sinks.emplace(model::SinkKind::lua,
                      std::make_unique<HandlerSink>(io.get_executor(), [this, answer](auto& one) {
                          order.push_back(one.payload + "/" + std::to_string(one.attempt));
                          return answer(one);
                      }));
        dispatcher = std::make_unique<dispatcher::Dispatcher>(
            io.get_executor(), *node.node, std::move(sinks), node.clock);
        dispatcher->start();
        check(node.ask(publish("news", {"a", "b", "c"})).has_value(), "publish");
        for (int turn = 0; turn < 100; ++turn) pass(100);
    }

    void pass(std::int64_t milliseconds) {
        for (int round = 0; round < 10; ++round) {
            io.restart();
            io.poll();
            node.settle_down();
        }
        node.advance_ms(milliseconds);
    }

    std::vector<std::string> order;
    SteppedNode node;
    asio::io_context io{1};
    std::unique_ptr<dispatcher::Dispatcher> dispatcher;
};

api::HandlerEffects publishing(std::string queue, std::string payload) {
    api::HandlerEffects effects;
    effects.outputs.push_back(output_to_queue(std::move(queue), std::move(payload)));
    return effects;
}

}  // namespace

TEST(OrderedHandlers, AnOutputThatTheCoreRefusesComesFirstAgain) {
    const Handled handled([](const api::Delivery& delivery) {
        const bool refused = delivery.payload == "a" && delivery.attempt < 3;
        return publishing("done", std::string(refused ? 65'537 : 1, 'x'));
    });
    EXPECT_THAT(handled.order, ElementsAre("a/1", "a/2", "a/3", "b/1", "c/1"));
}

TEST(OrderedHandlers, AnOutputThatNeverReachesTheCoreComesFirstAgain) {
    const Handled handled([](const api::Delivery& delivery) {
        const bool refused = delivery.payload == "b" && delivery.attempt < 2;
        return publishing(refused ? "nowhere" : "done", "x");
    });
    EXPECT_THAT(handled.order, ElementsAre("a/1", "b/1", "b/2", "c/1"));
}

}  // namespace penstock::testing

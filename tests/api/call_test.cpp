#include "broker/api/broker.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

namespace penstock::api {
namespace {

// Answers a receive only when told to, or at once when it is cancelled.
class WaitingBroker final : public Broker {
  public:
    std::shared_ptr<Cancellation> call(const Principal&,
                                       Request,
                                       asio::any_io_executor given,
                                       Answer to_call) override {
        executor = std::move(given);
        answer = std::move(to_call);
        return std::make_shared<Cancel>(*this);
    }

    void release() {
        Outcome<ReceivedMessages> outcome{ReceivedMessages()};
        asio::post(executor, [to_call = std::move(answer), outcome] { to_call(outcome); });
    }

    [[nodiscard]] std::optional<AccessKey> key_of(std::string_view) const override {
        return std::nullopt;
    }

    [[nodiscard]] bool ready() const override { return true; }

    asio::any_io_executor executor;
    Answer answer;
    int cancelled = 0;

  private:
    class Cancel final : public Cancellation {
      public:
        explicit Cancel(WaitingBroker& broker) : broker_(broker) {}

        void cancel() override {
            if (++broker_.cancelled == 1 && broker_.answer) broker_.release();
        }

      private:
        WaitingBroker& broker_;
    };
};

class Call : public ::testing::Test {
  protected:
    static asio::awaitable<void> receive(Broker& broker, int& finished) {
        co_await asio::this_coro::throw_if_cancelled(false);
        for (int turn = 0; turn < 2; ++turn) {
            Principal principal;
            ReceiveMessages request;
            const auto received = co_await call(broker, std::move(principal), std::move(request));
            if (received && received->messages.empty()) ++finished;
        }
    }

    void start() {
        asio::co_spawn(context,
                       receive(broker, finished),
                       asio::bind_cancellation_slot(
                           signal.slot(), [this](std::exception_ptr failed) { ended = !failed; }));
        context.poll();
    }

    void poll() {
        context.restart();
        context.poll();
    }

    asio::io_context context;
    asio::cancellation_signal signal;
    WaitingBroker broker;
    int finished = 0;
    bool ended = false;
};

TEST_F(Call, EndsWithTheBrokersAnswer) {
    start();
    EXPECT_EQ(finished, 0);
    broker.release();
    poll();
    EXPECT_EQ(finished, 1);
    broker.release();
    poll();
    EXPECT_EQ(finished, 2);
    EXPECT_TRUE(ended);
    EXPECT_EQ(broker.cancelled, 0);
}

TEST_F(Call, TellsTheBrokerOfACancellationAndStillEndsWithItsAnswer) {
    start();
    signal.emit(asio::cancellation_type::terminal);
    EXPECT_EQ(finished, 0);
    poll();
    EXPECT_EQ(broker.cancelled, 1);
    EXPECT_EQ(finished, 1);
    broker.release();
    poll();
    EXPECT_TRUE(ended);
}

TEST_F(Call, ForgetsACallThatWasAnswered) {
    start();
    broker.release();
    poll();
    broker.release();
    poll();
    ASSERT_TRUE(ended);
    signal.emit(asio::cancellation_type::terminal);
    poll();
    EXPECT_EQ(broker.cancelled, 0);
}

}  // namespace
}  // namespace penstock::api

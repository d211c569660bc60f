// A Pool between fakes: a clock that is moved by hand, a launcher that starts nothing, and a
// contract whose conversations only remember what they were offered.
#pragma once

#include "sinks/worker/pool.h"
#include "tests/support/fake_launcher.h"
#include "tests/support/manual_clock.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace penstock::sinks::worker {

// What became of one message.
struct Told {
    bool done = false;
    AttemptResult result;
};

class FakeContract final : public Contract {
  public:
    class Talk final : public Conversation {
      public:
        explicit Talk(FakeContract& contract, Host& host) : host_(host), contract_(contract) {}

        ~Talk() override { contract_.talks.erase(&host_); }

        void offer(Host::Ticket ticket, const Job& job) override {
            offered.push_back(ticket);
            messages[ticket] = job.delivery->message.value;
            if (contract_.sees_at_once) seen.insert(ticket);
        }

        void flush() override {}

        [[nodiscard]] bool has_room() const override { return room; }

        [[nodiscard]] bool has_seen(Host::Ticket ticket) const override {
            return seen.count(ticket) > 0;
        }

        void cancel(Host::Ticket ticket) override { cancelled.push_back(ticket); }

        void end_input() override { input_ended = true; }

        void drain_output() override {
            for (const std::string& line : late_output) host_.output("stderr", line);
            late_output.clear();
        }

        void ended() override {
            for (const Host::Ticket ticket : answers_at_end) host_.finish(ticket, Outcome{});
        }

        // The worker's side.
        void answer(Host::Ticket ticket, AttemptResult result = {}) {
            Outcome outcome;
            outcome.result = std::move(result);
            host_.finish(ticket, std::move(outcome));
        }

        std::vector<Host::Ticket> offered;
        std::map<Host::Ticket, std::uint64_t> messages;
        std::set<Host::Ticket> seen;
        std::vector<Host::Ticket> cancelled;
        std::vector<Host::Ticket> answers_at_end;
        std::vector<std::string> late_output;
        bool room = true;
        bool input_ended = false;

      private:
        Host& host_;
        FakeContract& contract_;
    };

    Result<ProcessOrder> order(const api::Target& target) override {
        if (!wrong.empty()) return error(Errc::invalid, wrong);
        ProcessOrder order;
        order.command = target.spec.function.command;
        return order;
    }

    Result<Opening> open(const api::Target&, Host& host) override {
        if (!no_files.empty()) return error(Errc::unavailable, no_files);
        auto talk = std::make_unique<Talk>(*this, host);
        talks[&host] = talk.get();
        hosts.push_back(&host);
        Opening opening;
        opening.conversation = std::move(talk);
        opening.ready_at_once = ready_at_once;
        return opening;
    }

    std::string wrong;
    std::string no_files;
    bool ready_at_once = true;
    bool sees_at_once = true;
    std::map<Host*, Talk*> talks;
    std::vector<Host*> hosts;  // by start
};

class PoolTest : public ::testing::Test {
  protected:
    PoolTest() {
        target.subscription = model::SubscriptionNo(7);
        target.topic = "events";
        target.name = "score";
        target.spec.sink = model::SinkKind::worker;
        target.spec.timeout_ms = 1'000;
        target.spec.function.command = {"/bin/worker", "fast"};
        target.spec.function.crashes_max = 3;
    }

    Pool& pool() {
        if (!pool_) pool_ = std::make_unique<Pool>(surroundings, target);
        return *pool_;
    }

    // Gives message `message` to the pool; what becomes of it stands in told[message].
    void deliver(std::uint64_t message) {
        api::Delivery& delivery = deliveries.emplace_back();
        delivery.subscription = target.subscription;
        delivery.message = model::MessageId(message);
        targets.push_back(target);
        Job job;
        job.target = &targets.back();
        job.delivery = &delivery;
        told[message] = {};
        job.done = [this, message](Outcome outcome) {
            EXPECT_FALSE(told[message].done) << "finished twice: " << message;
            told[message] = {true, std::move(outcome.result)};
        };
        pool().deliver(std::move(job));
    }

    void step(std::int64_t pause_ms = 0) {
        clock.advance_ms(pause_ms);
        pool().step();
    }

    // The conversation of the process that was started as number `nth`, from 1.
    FakeContract::Talk& talk(std::size_t nth) {
        return *contract.talks.at(contract.hosts.at(nth - 1));
    }

    Host& host(std::size_t nth) { return *contract.hosts.at(nth - 1); }

    [[nodiscard]] std::vector<std::uint64_t> held(std::size_t nth) {
        std::vector<std::uint64_t> messages;
        for (const Host::Ticket ticket : talk(nth).offered) {
            messages.push_back(talk(nth).messages.at(ticket));
        }
        return messages;
    }

    std::vector<api::FunctionLogLine> log_lines() {
        std::vector<api::FunctionLogLine> lines;
        log_book.logs({}, [&lines](api::FunctionLogPage page) { lines = std::move(page.lines); });
        context.restart();
        context.run();
        return lines;
    }

    boost::asio::io_context context;
    testing::ManualClock clock;
    SeededRandom random{1};
    testing::FakeLauncher launcher;
    LogBook log_book{context.get_executor(), clock, launcher};
    FakeContract contract;
    unsigned wakes = 0;
    Surroundings surroundings{
        clock, random, launcher, log_book, contract, [this]() { wakes += 1; }, PoolLimits{}};
    api::Target target;
    std::deque<api::Target> targets;
    std::deque<api::Delivery> deliveries;
    std::map<std::uint64_t, Told> told;

  private:
    std::unique_ptr<Pool> pool_;  // last: it ends before what it uses
};

}  // namespace penstock::sinks::worker

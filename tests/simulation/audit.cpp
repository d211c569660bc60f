#include "tests/simulation/audit.h"

#include "broker/base/random.h"

#include <utility>

namespace penstock::simulation {

namespace {

// Longer than any lease, delay or retry pause of the workload; shorter than any retention.
constexpr std::int64_t longest_wait_ms = 60'000;
constexpr std::uint32_t credit = 1'000;
constexpr int rounds = 3;  // time passes between them, for what only then becomes visible

class Drain final : public api::DeliveryListener {
  public:
    Drain(Machine& machine, const testing::ManualClock& clock, const Referee& referee)
        : machine_(machine), clock_(clock), referee_(referee) {}

    void on_target(api::Target target) override {
        const model::SubscriptionNo number = target.subscription;
        targets_.insert_or_assign(number, std::move(target));
        machine_.node().grant(number, credit);
    }

    void on_target_gone(model::SubscriptionNo) override {}

    void on_deliveries(std::vector<api::Delivery> deliveries) override {
        for (api::Delivery& delivery : deliveries) arrived_.push_back(std::move(delivery));
    }

    // Accepts what was handed out; false when nothing was.
    bool accept() {
        const auto arrived = std::exchange(arrived_, {});
        for (const api::Delivery& delivery : arrived) {
            const api::Target& target = targets_.at(delivery.subscription);
            if (target.spec.sink == model::SinkKind::queue) {
                machine_.node().feed(delivery.subscription,
                                     delivery.sequence,
                                     delivery.generation,
                                     [](model::Failure) {});
                continue;
            }
            look({target.topic + "/" + target.name,
                  delivery.payload,
                  delivery.message,
                  delivery.attempt,
                  clock_.wall_ms()});
            model::SettleItem item;
            item.sequence = delivery.sequence;
            item.generation = delivery.generation;
            machine_.node().settle({delivery.subscription, {}, {item}, {}, {}}, {});
        }
        return !arrived.empty();
    }

    // Leases until nothing comes.
    void empty(const std::string& queue) {
        for (bool more = true; more;) {
            api::ReceiveMessages request;
            request.queue = queue;
            request.messages_max = 16;
            request.wait_s = 0;
            request.visibility_s = 43'200;
            const auto outcome = machine_.ask_now(request);
            if (!outcome) {
                complaints.push_back("receiving from " + queue + ": " + outcome.error().detail);
                return;
            }
            for (const api::ReceivedMessage& message : outcome->messages) {
                look({queue, message.payload, message.id, message.receives, clock_.wall_ms()});
            }
            more = !outcome->messages.empty();
        }
    }

    Referee::Found found;
    Referee::Complaints complaints;

  private:
    void look(const Referee::Sight& sight) {
        referee_.judge(sight, complaints);
        if (const auto token = token_of(sight.payload)) found[sight.place].insert(*token);
    }

    Machine& machine_;
    const testing::ManualClock& clock_;
    const Referee& referee_;
    std::map<model::SubscriptionNo, api::Target> targets_;
    std::vector<api::Delivery> arrived_;
};

void check_existence(Machine& machine, const Workload& workload, Referee::Complaints& complaints) {
    for (const auto& [name, present] : workload.certain_queues()) {
        api::GetQueue request;
        request.name = name;
        const bool there = machine.ask_now(request).has_value();
        if (there == present) continue;
        complaints.push_back("queue " + name + (present ? " is lost" : " came back"));
    }
}

}  // namespace

Referee::Complaints audit(Disk& disk,
                          RowImages rows,
                          model::TimeMs wall_ms,
                          const Referee& referee,
                          const Workload& workload) {
    testing::ManualClock clock(wall_ms);
    SeededRandom random(1);
    Machine machine(disk, rows, clock, random);
    if (auto started = machine.start(); !started) {
        return {"the node does not start: " + started.error().detail};
    }
    Drain drain(machine, clock, referee);
    machine.node().attach(drain);
    check_existence(machine, workload, drain.complaints);
    clock.advance_ms(longest_wait_ms);
    for (int round = 0; round < rounds; ++round) {
        do {
            if (auto ran = machine.run(); !ran) return {"the node stops: " + ran.error().detail};
        } while (drain.accept());
        for (const std::string& queue : workload.queues()) drain.empty(queue);
        clock.advance_ms(1'000);
    }
    referee.judge_all_there(drain.found, drain.complaints);
    return drain.complaints;
}

}  // namespace penstock::simulation

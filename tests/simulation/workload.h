// Workload: random clients and a random sink against one machine, told to the referee. Everything
// it does follows from its Random, so that a seed repeats it. Owned by one simulation, one thread;
// it outlives machines: when one dies, what was under way ends as unknown.
#pragma once

#include "broker/base/random.h"
#include "tests/simulation/machine.h"
#include "tests/simulation/referee.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace penstock::simulation {

class Workload final : public api::DeliveryListener {
  public:
    Workload(Referee& referee, Random& random, const testing::ManualClock& clock)
        : referee_(referee), random_(random), clock_(clock) {}

    // Makes the objects, once.
    void set_up(Machine& machine);

    // Works against this machine from now on.
    void attach(Machine& machine);

    // One random request, or outcomes for what was handed out.
    void act();

    // The machine died: call before it is destroyed.
    void died();

    // Requests without an answer.
    [[nodiscard]] std::size_t under_way() const { return under_way_.size(); }

    // Depends on every answer and delivery so far.
    [[nodiscard]] std::uint64_t trace() const { return trace_; }

    // Every queue there is, dead-letter queues included.
    [[nodiscard]] const std::vector<std::string>& queues() const { return queues_; }

    [[nodiscard]] std::uint64_t answers() const { return answers_; }

    // How often each kind of request ended well, was refused, or ended unknown, by its name and
    // ending; also hand-outs and settled outcomes. For proving that all of it was met.
    [[nodiscard]] const std::map<std::string, std::uint64_t>& met() const { return met_; }

    // Queues that are created and deleted on the way: whether they exist, where that is certain.
    [[nodiscard]] std::map<std::string, bool> certain_queues() const;

    void on_target(api::Target target) override;
    void on_target_gone(model::SubscriptionNo subscription) override;
    void on_deliveries(std::vector<api::Delivery> deliveries) override;

  private:
    struct Held {  // a lease
        std::string queue;
        Token token = 0;
        model::Receipt receipt;
    };

    struct Resend {  // a send with a dedup key whose outcome is unknown
        Token token = 0;
        std::string key;
    };

    enum class Existence : std::uint8_t { absent, present, unknown, changing };

    template <class R>
    using Ended = std::function<void(Ending, const typename R::Reply*)>;

    template <class R>
    void ask(const std::string& name, R request, Ended<R> ended);
    std::function<void()> once(const std::string& name, std::function<void(Ending)> ended);
    void meet(const std::string& name, Ending ending);

    void send();
    void send_once();
    void send_again();
    void publish();
    void receive();
    void take(const std::string& queue, const api::ReceivedMessages& reply);
    void remove();
    void change_visibility();
    void rewind();
    void clear();
    void redrive();
    void change_existence();
    void settle();
    void settle_one(const api::Delivery& delivery);
    void note(std::uint64_t value);
    const std::string& any_of(const std::vector<std::string>& names);

    Referee& referee_;
    Random& random_;
    const testing::ManualClock& clock_;
    Machine* machine_ = nullptr;
    std::vector<std::string> queues_;
    std::vector<std::string> dead_queues_;
    std::map<std::string, Existence> extras_;
    std::map<model::SubscriptionNo, api::Target> targets_;
    std::vector<api::Delivery> deliveries_;
    std::vector<Held> held_;
    std::vector<Resend> resends_;
    std::map<std::uint64_t, std::function<void(Ending)>> under_way_;
    std::uint64_t next_ = 1;
    std::uint64_t trace_ = 0;
    std::uint64_t answers_ = 0;
    std::map<std::string, std::uint64_t> met_;
};

}  // namespace penstock::simulation

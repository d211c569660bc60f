// OutboxWorld: three data sets that feed, bury, redrive and publish into each other over a network
// that loses, repeats and delays, and a ledger of every copy of every message: each must end in
// exactly one place. A seed decides all of it. Owned by one test, one thread.
//
//   set 1: topic; subscriptions: ordered into `in_order` of set 2, plain into `plain` of set 3,
//          a function with outputs to sets 2 and 3, and one into a queue of set 2 that gets deleted
//   set 2: in_order (small, dead letters by receives to set 1), outputs, doomed
//   set 3: plain (small), letters of set 1, a topic whose subscription feeds set 1
#pragma once

#include "broker/base/random.h"
#include "tests/simulation/outbox_set.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace penstock::simulation {

// What may be planted, to see that the ledger finds it.
enum class Planted : std::uint8_t {
    nothing,
    refusals_forgotten,   // the target keeps no refusals: a resend of one is told "taken"
    numbers_forgotten,    // the target loses which numbers it has handled when it restarts
    number_reused,        // the source restarts its last number
    answer_taken_for_ok,  // the source takes an unknown outcome for "taken"
    order_not_kept,       // what comes behind a refusal is taken
};

// As it is stored.
std::string body_of(const std::string& payload);

class OutboxWorld {
  public:
    explicit OutboxWorld(std::uint64_t seed, Planted planted = Planted::nothing);

    // One random act of clients, sets, network or fate.
    void act();

    // As act(), without any mishap.
    void act_calmly();

    void crash(std::size_t set);

    // Neither requests nor answers reach the set.
    void cut(std::size_t set, bool away);

    // Time passes while everything due happens.
    void pass_ms(std::int64_t pause_ms);

    // Heals everything, lets all of it come to rest and takes the census.
    void finish();

    void publish();

    [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }

    [[nodiscard]] const std::map<std::string, std::uint64_t>& met() const { return met_; }

    // Copies that were consumed.
    [[nodiscard]] std::uint64_t consumed(const std::string& kind) const;

    [[nodiscard]] OutboxSet& set(std::size_t number) { return *sets_[number - 1]; }

  private:
    using Copy = std::pair<std::string, model::MessageId>;

    void make_objects();
    void transport(model::SetId from, model::SetId to, node::Submission submission);
    void outcome_unknown(const std::function<void(model::Reply)>& done);
    void arrive(model::SetId to, node::Submission submission);
    void later(std::int64_t delay_us, std::function<void()> what);
    void deliver_due();
    void command(std::size_t set, model::Command command, std::vector<std::string> payloads = {});
    void command_now(std::size_t set, model::Command, std::vector<std::string> payloads = {});
    void applied(model::SetId set, const model::Entry& entry, const model::Effects& effects);
    void plant(OutboxSet& set, bool restarted);
    void restart(OutboxSet& set);
    void step_set(OutboxSet& set);
    void dispatch(std::size_t set, model::SubscriptionNo subscription);
    void feed(std::size_t set, model::SubscriptionNo subscription);
    void run_function();
    void look_at_body(const model::LeasedMessage& message, const node::FetchedBody& body);
    void consume(std::size_t set, model::QueueNo queue, const std::string& kind);
    void look_at_order();
    void doom();
    void redrive();
    void change_room();
    void mishap();
    void census();
    void count_queue(std::size_t set, model::QueueNo queue, const std::string& kind);
    void count_letters(std::size_t set, model::QueueNo queue);

    void complain(const std::string& what) { complaints_.push_back(what); }

    SeededRandom random_;
    Planted planted_;
    testing::ManualClock clock_;
    std::vector<std::unique_ptr<OutboxSet>> sets_;
    std::vector<bool> away_{false, false, false};
    std::multimap<std::int64_t, std::function<void()>> events_;
    bool calm_ = false;
    bool doomed_ = false;
    std::map<model::MessageId, std::string> payloads_;
    std::map<Copy, int> expected_;
    std::map<Copy, int> found_;
    std::map<std::string, std::uint64_t> consumed_;
    std::set<model::MessageId> died_;  // went to be dead letters: order says nothing of them
    model::Sequence order_seen_ = 1;
    model::MessageId order_last_;
    std::uint64_t next_payload_ = 1;
    std::vector<std::string> complaints_;
    std::map<std::string, std::uint64_t> met_;
};

}  // namespace penstock::simulation

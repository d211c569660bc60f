// SetWorkload: random commands of every kind to a data set of a few queues, topics and
// subscriptions, repeatable from a seed. What it sends depends on the seed and on what the set
// answers, so that equal traces mean equal answers. Owned by one test, one thread.
#pragma once

#include "broker/base/random.h"
#include "tests/core/commands.h"

#include <string>
#include <vector>

namespace penstock::testing {

class SetWorkload {
  public:
    SetWorkload(std::uint64_t seed, const CoreDriver::Options& options);

    // Applies one entry of one to four commands, or lets time pass.
    void step();

    // Removes every object and lets all time pass that anything could wait for.
    void remove_everything();

    [[nodiscard]] CoreDriver& driver() { return driver_; }

    // Acknowledgements so far that were to be handled again.
    [[nodiscard]] std::size_t moved() const { return moved_; }

    // Deliveries that fail now because an output or write of theirs was not possible.
    [[nodiscard]] std::size_t refused_outputs() const;

    // Rows in the functions' key-value stores.
    [[nodiscard]] std::size_t kv_rows() const;

  private:
    // Commands gathered for one entry, with the bodies they name.
    struct Batch {
        std::vector<model::Command> commands;
        std::vector<model::BodyInfo> bodies;
    };

    void apply(Batch batch);
    void pass_time();
    void add_any(Batch& batch);
    void add_object_command(Batch& batch);
    void add_message_command(Batch& batch);
    void add_delivery_command(Batch& batch);
    void add_settle(Batch& batch, model::SubscriptionNo reader);
    void add_function_command(Batch& batch);
    void add_transaction_command(Batch& batch);
    void add_job_command(Batch& batch);
    model::StepJob any_step(model::ObjectNo object);
    model::MessageFilter any_filter();
    void add_commits(Batch& batch, model::Settle& settle);
    std::uint32_t add_bodies(Batch& batch, std::uint32_t count);

    std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }

    bool chance(std::uint64_t one_in) { return random_.below(one_in) == 0; }

    model::QueueNo any_queue();
    model::TopicNo any_topic();
    model::SubscriptionNo any_subscription();
    model::QueueAttributes any_attributes(model::QueueNo queue);
    model::SubscriptionSpec any_spec();
    model::RetryPolicy any_retry();
    std::vector<std::string> any_tags(std::uint64_t most);
    std::string any_dedup_key();
    model::Script any_script();
    model::Output any_output(Batch& batch);
    model::KvWrite any_write();
    model::SettleItem any_outcome(const std::vector<core::ReadyItem>& items,
                                  model::Generation generation);

    SeededRandom random_;
    CoreDriver driver_;
    std::vector<model::SubscriptionNo> subscriptions_;  // numbers are never used twice
    std::vector<std::pair<model::QueueNo, model::Receipt>> receipts_;
    std::vector<std::pair<model::QueueNo, model::MessageId>> prepared_;
    std::size_t moved_ = 0;
};

}  // namespace penstock::testing

// OutboxSet: one data set as a node hosts it (log, rows, core, outbox sender), committed and killed
// step by step. Its log is what survives; its rows go back to the last flush when it dies and the
// log replays. Owned by one simulation, one thread.
#pragma once

#include "broker/core/state_machine.h"
#include "broker/node/outbox.h"
#include "broker/storage/rows/row_store.h"
#include "tests/support/manual_clock.h"

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace penstock::simulation {

class OutboxSet {
  public:
    // Once per entry, when it is applied for the first time.
    using Applied = std::function<void(model::SetId, const model::Entry&, const model::Effects&)>;

    OutboxSet(model::SetId set,
              const testing::ManualClock& clock,
              node::SubmitTo submit_to,
              Applied applied);

    void start();

    // What waited is forgotten; whoever submitted it does not know what became of it.
    void die();

    [[nodiscard]] bool up() const { return machine_ != nullptr; }

    void submit(node::Submission submission);

    // One entry of all that waits; false: nothing did. With `then_die` the entry is in the log, and
    // nobody hears of it.
    bool commit(bool then_die = false);

    // A Tick, if one is due.
    void tick();

    void flush();

    void step_sender() { sender_->step(); }

    [[nodiscard]] model::SetId id() const { return set_; }

    [[nodiscard]] const model::Rows& rows() const { return *rows_; }

    // For planting bugs: called after each entry, also a replayed one.
    void tamper_with(std::function<void(OutboxSet&)> tamper) { tamper_ = std::move(tamper); }

    [[nodiscard]] storage::RowStore& row_store() { return *rows_; }

    [[nodiscard]] model::LogIndex index() const { return applied_to_; }

    [[nodiscard]] std::optional<model::TimeMs> wake_ms() const { return wake_ms_; }

    // The stored bytes; a body that was released is an error.
    [[nodiscard]] node::FetchedBody body(model::MessageId place) const;

  private:
    struct Stored {
        std::string commands;
        std::vector<std::string> bodies;
        model::TimeMs time_ms = 0;
    };

    [[nodiscard]] model::Entry entry(model::LogIndex index) const;
    model::Effects apply(model::LogIndex index);

    model::SetId set_;
    const testing::ManualClock& clock_;
    node::SubmitTo submit_to_;
    Applied applied_;
    std::vector<Stored> log_;
    storage::MemoryRowsImage image_;
    std::unique_ptr<storage::RowStore> rows_;
    std::unique_ptr<core::StateMachine> machine_;
    std::unique_ptr<node::OutboxSender> sender_;
    std::deque<node::Submission> waiting_;
    std::set<model::MessageId> released_;
    std::set<model::MessageId> released_at_flush_;
    std::optional<model::TimeMs> wake_ms_;
    std::function<void(OutboxSet&)> tamper_;
    model::LogIndex applied_to_ = 0;
    model::LogIndex seen_ = 0;  // entries that `applied` was told of
};

}  // namespace penstock::simulation

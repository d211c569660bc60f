// The state machine of a data set: one handler per command, then the batch with its applied index,
// time and state hash.
#include "broker/base/bytes.h"
#include "broker/base/check.h"
#include "broker/base/hash.h"
#include "broker/core/dead_letters.h"
#include "broker/core/delays.h"
#include "broker/core/inbox.h"
#include "broker/core/jobs.h"
#include "broker/core/leases.h"
#include "broker/core/outbox.h"
#include "broker/core/progress.h"
#include "broker/core/queue_messages.h"
#include "broker/core/queues.h"
#include "broker/core/release.h"
#include "broker/core/scripts.h"
#include "broker/core/settle.h"
#include "broker/core/state_machine.h"
#include "broker/core/timers.h"
#include "broker/core/topics.h"
#include "broker/core/transactions.h"

namespace penstock::core {

namespace {

template <class... Handlers>
struct Overload : Handlers... {
    using Handlers::operator()...;
};

template <class... Handlers>
Overload(Handlers...) -> Overload<Handlers...>;

model::Reply init_set(Turn& turn, const model::InitSet& command) {
    Globals& globals = turn.globals();
    if (globals.receipt_key[0] == 0 && globals.receipt_key[1] == 0)
        globals.receipt_key = command.receipt_key;
    globals.track_retention_s = command.track_retention_s;
    globals.track_bytes_max = command.track_bytes_max;
    return model::Done{};
}

model::Reply not_here() {
    return model::Refusal{
        model::Reason::internal, "command", "the command belongs to the set of names"};
}

class DataSet final : public StateMachine {
  public:
    model::Effects apply(const model::Entry& entry, const model::Rows& rows) override {
        Turn turn(entry, rows, caches_);
        bool more_due = false;
        bool ticked = false;
        std::vector<model::Reply> replies;
        for (const model::Command& command : entry.commands) {
            replies.push_back(handle(turn, command));
            if (!std::holds_alternative<model::Tick>(command)) continue;
            ticked = true;
            more_due = more_due_;
        }
        const std::optional<TimeMs> wake = next_wake(turn, ticked, more_due);
        model::Effects effects = turn.finish();
        effects.replies = std::move(replies);
        effects.wake_ms = wake;
        seal_batch(entry, rows, effects);
        return effects;
    }

    void drop_caches() override {
        caches_ = {};
        next_due_known_ = false;
    }

  private:
    model::Reply handle(Turn& turn, const model::Command& command) {
        const auto names_only = [](const auto&) {
            return not_here();
        };
        return std::visit(
            Overload{
                [&](const model::InitSet& one) { return init_set(turn, one); },
                [&](const model::CreateQueue& one) { return create_queue(turn, one); },
                [&](const model::SetQueue& one) { return set_queue(turn, one); },
                [&](const model::DeleteQueue& one) { return delete_queue(turn, one); },
                [&](const model::ClearQueue& one) { return clear_queue(turn, one); },
                [&](const model::RewindQueue& one) { return rewind_queue(turn, one); },
                [&](const model::Send& one) { return send(turn, one); },
                [&](const model::Lease& one) { return lease(turn, one); },
                [&](const model::DeleteMessages& one) { return delete_messages(turn, one); },
                [&](const model::ChangeVisibility& one) { return change_visibility(turn, one); },
                [&](const model::GiveBack& one) { return give_back(turn, one); },
                [&](const model::CreateTopic& one) { return create_topic(turn, one); },
                [&](const model::SetTopic& one) { return set_topic(turn, one); },
                [&](const model::DeleteTopic& one) { return delete_topic(turn, one); },
                [&](const model::Publish& one) { return publish(turn, one); },
                [&](const model::Subscribe& one) { return subscribe(turn, one); },
                [&](const model::SetSubscription& one) { return set_subscription(turn, one); },
                [&](const model::Unsubscribe& one) { return unsubscribe(turn, one); },
                [&](const model::Settle& one) { return settle(turn, one); },
                [&](const model::FeedQueue& one) { return feed_queue(turn, one); },
                [&](const model::ReleaseDelivery& one) { return release_delivery(turn, one); },
                [&](const model::Redrive& one) { return start_redrive(turn, one); },
                [&](const model::Replay& one) { return start_replay(turn, one); },
                [&](const model::ChangeJob& one) { return change_job(turn, one); },
                [&](const model::StepJob& one) { return step_job(turn, one); },
                [&](const model::EditLetter& one) { return edit_letter(turn, one); },
                [&](const model::ChangeDelayed& one) { return change_delayed(turn, one); },
                [&](const model::Prepare& one) { return prepare(turn, one); },
                [&](const model::ConfirmTransactions& one) { return confirm(turn, one); },
                [&](const model::TakeChecks& one) { return take_checks(turn, one); },
                [&](const model::Quarantine& one) { return quarantine(turn, one); },
                [&](const model::Tick&) { return tick(turn); },
                [&](const model::DisableSubscription& one) {
                    return disable_subscription(turn, one);
                },
                [&](const model::DeployScript& one) { return deploy_script(turn, one); },
                [&](const model::ActivateScript& one) { return activate_script(turn, one); },
                [&](const model::BindDeadLetter& one) { return bind_remote_source(turn, one); },
                [&](const model::Transfer& one) { return transfer(turn, one); },
                [&](const model::TransfersAnswered& one) { return transfers_answered(turn, one); },
                [&](const model::PutKey& one) { return names_only(one); },
                [&](const model::ReserveNames& one) { return names_only(one); },
                [&](const model::MarkReady& one) { return names_only(one); },
                [&](const model::HideNames& one) { return names_only(one); },
                [&](const model::ReleaseNames& one) { return names_only(one); },
                [&](const model::PutNode& one) { return names_only(one); },
                [&](const model::DropNode& one) { return names_only(one); },
                [&](const model::PutSet& one) { return names_only(one); },
                [&](const model::SetBalancing& one) { return names_only(one); },
                [&](const model::MarkLeaving& one) { return names_only(one); },
                [&](const model::PreferLeader& one) { return names_only(one); },
            },
            command);
    }

    model::Reply tick(Turn& turn) {
        more_due_ = fire_due_timers(turn);
        return model::Done{};
    }

    // The earliest timer is kept in memory between entries; after a Tick or a cold start it is
    // read.
    std::optional<TimeMs> next_wake(Turn& turn, bool ticked, bool more_due) {
        const auto armed = turn.earliest_armed();
        if (ticked || !next_due_known_) {
            next_due_ = first_timer_due(turn, turn.globals().fired_ms);
            next_due_known_ = true;
        } else if (armed && (!next_due_ || *armed < *next_due_)) {
            next_due_ = armed;
        }
        if (more_due || (next_due_ && *next_due_ <= turn.now())) return 0;
        return next_due_;
    }

    Turn::Caches caches_;
    std::optional<TimeMs> next_due_;
    bool next_due_known_ = false;
    bool more_due_ = false;
};

}  // namespace

std::unique_ptr<StateMachine> make_data_set() {
    return std::make_unique<DataSet>();
}

}  // namespace penstock::core

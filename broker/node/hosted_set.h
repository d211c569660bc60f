// HostedSet: one set on this node: its log, its rows, its state machine and the commands that wait
// for the next entry. Owned by the Node, broker thread only. An error of apply or the log is final:
// the caller stops the process.
#pragma once

#include "broker/base/error.h"
#include "broker/core/data_query.h"
#include "broker/core/state_machine.h"
#include "broker/model/entry.h"
#include "broker/node/call.h"
#include "broker/node/hash_trail.h"
#include "broker/node/traffic.h"
#include "broker/replication/log.h"
#include "broker/storage/rows/row_store.h"

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::node {

// Messages as they go into an entry; made on the caller's thread.
struct PreparedBodies {
    std::vector<std::string> bytes;
    std::vector<model::BodyInfo> infos;
};

[[nodiscard]] std::size_t body_bytes(const PreparedBodies& bodies);

// A command on its way into an entry. `done` runs exactly once: when its entry is applied, or with
// a Refusal: `unavailable` or `overloaded` when it has no effect, ever (no leader; the call it
// belongs to was answered meanwhile), `unknown_outcome` when leadership was lost under way.
struct Submission {
    // Goes into the same entry, right behind the command, and names bodies of the same list: a body
    // that several are for is stored once. `done` as below.
    struct Follower {
        model::Command command;
        std::function<void(model::Reply)> done;
    };

    model::Command command;
    PreparedBodies bodies;
    CallPtr call;
    std::function<void(model::Reply)> done;
    // Of a Transfer only, Transfers too; together at most commands_per_entry_max.
    std::vector<Follower> followers = {};
};

// Ends the submission and its followers: each hears why.
void refuse(const Submission& submission, const model::Refusal& why);

// Gives a Transfer and then each of its followers by itself, with a body of its own. One after the
// other: together their copies of a body may be too much for the memory.
void take_apart(Submission together, const std::function<void(Submission)>& give);

// Takes a command to the set's leader, wherever that is. Broker thread; `done` too.
using SubmitTo = std::function<void(model::SetId set, Submission submission)>;

// What a turn's entries asked for beyond rows and replies; may hold repetitions.
struct TurnEffects {
    std::vector<model::QueueNo> visible;
    std::vector<model::SubscriptionNo> ready;
    std::vector<model::SubscriptionNo> changed;
    std::vector<model::Release> releases;
    std::vector<model::SetId> outbox;   // sets for which something is to be sent
    std::vector<model::ObjectNo> jobs;  // whose job goes on by what bodies say
    std::vector<model::QueueNo> checks;
    std::vector<model::Unconfirmed> unconfirmed;
};

// Bounds of one entry and of one turn.
inline constexpr std::size_t commands_per_entry_max = 1'000;
inline constexpr std::size_t command_bytes_per_entry_max = 1U << 20;
inline constexpr std::size_t body_bytes_per_entry_max = 4U << 20;
inline constexpr std::size_t entries_per_turn_max = 4;

// While an entry is under way, what comes is gathered for the next one, no longer than this and no
// more than these bytes of bodies.
inline constexpr std::int64_t gather_us_max = 1'000;
inline constexpr std::size_t gather_body_bytes = 128U << 10;

class HostedSet {
  public:
    HostedSet(model::SetId set,
              std::unique_ptr<storage::RowStore> rows,
              std::unique_ptr<core::StateMachine> machine);

    // Takes the log into use and applies what it has beyond the rows.
    Result<void> open(std::unique_ptr<replication::Log> log);

    // What the rows know of the log: where it has been applied to, and who its members were then
    // (opaque, empty for a set that never had any but this node).
    [[nodiscard]] core::SetProgress progress() const { return core::progress(*rows_); }

    [[nodiscard]] std::string conf_state() const;

    // The state hash once `index` was applied; nothing: not yet, or it is too long ago.
    [[nodiscard]] std::optional<std::uint64_t> hash_at(model::LogIndex index) const {
        return trail_.at(index);
    }

    // The set's rows and log leave, or are about to be replaced: what waits ends, both are closed.
    // Whoever asks the set until reopen() and open() finds nobody leading and no rows.
    void close();

    // With other rows; open() follows.
    void reopen(std::unique_ptr<storage::RowStore> rows);

    // The highest format level of an entry that was applied (broker/model/format.h).
    [[nodiscard]] std::uint16_t format() const { return format_; }

    // Where this node leads: the next turn's entries begin with one of that level, which does
    // nothing else. Repeat it until format() shows it.
    void raise_format(std::uint16_t level) { raising_ = level; }

    void submit(Submission submission);

    // `told` is called with each command that goes into an entry; what it submits meanwhile goes
    // into the same entry, behind it, if there is room.
    void on_gathered(std::function<void(const model::Command&)> told) { told_ = std::move(told); }

    // A Tick goes behind the commands that wait; none while one is under way.
    void submit_tick(std::int64_t now_us);

    // Runs `then` at the end of a turn: with true once this node is known to lead still and the
    // rows show all that was committed when it was asked; false: it does not lead.
    void confirm(std::function<void(bool)> then);

    // Forms entries from what waits and stages them; their number. The rest waits for the next
    // turn, or to be more (gathers_until_us()). `now_us` is monotonic, here and below.
    std::size_t propose(model::TimeMs wall_ms, std::int64_t now_us);

    // After the store's sync: applies what is committed, answers, runs what was confirmed.
    Result<void> finish(TurnEffects& effects, std::int64_t now_us);

    [[nodiscard]] model::SetId set() const { return set_; }

    // Stays the same object when the set's rows are swapped for others.
    [[nodiscard]] const model::Rows& rows() const { return face_; }

    [[nodiscard]] storage::RowStore& row_store() { return *rows_; }

    [[nodiscard]] const storage::RowStore& row_store() const { return *rows_; }

    [[nodiscard]] replication::Log& log() { return *log_; }

    [[nodiscard]] const replication::Log& log() const { return *log_; }

    // Answers wait until `answerable` gives their entry's index; without one they leave when the
    // entry is applied. When leadership is lost before, their outcome is unknown.
    void answer_up_to(std::function<model::LogIndex()> answerable) {
        answerable_ = std::move(answerable);
    }

    // Lets go what waits for that.
    void release_answers();

    // This node decides for the set: its rows show all that any leader before it has committed.
    [[nodiscard]] bool leading() const { return log_->leadership().leading; }

    // This node begins to lead: it is not known when the next Tick is due.
    void lead() { wake_ms_ = 0; }

    [[nodiscard]] model::NodeId leader() const { return log_->leadership().leader; }

    // Another turn is needed at once.
    [[nodiscard]] bool waiting() const {
        return (!queue_.empty() && !gathers_until_us_) || log_->busy();
    }

    // When a turn is needed for what is being gathered, if none comes before; nothing: for nothing.
    [[nodiscard]] std::optional<std::int64_t> gathers_until_us() const { return gathers_until_us_; }

    [[nodiscard]] std::size_t queued() const { return queue_.size(); }

    [[nodiscard]] model::LogIndex applied() const { return applied_; }

    [[nodiscard]] model::TimeMs time_ms() const { return time_ms_; }

    // Cluster time at which a Tick is due; 0: at once; nothing: none.
    [[nodiscard]] std::optional<model::TimeMs> wake_ms() const { return wake_ms_; }

    [[nodiscard]] std::int64_t ticked_us() const { return ticked_us_; }

    // A Tick is under way: when the next one is due is known once it is applied.
    [[nodiscard]] bool ticking() const { return tick_waits_; }

    // The last Tick had no effect: no leader took it.
    [[nodiscard]] bool tick_refused() const { return tick_refused_; }

    [[nodiscard]] const Traffic& traffic() const { return traffic_; }

    // Bytes proposed since the last call.
    std::uint64_t take_logged_bytes() { return std::exchange(logged_bytes_, 0); }

  private:
    struct Flight {
        std::uint64_t token = 0;
        model::Entry entry;
        std::int64_t proposed_us = 0;
        std::vector<std::function<void(model::Reply)>> done;
    };

    // The rows as others see them.
    class Face final : public model::Rows {
      public:
        explicit Face(const std::unique_ptr<storage::RowStore>& rows) : rows_(rows) {}

        [[nodiscard]] std::optional<std::string> get(std::string_view key) const override {
            return rows_->get(key);
        }

        void scan(std::string_view first, std::string_view end, const Visit& visit) const override {
            rows_->scan(first, end, visit);
        }

      private:
        const std::unique_ptr<storage::RowStore>& rows_;
    };

    // An applied entry whose answers wait.
    struct Unanswered {
        model::LogIndex index = 0;
        std::vector<std::function<void(model::Reply)>> done;
        std::vector<model::Reply> replies;
    };

    bool gathers(std::int64_t now_us);
    Flight gather(std::vector<std::string>& bodies);
    void tell_of(const Flight& flight, std::size_t first);
    Result<void> open_format();
    void propose_raise(model::TimeMs wall_ms, std::int64_t now_us);
    Result<void> apply(const model::Entry& entry,
                       const std::string& conf_state,
                       model::Effects& effects);
    Result<void> apply_own(const replication::Committed& committed,
                           model::Effects& effects,
                           std::int64_t now_us);
    Result<void> apply_others(const replication::Committed& committed, model::Effects& effects);
    void end(const replication::Ended& ended);

    model::SetId set_;
    std::unique_ptr<storage::RowStore> rows_;
    Face face_{rows_};
    std::unique_ptr<core::StateMachine> machine_;
    std::unique_ptr<replication::Log> log_;
    std::deque<Submission> queue_;
    std::size_t queued_bytes_ = 0;  // of bodies
    std::optional<std::int64_t> gathers_until_us_;
    std::function<void(const model::Command&)> told_;
    std::deque<Flight> flights_;  // proposed, not yet committed, in order
    std::map<std::uint64_t, std::function<void(bool)>> reads_;  // to be confirmed, by token
    std::function<model::LogIndex()> answerable_;
    std::deque<Unanswered> unanswered_;
    HashTrail trail_;
    std::uint16_t format_ = 1;
    std::uint16_t raising_ = 0;  // 0: nothing to raise
    std::uint64_t next_token_ = 1;
    model::LogIndex applied_ = 0;
    model::TimeMs time_ms_ = 0;
    std::optional<model::TimeMs> wake_ms_ = 0;  // after a start it is not known: ask
    bool tick_waits_ = false;
    bool tick_refused_ = false;
    std::int64_t ticked_us_ = 0;
    std::uint64_t logged_bytes_ = 0;
    Traffic traffic_;
};

}  // namespace penstock::node

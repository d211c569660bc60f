// OutboxSender: carries one data set's outbox to the sets it is for, while this node leads the set.
// Reads what is due, fetches the bodies, submits Transfers in order within a window, so many in one
// entry and a body once for all queues that it is for, gathers the answers and submits them to its
// own set. It keeps nothing that is not in the rows: whatever goes
// wrong, it begins again behind what the rows say is answered, after a pause that grows, for that
// target alone. Owned by the Node, broker thread only; never fails.
#pragma once

#include "broker/base/clock.h"
#include "broker/core/outbox_query.h"
#include "broker/node/bodies.h"
#include "broker/node/hosted_set.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace penstock::node {

// What may be on its way to one target, unanswered.
inline constexpr std::size_t transfer_window_messages = 256;
inline constexpr std::size_t transfer_window_bytes = 4U << 20;
inline constexpr std::uint32_t transfer_fetch_messages = 32;  // fetched at a time, of 1 MiB
// Transfers submitted together have so many bytes, or there is only one body.
inline constexpr std::size_t transfer_together_bytes = 1U << 20;
// Answers wait for others, of all targets, to share their entry: until the next multiple of so many
// microseconds. Refusals do not wait, nor do so many answers of one target.
inline constexpr std::int64_t transfer_answers_pause_us = 10'000;
inline constexpr std::size_t transfer_answers_enough = 128;
// Pauses after a failure, doubling; and how long an answer is waited for.
inline constexpr std::int64_t transfer_pause_us = 50'000;
inline constexpr std::int64_t transfer_pause_max_us = 5'000'000;
inline constexpr std::int64_t transfer_answer_us = 15'000'000;

class OutboxSender {
  public:
    // `fetched` comes back on the broker thread.
    using FetchBodies =
        std::function<void(const std::vector<model::MessageId>& bodies, Bodies::Fetched fetched)>;

    // `submit_to` takes Transfers to their targets and answers to the source itself; `fetch_max`
    // bodies are fetched at a time, 1 to transfer_fetch_messages.
    OutboxSender(model::SetId source,
                 const model::Rows& rows,
                 const Clock& clock,
                 SubmitTo submit_to,
                 std::uint32_t fetch_max,
                 FetchBodies fetch);

    // This node leads from now on: sends what the rows hold.
    void lead();

    // It no longer does: forgets what is under way. Late answers are ignored.
    void rest();

    // An entry put something into the outbox for `target`.
    void wake(model::SetId target);

    // Until then (monotonic) nothing more is sent and no answer is taken; what was sent may still
    // arrive. 0: it goes on.
    void hold(std::int64_t until_us) { held_until_us_ = until_us; }

    // And was all the time: who loses the lead lets go.
    [[nodiscard]] bool is_held() const { return clock_.steady_us() < held_until_us_; }

    // Sends and answers what can be, now that entries are applied.
    void step();

    // Monotonic microseconds at which step() is wanted even if nothing else happens.
    [[nodiscard]] std::optional<std::int64_t> next_us() const;

  private:
    struct Lane {
        std::uint64_t epoch = 0;  // what was sent in an earlier one is not heard
        std::uint64_t next = 1;   // number to send next
        std::size_t messages = 0;
        std::size_t bytes = 0;
        bool due = true;  // there may be something to send
        bool fetching = false;
        bool answering = false;
        std::uint64_t unreadable = 0;  // nothing behind this number goes before it is answered
        std::map<std::uint64_t, model::TransferAnswer> answers;  // not yet submitted
        std::int64_t answer_us = 0;  // when the first of them is submitted at the latest
        bool gathering = false;      // nothing but that moment is waited for
        std::int64_t not_before_us = 0;
        std::int64_t heard_us = 0;
        std::uint32_t failures = 0;  // in a row
    };

    // What goes into one entry.
    struct Together {
        Submission submission;
        std::size_t messages = 0;
        std::size_t bytes = 0;
    };

    Lane* current(model::SetId target, std::uint64_t epoch);
    void begin(Lane& lane);
    void begin_again(Lane& lane);
    void step(model::SetId target, Lane& lane);
    void send(model::SetId target, Lane& lane);
    void fetched(model::SetId target,
                 std::uint64_t epoch,
                 std::vector<core::OutboxItem> items,
                 std::vector<FetchedBody> bodies);
    void add(model::SetId target,
             Lane& lane,
             Together& together,
             model::Transfer transfer,
             std::size_t body_bytes);
    Lane* submit(model::SetId target, const Lane& lane, Together together);
    void unreadable(model::SetId target,
                    Lane& lane,
                    const model::Transfer& transfer,
                    const Error& why);
    void keep_answer(Lane& lane, std::uint64_t number, model::TransferAnswer answer);
    void transferred(model::SetId target,
                     std::uint64_t epoch,
                     std::uint64_t number,
                     std::size_t bytes,
                     const model::Reply& reply);
    void answer(model::SetId target, Lane& lane, std::uint64_t first);
    [[nodiscard]] static bool waits(const Lane& lane);

    model::SetId source_;
    const model::Rows& rows_;
    const Clock& clock_;
    SubmitTo submit_to_;
    std::uint32_t fetch_max_;
    FetchBodies fetch_;
    std::map<model::SetId, Lane> lanes_;
    std::uint64_t epochs_ = 0;
    bool leading_ = false;
    std::int64_t held_until_us_ = 0;
    // Callbacks may outlive the sender.
    std::shared_ptr<OutboxSender*> self_ = std::make_shared<OutboxSender*>(this);
};

}  // namespace penstock::node

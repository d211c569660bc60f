#include "broker/node/outbox.h"

#include "broker/base/log.h"
#include "broker/node/entry_bodies.h"

#include <algorithm>
#include <string>
#include <utility>

namespace penstock::node {

using model::SetId;
using model::TransferAnswer;
using model::TransferOutcome;

namespace {

// Bytes that will not come back: a further try finds the same.
bool is_lost(const Error& error) {
    return error.code == Errc::damaged || error.code == Errc::not_found;
}

}  // namespace

OutboxSender::OutboxSender(SetId source,
                           const model::Rows& rows,
                           const Clock& clock,
                           SubmitTo submit_to,
                           std::uint32_t fetch_max,
                           FetchBodies fetch)
    : source_(source),
      rows_(rows),
      clock_(clock),
      submit_to_(std::move(submit_to)),
      fetch_max_(fetch_max),
      fetch_(std::move(fetch)) {}

void OutboxSender::lead() {
    rest();
    leading_ = true;
    for (const SetId target : core::outbox_targets(rows_)) wake(target);
}

void OutboxSender::rest() {
    leading_ = false;
    held_until_us_ = 0;
    lanes_.clear();
}

void OutboxSender::wake(SetId target) {
    if (!leading_) return;
    const auto [at, fresh] = lanes_.try_emplace(target);
    if (fresh) begin(at->second);
    at->second.due = true;
}

OutboxSender::Lane* OutboxSender::current(SetId target, std::uint64_t epoch) {
    const auto found = lanes_.find(target);
    return found != lanes_.end() && found->second.epoch == epoch ? &found->second : nullptr;
}

void OutboxSender::begin(Lane& lane) {
    lane.epoch = ++epochs_;
    lane.next = 1;  // the rows know better
    lane.messages = 0;
    lane.bytes = 0;
    lane.due = true;
    lane.fetching = false;
    lane.answering = false;
    lane.unreadable = 0;
    lane.answers.clear();
    lane.gathering = false;
    lane.heard_us = clock_.steady_us();
}

void OutboxSender::begin_again(Lane& lane) {
    const std::uint32_t doublings = std::min(lane.failures++, 10U);
    const std::int64_t pause = std::min(transfer_pause_max_us, transfer_pause_us << doublings);
    begin(lane);
    lane.not_before_us = clock_.steady_us() + pause;
}

bool OutboxSender::waits(const Lane& lane) {
    return lane.messages > 0 || lane.fetching || lane.answering;
}

void OutboxSender::step() {
    if (clock_.steady_us() < held_until_us_) return;
    for (auto& [target, lane] : lanes_) step(target, lane);
}

void OutboxSender::step(SetId target, Lane& lane) {
    const std::int64_t now_us = clock_.steady_us();
    if (now_us < lane.not_before_us) return;
    if (waits(lane) && now_us >= lane.heard_us + transfer_answer_us) return begin_again(lane);
    if (!lane.due && !waits(lane) && lane.answers.empty()) return;
    const std::uint64_t first = core::outbox_first(rows_, target);
    if (lane.unreadable < first) lane.unreadable = 0;
    lane.next = std::max(lane.next, first);
    answer(target, lane, first);
    if (now_us >= lane.not_before_us) send(target, lane);
}

void OutboxSender::send(SetId target, Lane& lane) {
    const std::uint64_t epoch = lane.epoch;
    while (lane.due && !lane.fetching && lane.unreadable == 0 &&
           lane.messages + fetch_max_ <= transfer_window_messages &&
           lane.bytes < transfer_window_bytes) {
        const auto room = static_cast<std::uint32_t>(transfer_window_messages - lane.messages);
        auto items = core::outbox_due(rows_, target, lane.next - 1, room, fetch_max_);
        if (items.empty()) {
            lane.due = false;
            return;
        }
        if (!waits(lane)) lane.heard_us = clock_.steady_us();
        lane.next = items.back().transfer.number + 1;
        lane.fetching = true;
        std::vector<model::MessageId> bodies;
        for (const core::OutboxItem& item : items) {
            if (!item.shares_body) bodies.push_back(item.body);
        }
        auto shared = std::make_shared<std::vector<core::OutboxItem>>(std::move(items));
        fetch_(
            bodies,
            [weak = std::weak_ptr(self_), target, epoch, shared](std::vector<FetchedBody> found) {
                const auto self = weak.lock();
                if (self) (*self)->fetched(target, epoch, std::move(*shared), std::move(found));
            });
        if (lane.epoch != epoch) return;
    }
}

void OutboxSender::fetched(SetId target,
                           std::uint64_t epoch,
                           std::vector<core::OutboxItem> items,
                           std::vector<FetchedBody> bodies) {
    Lane* lane = current(target, epoch);
    if (lane == nullptr) return;
    lane->fetching = false;
    Together together;
    std::size_t of = 0;  // the item's body, counted from 1
    for (std::size_t at = 0; at < items.size(); ++at) {
        if (!items[at].shares_body) ++of;
        model::Transfer& transfer = items[at].transfer;
        FetchedBody& body = bodies[of - 1];
        if (!body) {
            lane = submit(target, *lane, std::move(together));
            if (lane != nullptr) unreadable(target, *lane, transfer, body.error());
            return;
        }
        std::size_t body_bytes = 0;
        if (!items[at].shares_body) {
            body_bytes = body->bytes.size();
            const std::size_t more = command_bytes(transfer) + body_bytes;
            if (together.messages > 0 && together.bytes + more > transfer_together_bytes) {
                lane = submit(target, *lane, std::exchange(together, {}));
                if (lane == nullptr) return;
            }
            together.bytes += more;
            together.submission.bodies.infos.push_back(info_of(body->bytes));
            together.submission.bodies.bytes.push_back(std::move(body->bytes));
        }
        add(target, *lane, together, std::move(transfer), body_bytes);
    }
    submit(target, *lane, std::move(together));
}

void OutboxSender::unreadable(SetId target,
                              Lane& lane,
                              const model::Transfer& transfer,
                              const Error& why) {
    if (!is_lost(why)) return begin_again(lane);
    log_line(LogLevel::error,
             "node",
             "a message for set " + std::to_string(target.value) + " cannot be read message=" +
                 model::to_text(transfer.message) + " detail=" + why.detail);
    // Its refusal is this set's own; the target passes over the number once it is told.
    keep_answer(lane,
                transfer.number,
                {TransferOutcome::refused, model::Reason::damaged, "the stored bytes are damaged"});
    lane.unreadable = transfer.number;
    lane.next = transfer.number + 1;
}

// The last body of `together` is the Transfer's.
void OutboxSender::add(SetId target,
                       Lane& lane,
                       Together& together,
                       model::Transfer transfer,
                       std::size_t body_bytes) {
    const std::uint64_t number = transfer.number;
    transfer.source = source_;
    transfer.ordinal = static_cast<std::uint32_t>(together.submission.bodies.bytes.size() - 1);
    ++lane.messages;
    lane.bytes += body_bytes;
    auto done = [weak = std::weak_ptr(self_), target, epoch = lane.epoch, number, body_bytes](
                    const model::Reply& reply) {
        const auto self = weak.lock();
        if (self) (*self)->transferred(target, epoch, number, body_bytes, reply);
    };
    if (together.messages++ == 0) {
        together.submission.command = std::move(transfer);
        together.submission.done = std::move(done);
    } else {
        together.submission.followers.push_back({std::move(transfer), std::move(done)});
    }
}

// The lane as it is then; nothing: what came back ended it.
OutboxSender::Lane* OutboxSender::submit(SetId target, const Lane& lane, Together together) {
    const std::uint64_t epoch = lane.epoch;
    if (together.messages > 0) submit_to_(target, std::move(together.submission));
    return current(target, epoch);
}

void OutboxSender::transferred(SetId target,
                               std::uint64_t epoch,
                               std::uint64_t number,
                               std::size_t bytes,
                               const model::Reply& reply) {
    Lane* lane = current(target, epoch);
    if (lane == nullptr) return;
    --lane->messages;
    lane->bytes -= bytes;
    lane->heard_us = clock_.steady_us();
    const auto* known = std::get_if<model::Transferred>(&reply);
    const bool decided = known != nullptr && (known->outcome == TransferOutcome::taken ||
                                              known->outcome == TransferOutcome::refused);
    if (!decided) return begin_again(*lane);
    keep_answer(*lane, number, {known->outcome, known->reason, known->detail});
}

void OutboxSender::keep_answer(Lane& lane, std::uint64_t number, TransferAnswer answer) {
    const std::int64_t now_us = clock_.steady_us();
    if (lane.answers.empty()) {
        lane.answer_us = (now_us / transfer_answers_pause_us + 1) * transfer_answers_pause_us;
    }
    if (answer.outcome == TransferOutcome::refused) lane.answer_us = now_us;
    lane.answers[number] = std::move(answer);
}

void OutboxSender::answer(SetId target, Lane& lane, std::uint64_t first) {
    if (lane.answering) return;
    lane.answers.erase(lane.answers.begin(), lane.answers.lower_bound(first));
    lane.gathering = !lane.answers.empty() && lane.answers.size() < transfer_answers_enough &&
                     clock_.steady_us() < lane.answer_us;
    if (lane.gathering) return;
    model::TransfersAnswered command{target, first, {}};
    while (!lane.answers.empty() && lane.answers.begin()->first == first + command.answers.size() &&
           command.answers.size() < model::transfer_answers_max) {
        command.answers.push_back(std::move(lane.answers.begin()->second));
        lane.answers.erase(lane.answers.begin());
    }
    if (command.answers.empty()) return;
    lane.answering = true;
    lane.heard_us = clock_.steady_us();
    auto done =
        [weak = std::weak_ptr(self_), target, epoch = lane.epoch](const model::Reply& reply) {
            const auto self = weak.lock();
            Lane* answered = self ? (*self)->current(target, epoch) : nullptr;
            if (answered == nullptr) return;
            answered->answering = false;
            if (!std::holds_alternative<model::Done>(reply)) return (*self)->begin_again(*answered);
            answered->failures = 0;
            answered->due = true;  // there is room again
        };
    submit_to_(source_, Submission{std::move(command), {}, nullptr, std::move(done)});
}

std::optional<std::int64_t> OutboxSender::next_us() const {
    std::optional<std::int64_t> next;
    for (const auto& [target, lane] : lanes_) {
        if (!lane.due && !waits(lane) && lane.answers.empty()) continue;
        std::int64_t wanted = waits(lane) ? lane.heard_us + transfer_answer_us : lane.not_before_us;
        if (lane.gathering) {
            wanted = waits(lane) ? std::min(wanted, lane.answer_us)
                                 : std::max(wanted, lane.due ? wanted : lane.answer_us);
        }
        if (!next || wanted < *next) next = wanted;
    }
    if (next) next = std::max(*next, held_until_us_);
    return next;
}

}  // namespace penstock::node

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
    const std::uint64_t first = core::outbox_figures(rows_, target).first;
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
        auto items = core::outbox_due(rows_, target, lane.next - 1, fetch_max_);
        if (items.empty()) {
            lane.due = false;
            return;
        }
        if (!waits(lane)) lane.heard_us = clock_.steady_us();
        lane.next = items.back().transfer.number + 1;
        lane.fetching = true;
        std::vector<model::MessageId> bodies;
        for (const core::OutboxItem& item : items) bodies.push_back(item.body);
        fetch_(bodies,
               [weak = std::weak_ptr(self_), target, epoch, items = std::move(items)](
                   std::vector<FetchedBody> found) {
                   const auto self = weak.lock();
                   if (self) (*self)->fetched(target, epoch, items, std::move(found));
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
    for (std::size_t at = 0; at < items.size(); ++at) {
        const std::uint64_t number = items[at].transfer.number;
        if (bodies[at]) {
            submit(target, *lane, std::move(items[at]), std::move(bodies[at]->bytes));
            lane = current(target, epoch);
            if (lane == nullptr) return;
            continue;
        }
        if (!is_lost(bodies[at].error())) return begin_again(*lane);
        log_line(LogLevel::error,
                 "node",
                 "a message for set " + std::to_string(target.value) +
                     " cannot be read message=" + model::to_text(items[at].transfer.message) +
                     " detail=" + bodies[at].error().detail);
        // Its refusal is this set's own; the target passes over the number once it is told.
        lane->answers[number] = {
            TransferOutcome::refused, model::Reason::damaged, "the stored bytes are damaged"};
        lane->unreadable = number;
        lane->next = number + 1;
        return;
    }
}

void OutboxSender::submit(SetId target, Lane& lane, core::OutboxItem item, std::string body) {
    const std::uint64_t number = item.transfer.number;
    const std::size_t bytes = body.size();
    const std::uint64_t epoch = lane.epoch;
    item.transfer.source = source_;
    ++lane.messages;
    lane.bytes += bytes;
    Submission submission;
    submission.bodies.infos.push_back(info_of(body));
    submission.bodies.bytes.push_back(std::move(body));
    submission.command = std::move(item.transfer);
    submission.done =
        [weak = std::weak_ptr(self_), target, epoch, number, bytes](const model::Reply& reply) {
            const auto self = weak.lock();
            if (self) (*self)->transferred(target, epoch, number, bytes, reply);
        };
    submit_to_(target, std::move(submission));
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
    lane->answers[number] = {known->outcome, known->reason, known->detail};
}

void OutboxSender::answer(SetId target, Lane& lane, std::uint64_t first) {
    if (lane.answering) return;
    lane.answers.erase(lane.answers.begin(), lane.answers.lower_bound(first));
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
        const std::int64_t wanted =
            waits(lane) ? lane.heard_us + transfer_answer_us : lane.not_before_us;
        if (!next || wanted < *next) next = wanted;
    }
    if (next) next = std::max(*next, held_until_us_);
    return next;
}

}  // namespace penstock::node

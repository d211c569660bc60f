#include "tests/simulation/outbox_set.h"

#include "broker/base/check.h"
#include "broker/node/entry_bodies.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace penstock::simulation {

OutboxSet::OutboxSet(model::SetId set,
                     const testing::ManualClock& clock,
                     node::SubmitTo submit_to,
                     Applied applied)
    : set_(set),
      clock_(clock),
      submit_to_(std::move(submit_to)),
      applied_(std::move(applied)),
      rows_(storage::make_memory_rows(&image_)) {}

void OutboxSet::start() {
    rows_ = storage::make_memory_rows(&image_);
    machine_ = core::make_data_set();
    released_ = released_at_flush_;
    for (model::LogIndex at = rows_->flushed_applied() + 1; at <= log_.size(); ++at) apply(at);
    wake_ms_ = 0;
    auto fetch = [this](const std::vector<model::MessageId>& places, auto fetched) {
        std::vector<node::FetchedBody> bodies;
        for (const model::MessageId place : places) bodies.push_back(body(place));
        fetched(std::move(bodies));
    };
    sender_ = std::make_unique<node::OutboxSender>(
        set_, *rows_, clock_, submit_to_, node::transfer_fetch_messages, std::move(fetch));
    sender_->lead();
}

void OutboxSet::die() {
    sender_.reset();
    machine_.reset();
    const auto waiting = std::exchange(waiting_, {});
    for (const node::Submission& one : waiting) {
        node::refuse(one, {model::Reason::unknown_outcome, {}, "it died"});
    }
}

void OutboxSet::submit(node::Submission submission) {
    check(up(), "a set that is down takes nothing");
    waiting_.push_back(std::move(submission));
}

bool OutboxSet::commit(bool then_die) {
    if (waiting_.empty()) return false;
    Stored stored;
    std::vector<model::Command> commands;
    std::vector<std::function<void(model::Reply)>> done;
    while (!waiting_.empty() && stored.bodies.size() + waiting_.front().bodies.bytes.size() <=
                                    model::bodies_per_entry_max) {
        node::Submission one = std::move(waiting_.front());
        waiting_.pop_front();
        const auto ordinal = static_cast<std::uint32_t>(stored.bodies.size());
        const auto add = [&](model::Command& command, std::function<void(model::Reply)>& heard) {
            node::set_first_ordinal(command, ordinal);
            commands.push_back(std::move(command));
            done.push_back(std::move(heard));
        };
        std::move(
            one.bodies.bytes.begin(), one.bodies.bytes.end(), std::back_inserter(stored.bodies));
        add(one.command, one.done);
        for (node::Submission::Follower& next : one.followers) add(next.command, next.done);
    }
    stored.commands = model::encode_commands(commands);
    stored.time_ms = std::max(log_.empty() ? 0 : log_.back().time_ms, clock_.wall_ms());
    log_.push_back(std::move(stored));
    if (then_die) {
        die();
        for (const auto& one : done) {
            if (one) one(model::Refusal{model::Reason::unknown_outcome, {}, "it died"});
        }
        start();
        return true;
    }
    model::Effects effects = apply(log_.size());
    for (std::size_t at = 0; at < done.size(); ++at) {
        if (done[at]) done[at](std::move(effects.replies[at]));
    }
    return true;
}

void OutboxSet::tick() {
    if (!wake_ms_ || *wake_ms_ > clock_.wall_ms()) return;
    submit(node::Submission{model::Tick{}, {}, nullptr, {}});
}

void OutboxSet::flush() {
    check(rows_->flush().has_value(), "rows in memory flush");
    released_at_flush_ = released_;
}

model::Entry OutboxSet::entry(model::LogIndex index) const {
    const Stored& stored = log_[index - 1];
    replication::ReplayedEntry replayed;
    replayed.term = 1;
    replayed.index = index;
    replayed.time_ms = stored.time_ms;
    replayed.commands = stored.commands;
    for (const std::string& body : stored.bodies) replayed.bodies.emplace_back(body);
    auto entry = node::to_entry(set_, replayed);
    check(entry.has_value(), "commands are read as they were written");
    return std::move(*entry);
}

model::Effects OutboxSet::apply(model::LogIndex index) {
    const model::Entry applied = entry(index);
    model::Effects effects = machine_->apply(applied, *rows_);
    check(rows_->apply(effects.batch, index).has_value(), "rows in memory take a batch");
    for (const model::Release& one : effects.releases) {
        released_.emplace(set_, one.index, one.ordinal);
    }
    wake_ms_ = effects.wake_ms;
    applied_to_ = index;
    if (tamper_) tamper_(*this);
    if (sender_) {
        for (const model::SetId target : effects.outbox) sender_->wake(target);
    }
    if (index > seen_) {
        seen_ = index;
        applied_(set_, applied, effects);
    }
    return effects;
}

node::FetchedBody OutboxSet::body(model::MessageId place) const {
    const bool there = place.set() == set_ && place.index() >= 1 && place.index() <= log_.size() &&
                       place.ordinal() < log_[place.index() - 1].bodies.size();
    if (!there || released_.contains(place)) {
        return error(Errc::not_found, "no body " + model::to_text(place));
    }
    const Stored& stored = log_[place.index() - 1];
    return storage::BodySource::Body{stored.bodies[place.ordinal()], stored.time_ms};
}

}  // namespace penstock::simulation

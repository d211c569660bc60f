#include "broker/node/hosted_set.h"

#include "broker/base/bytes.h"
#include "broker/base/check.h"
#include "broker/base/planted.h"
#include "broker/core/progress.h"
#include "broker/model/format.h"
#include "broker/node/conf_state_key.h"
#include "broker/node/entry_bodies.h"
#include "broker/replication/closed_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace penstock::node {

namespace {

// Beside the core's rows and outside its state hash.
constexpr std::string_view format_key = "!format";

constexpr const char* no_leader = "no leader of the set is known here: try again in a moment";

model::Refusal leadership_lost() {
    return {
        model::Reason::unknown_outcome, {}, "leadership was lost: it may or may not take effect"};
}

std::size_t all_command_bytes(const Submission& submission) {
    std::size_t total = command_bytes(submission.command);
    for (const Submission::Follower& one : submission.followers) {
        total += command_bytes(one.command);
    }
    return total;
}

}  // namespace

std::size_t body_bytes(const PreparedBodies& bodies) {
    std::size_t total = 0;
    for (const std::string& body : bodies.bytes) total += body.size();
    return total;
}

void refuse(const Submission& submission, const model::Refusal& why) {
    if (submission.done) submission.done(why);
    for (const Submission::Follower& one : submission.followers) {
        if (one.done) one.done(why);
    }
}

void take_apart(Submission together, const std::function<void(Submission)>& give) {
    const PreparedBodies bodies = std::move(together.bodies);
    const auto add = [&](model::Command command, std::function<void(model::Reply)> done) {
        std::uint32_t& ordinal = std::get<model::Transfer>(command).ordinal;
        PreparedBodies own{{bodies.bytes.at(ordinal)}, {bodies.infos.at(ordinal)}};
        ordinal = 0;
        give(Submission{std::move(command), std::move(own), nullptr, std::move(done)});
    };
    add(std::move(together.command), std::move(together.done));
    for (Submission::Follower& one : together.followers) {
        add(std::move(one.command), std::move(one.done));
    }
}

HostedSet::HostedSet(model::SetId set,
                     std::unique_ptr<storage::RowStore> rows,
                     std::unique_ptr<core::StateMachine> machine)
    : set_(set), rows_(std::move(rows)), machine_(std::move(machine)) {}

Result<void> HostedSet::open(std::unique_ptr<replication::Log> log) {
    log_ = std::move(log);
    const core::SetProgress progress = core::progress(*rows_);
    applied_ = progress.applied;
    time_ms_ = progress.time_ms;
    trail_ = {};
    if (applied_ > 0) trail_.note(applied_, progress.state_hash);
    if (auto known = open_format(); !known) return known;
    std::optional<Error> failure;
    const auto visit = [&](const replication::ReplayedEntry& replayed) {
        if (failure) return;
        auto entry = to_entry(set_, replayed);
        if (!entry) {
            failure = entry.error();
            return;
        }
        model::Effects effects;
        if (auto applied = apply(*entry, {}, effects); !applied) failure = applied.error();
    };
    if (auto replayed = log_->replay(applied_, visit); !replayed) return replayed.error();
    if (failure) return *failure;
    wake_ms_ = 0;
    return {};
}

void HostedSet::close() {
    queued_bytes_ = 0;
    gathers_until_us_.reset();
    for (const Submission& waiting : std::exchange(queue_, {})) {
        refuse(waiting, {model::Reason::unavailable, {}, no_leader});
    }
    for (const Flight& flight : std::exchange(flights_, {})) {
        for (const auto& done : flight.done) {
            if (done) done(leadership_lost());
        }
    }
    for (const Unanswered& applied : std::exchange(unanswered_, {})) {
        for (const auto& done : applied.done) {
            if (done) done(leadership_lost());
        }
    }
    for (const auto& [token, then] : std::exchange(reads_, {})) then(false);
    answerable_ = {};
    log_ = std::make_unique<replication::ClosedLog>(set_);
    rows_ = storage::make_memory_rows();
    machine_->drop_caches();
    applied_ = 0;
    wake_ms_.reset();
}

void HostedSet::reopen(std::unique_ptr<storage::RowStore> rows) {
    rows_ = std::move(rows);
    machine_->drop_caches();
}

std::string HostedSet::conf_state() const {
    return rows_->get(conf_state_key).value_or(std::string());
}

void HostedSet::submit(Submission submission) {
    queued_bytes_ += body_bytes(submission.bodies);
    queue_.push_back(std::move(submission));
}

void HostedSet::submit_tick(std::int64_t now_us) {
    if (tick_waits_) return;
    tick_waits_ = true;
    ticked_us_ = now_us;
    const auto done = [this](const model::Reply& reply) {
        tick_waits_ = false;
        tick_refused_ = std::holds_alternative<model::Refusal>(reply);
    };
    queue_.push_back(Submission{model::Tick{}, {}, nullptr, done});
}

HostedSet::Flight HostedSet::gather(std::vector<std::string>& bodies) {
    Flight flight;
    std::size_t bytes = 0;
    std::size_t body_total = 0;
    while (!queue_.empty() && flight.entry.commands.size() < commands_per_entry_max) {
        Submission& next = queue_.front();
        const std::size_t more = all_command_bytes(next);
        const std::size_t more_bodies = body_bytes(next.bodies);
        const bool first = flight.entry.commands.empty();
        const bool full =
            bytes + more > command_bytes_per_entry_max ||
            body_total + more_bodies > body_bytes_per_entry_max ||
            bodies.size() + next.bodies.bytes.size() > model::bodies_per_entry_max ||
            flight.entry.commands.size() + 1 + next.followers.size() > commands_per_entry_max;
        if (full && !first) break;
        const std::size_t added_from = flight.entry.commands.size();
        if (!next.call || next.call->mark_proposed()) {
            const auto ordinal = static_cast<std::uint32_t>(bodies.size());
            const auto add = [&](model::Command& command, std::function<void(model::Reply)>& done) {
                set_first_ordinal(command, ordinal);
                flight.entry.commands.push_back(std::move(command));
                flight.done.push_back(std::move(done));
            };
            bytes += more;
            body_total += more_bodies;
            std::move(
                next.bodies.bytes.begin(), next.bodies.bytes.end(), std::back_inserter(bodies));
            std::move(next.bodies.infos.begin(),
                      next.bodies.infos.end(),
                      std::back_inserter(flight.entry.bodies));
            add(next.command, next.done);
            for (Submission::Follower& one : next.followers) add(one.command, one.done);
        } else {
            refuse(next, {model::Reason::overloaded, {}, "its caller was answered"});
        }
        queued_bytes_ -= more_bodies;
        queue_.pop_front();
        tell_of(flight, added_from);
    }
    logged_bytes_ += bytes + body_total;
    return flight;
}

void HostedSet::tell_of(const Flight& flight, std::size_t first) {
    if (!told_) return;
    for (std::size_t at = first; at < flight.entry.commands.size(); ++at) {
        told_(flight.entry.commands[at]);
    }
}

void HostedSet::confirm(std::function<void(bool)> then) {
    const std::uint64_t token = next_token_++;
    reads_.emplace(token, std::move(then));
    log_->read(token);
}

void HostedSet::propose_raise(model::TimeMs wall_ms, std::int64_t now_us) {
    const std::uint16_t level = std::exchange(raising_, std::uint16_t{0});
    if (level <= format_) return;
    Flight flight;
    flight.token = next_token_++;
    flight.entry.set = set_;
    flight.entry.level = level;
    flight.proposed_us = now_us;
    replication::Proposal proposal;
    proposal.token = flight.token;
    proposal.time_ms = wall_ms;
    proposal.commands = model::encode_commands_at({}, level);
    if (log_->propose(std::move(proposal))) flights_.push_back(std::move(flight));
}

bool HostedSet::gathers(std::int64_t now_us) {
    const bool enough =
        queued_bytes_ >= gather_body_bytes || queue_.size() >= commands_per_entry_max;
    const bool over = gathers_until_us_ && now_us >= *gathers_until_us_;
    if (flights_.empty() || queue_.empty() || enough || over) {
        gathers_until_us_.reset();
        return false;
    }
    if (!gathers_until_us_) gathers_until_us_ = now_us + gather_us_max;
    return true;
}

std::size_t HostedSet::propose(model::TimeMs wall_ms, std::int64_t now_us) {
    std::size_t entries = 0;
    const std::size_t entries_max = gathers(now_us) ? 0 : entries_per_turn_max;
    propose_raise(wall_ms, now_us);
    while (!queue_.empty() && entries < entries_max) {
        replication::Proposal proposal;
        Flight flight = gather(proposal.bodies);
        if (flight.entry.commands.empty()) continue;
        flight.token = next_token_++;
        flight.entry.set = set_;
        flight.entry.time_ms = wall_ms;
        flight.entry.level = format_;
        proposal.token = flight.token;
        proposal.time_ms = wall_ms;
        flight.proposed_us = now_us;
        proposal.commands = model::encode_commands_at(flight.entry.commands, format_);
        if (log_->propose(std::move(proposal))) {
            flights_.push_back(std::move(flight));
            ++entries;
            continue;
        }
        for (const auto& done : flight.done) {
            if (done) done(model::Refusal{model::Reason::unavailable, {}, no_leader});
        }
    }
    log_->cycle();
    return entries;
}

Result<void> HostedSet::open_format() {
    const std::string row = rows_->get(format_key).value_or(std::string());
    format_ = row.empty() ? model::known_formats().least : Reader(row).u16();
    if (format_ <= model::known_formats().most) return {};
    return error(Errc::invalid,
                 model::too_new("set " + std::to_string(set_.value) + " in this folder", format_));
}

Result<void> HostedSet::apply(const model::Entry& entry,
                              const std::string& conf_state,
                              model::Effects& effects) {
    effects = machine_->apply(entry, *rows_);
    check(effects.replies.size() == entry.commands.size(), "one reply per command");
    const std::uint64_t hash = core::sealed_hash(effects);
    // Who the members are is the engine's: it goes with the applied index, not into the state hash.
    if (!conf_state.empty()) {
        effects.batch.push_back(
            {model::RowWrite::Kind::put, std::string(conf_state_key), conf_state});
    }
    if (entry.level > format_) {
        std::string row;
        Writer(row).u16(entry.level);
        effects.batch.push_back({model::RowWrite::Kind::put, std::string(format_key), row});
        format_ = entry.level;
    }
    if (auto applied = rows_->apply(std::move(effects.batch), entry.index); !applied) {
        return applied.error();
    }
    applied_ = entry.index;
    trail_.note(entry.index, hash);
    time_ms_ = entry.time_ms;
    wake_ms_ = effects.wake_ms;
    return {};
}

Result<void> HostedSet::apply_own(const replication::Committed& committed,
                                  model::Effects& effects,
                                  std::int64_t now_us) {
    check(!flights_.empty() && flights_.front().token == committed.token,
          "entries commit in the order proposed");
    Flight flight = std::move(flights_.front());
    flights_.pop_front();
    flight.entry.term = committed.term;
    flight.entry.index = committed.index;
    if (!planted(K12)) flight.entry.time_ms = committed.time_ms;
    if (auto applied = apply(flight.entry, committed.conf_state, effects); !applied) {
        return applied.error();
    }
    traffic_.count(flight.entry.commands, effects.replies);
    traffic_.committed(now_us - flight.proposed_us);
    unanswered_.push_back({committed.index, std::move(flight.done), std::move(effects.replies)});
    if (!answerable_) release_answers();
    return {};
}

void HostedSet::release_answers() {
    const bool lost = answerable_ && !leading();
    const model::LogIndex index = answerable_ ? answerable_() : applied_;
    while (!unanswered_.empty() && (lost || unanswered_.front().index <= index)) {
        Unanswered next = std::move(unanswered_.front());
        unanswered_.pop_front();
        for (std::size_t at = 0; at < next.done.size(); ++at) {
            if (!next.done[at]) continue;
            next.done[at](lost ? model::Reply(leadership_lost()) : std::move(next.replies[at]));
        }
    }
}

Result<void> HostedSet::apply_others(const replication::Committed& committed,
                                     model::Effects& effects) {
    check(committed.content.has_value(), "what others proposed comes with its content");
    auto entry = to_entry(set_, *committed.content);
    if (!entry) return entry.error();
    return apply(*entry, committed.conf_state, effects);
}

void HostedSet::end(const replication::Ended& ended) {
    const model::Refusal why = ended.appended
                                   ? leadership_lost()
                                   : model::Refusal{model::Reason::unavailable, {}, no_leader};
    if (const auto read = reads_.find(ended.token); read != reads_.end()) {
        const auto then = std::move(read->second);
        reads_.erase(read);
        return then(false);
    }
    const auto found = std::find_if(flights_.begin(), flights_.end(), [&](const Flight& flight) {
        return flight.token == ended.token;
    });
    check(found != flights_.end(), "what ends was proposed");
    const Flight flight = std::move(*found);
    flights_.erase(found);
    for (const auto& done : flight.done) {
        if (done) done(why);
    }
}

Result<void> HostedSet::finish(TurnEffects& effects, std::int64_t now_us) {
    const std::vector<replication::Committed> all = log_->take_committed();
    for (const replication::Ended& ended : log_->take_ended()) end(ended);
    for (const replication::Committed& committed : all) {
        model::Effects own;
        auto applied =
            committed.token != 0 ? apply_own(committed, own, now_us) : apply_others(committed, own);
        if (!applied) return applied.error();
        const auto append = [](auto& to, const auto& from) {
            to.insert(to.end(), from.begin(), from.end());
        };
        append(effects.visible, own.visible);
        append(effects.ready, own.ready);
        append(effects.changed, own.changed);
        append(effects.releases, own.releases);
        append(effects.outbox, own.outbox);
        append(effects.jobs, own.jobs);
        append(effects.checks, own.checks);
        append(effects.unconfirmed, own.unconfirmed);
    }
    if (flights_.empty()) gathers_until_us_.reset();
    release_answers();
    for (const replication::ConfirmedRead& read : log_->take_reads()) {
        check(read.index <= applied_, "a confirmed read sees what was committed");
        const auto found = reads_.find(read.token);
        if (found == reads_.end()) continue;
        const auto then = std::move(found->second);
        reads_.erase(found);
        then(true);
    }
    return {};
}

}  // namespace penstock::node

#include "broker/node/hosted_set.h"

#include "broker/base/check.h"
#include "broker/core/data_query.h"
#include "broker/node/entry_bodies.h"
#include "broker/replication/local_log.h"

#include <iterator>
#include <utility>

namespace penstock::node {

namespace {

std::size_t body_bytes(const PreparedBodies& bodies) {
    std::size_t total = 0;
    for (const std::string& body : bodies.bytes) total += body.size();
    return total;
}

}  // namespace

HostedSet::HostedSet(model::SetId set,
                     std::unique_ptr<storage::RowStore> rows,
                     std::unique_ptr<core::StateMachine> machine)
    : set_(set), rows_(std::move(rows)), machine_(std::move(machine)) {}

Result<void> HostedSet::open(storage::LogStore& store) {
    const core::SetProgress progress = core::progress(*rows_);
    applied_ = progress.applied;
    time_ms_ = progress.time_ms;
    std::optional<Error> failure;
    const auto visit = [&](const replication::ReplayedEntry& replayed) {
        if (failure) return;
        auto entry = to_entry(set_, replayed);
        if (!entry) {
            failure = entry.error();
            return;
        }
        model::Effects effects;
        if (auto applied = apply(*entry, effects); !applied) failure = applied.error();
    };
    {
        const replication::LocalLog reader(set_, store, time_ms_);
        if (auto replayed = reader.replay(applied_, visit); !replayed) return replayed.error();
    }
    if (failure) return *failure;
    log_ = std::make_unique<replication::LocalLog>(set_, store, time_ms_);
    wake_ms_ = 0;
    return {};
}

void HostedSet::submit(Submission submission) {
    queue_.push_back(std::move(submission));
}

void HostedSet::submit_tick(std::int64_t now_us) {
    if (tick_waits_) return;
    tick_waits_ = true;
    ticked_us_ = now_us;
    queue_.push_back(Submission{model::Tick{}, {}, nullptr, [this](const model::Reply&) {
                                    tick_waits_ = false;
                                }});
}

HostedSet::Flight HostedSet::gather(std::vector<std::string>& bodies) {
    Flight flight;
    std::size_t bytes = 0;
    std::size_t body_total = 0;
    while (!queue_.empty() && flight.entry.commands.size() < commands_per_entry_max) {
        Submission& next = queue_.front();
        const std::size_t more = command_bytes(next.command);
        const std::size_t more_bodies = body_bytes(next.bodies);
        const bool first = flight.entry.commands.empty();
        const bool full = bytes + more > command_bytes_per_entry_max ||
                          body_total + more_bodies > body_bytes_per_entry_max ||
                          bodies.size() + next.bodies.bytes.size() > model::bodies_per_entry_max;
        if (full && !first) break;
        if (!next.call || next.call->mark_proposed()) {
            set_first_ordinal(next.command, static_cast<std::uint32_t>(bodies.size()));
            bytes += more;
            body_total += more_bodies;
            std::move(
                next.bodies.bytes.begin(), next.bodies.bytes.end(), std::back_inserter(bodies));
            std::move(next.bodies.infos.begin(),
                      next.bodies.infos.end(),
                      std::back_inserter(flight.entry.bodies));
            flight.entry.commands.push_back(std::move(next.command));
            flight.done.push_back(std::move(next.done));
        } else if (next.done) {
            next.done(model::Refusal{model::Reason::overloaded, {}, "its caller was answered"});
        }
        queue_.pop_front();
    }
    logged_bytes_ += bytes + body_total;
    return flight;
}

std::size_t HostedSet::propose(model::TimeMs wall_ms) {
    std::size_t entries = 0;
    while (!queue_.empty() && entries < entries_per_turn_max) {
        replication::Proposal proposal;
        Flight flight = gather(proposal.bodies);
        if (flight.entry.commands.empty()) continue;
        flight.token = next_token_++;
        flight.entry.set = set_;
        proposal.token = flight.token;
        proposal.time_ms = wall_ms;
        proposal.commands = model::encode_commands(flight.entry.commands);
        if (log_->propose(std::move(proposal))) {
            flights_.push_back(std::move(flight));
            ++entries;
            continue;
        }
        for (const auto& done : flight.done) {
            if (done) done(model::Refusal{model::Reason::unavailable, {}, "no leader"});
        }
    }
    return entries;
}

Result<void> HostedSet::apply(const model::Entry& entry, model::Effects& effects) {
    effects = machine_->apply(entry, *rows_);
    check(effects.replies.size() == entry.commands.size(), "one reply per command");
    if (auto applied = rows_->apply(effects.batch, entry.index); !applied) return applied.error();
    applied_ = entry.index;
    time_ms_ = entry.time_ms;
    wake_ms_ = effects.wake_ms;
    return {};
}

Result<void> HostedSet::apply_committed(TurnEffects& effects) {
    for (const replication::Committed& committed : log_->take_committed()) {
        check(!flights_.empty() && flights_.front().token == committed.token,
              "entries commit in the order proposed");
        Flight flight = std::move(flights_.front());
        flights_.pop_front();
        flight.entry.term = committed.term;
        flight.entry.index = committed.index;
        flight.entry.time_ms = committed.time_ms;
        model::Effects own;
        if (auto applied = apply(flight.entry, own); !applied) return applied.error();
        const auto append = [](auto& to, const auto& from) {
            to.insert(to.end(), from.begin(), from.end());
        };
        append(effects.visible, own.visible);
        append(effects.ready, own.ready);
        append(effects.changed, own.changed);
        if (set_ != model::names_set) append(effects.releases, own.releases);
        for (std::size_t at = 0; at < flight.done.size(); ++at) {
            if (flight.done[at]) flight.done[at](std::move(own.replies[at]));
        }
    }
    return {};
}

}  // namespace penstock::node

// Snapshots and the beginning of the log, which moves on because of them.
#include "broker/base/check.h"
#include "broker/base/planted.h"
#include "broker/replication/raft_parts.h"

#include <algorithm>
#include <utility>

namespace penstock::replication {

void RaftLog::applied_flushed(LogIndex applied) {
    Parts& p = *parts_;
    if (!p.engine || p.failure) return;
    p.keeper.flushed(planted(K32) ? p.handed_out : std::min(applied, p.handed_out));
    p.move_first();
}

// As far as bytes allow, and behind what nobody can be sent.
void RaftLog::Parts::move_first() {
    const LogIndex limit =
        planted(K32) ? handed_out : std::min(snapshots.held().index, engine->applied());
    if (!keeper.advance(limit, unreadable)) return;
    const LogIndex before = keeper.before();
    const auto term = store.term_of(set, before);
    if (!term) return fail(term.error());
    engine->compact(before + 1);
    window.drop_through(before);
    store.append_start(set, {before, *term});
    if (before >= unreadable) unreadable = 0;
}

RaftLog::Unsendable RaftLog::unsendable() const {
    if (parts_->unreadable == 0) return {};
    return {parts_->unreadable_from, parts_->unreadable};
}

LogIndex RaftLog::first() const {
    return parts_->keeper.before() + 1;
}

bool RaftLog::snapshot_wanted() const {
    const Parts& p = *parts_;
    if (!p.engine || p.failure || p.handed_out <= p.snapshots.held().index) return false;
    const bool in_the_way = p.keeper.surplus() && p.keeper.before() >= p.snapshots.held().index;
    return snapshot_needed() || in_the_way;
}

bool RaftLog::snapshot_needed() const {
    return parts_->engine && (parts_->engine->snapshot_due() || parts_->snapshot_missed);
}

bool RaftLog::set_snapshot(HeldSnapshot snapshot) {
    Parts& p = *parts_;
    check(p.output == nullptr, "snapshots are set between turns");
    const bool fits = p.engine && !p.failure && snapshot.index <= p.handed_out &&
                      snapshot.index >= std::max(p.changed_at, p.snapshots.held().index) &&
                      snapshot.index >= p.keeper.before() && snapshot.conf_state == p.conf_state;
    if (!fits) return false;
    p.engine->snapshot(snapshot.index);
    p.snapshots.hold(std::move(snapshot));
    p.snapshot_missed = false;
    return true;
}

void RaftLog::snapshot_sent(NodeId peer) {
    Parts& p = *parts_;
    if (p.snapshots.ended(peer) && p.engine) p.engine->report_snapshot(peer, true);
}

void RaftLog::snapshot_moves(NodeId peer) {
    parts_->snapshots.moves(peer);
}

void RaftLog::snapshot_failed(NodeId peer) {
    Parts& p = *parts_;
    if (p.snapshots.ended(peer) && p.engine) p.engine->report_snapshot(peer, false);
}

std::vector<SnapshotOffer> RaftLog::take_offers() {
    return parts_->snapshots.take_offers();
}

void RaftLog::install(SnapshotOffer offer) {
    Parts& p = *parts_;
    if (p.engine) p.snapshots.fetched(p.self, p.set, std::move(offer));
}

std::optional<Installation> RaftLog::take_installation() {
    return parts_->snapshots.take_installation();
}

}  // namespace penstock::replication

#include "broker/cluster/retreat.h"

#include "broker/base/log.h"
#include "broker/cluster/words.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace penstock::cluster {

namespace {

namespace transport = replication::transport;

constexpr std::int64_t calm_us = 30'000'000;  // since the last slow sync
constexpr std::int64_t told_every_us = 1'000'000;
constexpr std::int64_t told_for_us = 3'000'000;
// A transfer that was lost is tried again; the engine gives up on it after an election time-out.
constexpr std::int64_t try_pause_us = 50'000;

}  // namespace

void Retreat::synced(std::int64_t took_us) {
    if (took_us <= slow_sync_us_) return;
    ++counters_.slow_syncs;
    slow_took_us_ = std::max(slow_took_us_, took_us);
}

void Retreat::leave(std::function<void()> done) {
    leaving_ = true;
    told_us_ = 0;
    next_us_ = 0;
    waiting_.push_back(std::move(done));
}

void Retreat::heard(NodeId from, std::string_view notice, std::int64_t now_us) {
    if (notice != notice_of(Word::unfit)) return;
    unfit_until_us_[from] = now_us + told_for_us;
}

bool Retreat::fit(NodeId node, std::int64_t now_us) const {
    if (node == self_) return !leaving_ && now_us >= slow_until_us_;
    const auto said = unfit_until_us_.find(node);
    return said == unfit_until_us_.end() || now_us >= said->second;
}

std::int64_t Retreat::next_wake_us() const {
    return leaving_ || slow_took_us_ > 0 ? next_us_ : std::numeric_limits<std::int64_t>::max();
}

void Retreat::look_at_disk(std::int64_t now_us) {
    const std::int64_t took_us = std::exchange(slow_took_us_, 0);
    if (took_us == 0) return;
    if (now_us >= slow_until_us_) {
        log_line(LogLevel::warn,
                 "cluster",
                 "event=slow_disk took_ms=" + std::to_string(took_us / 1'000) +
                     ": other nodes are to lead this one's sets until its syncs are fast again");
        told_us_ = 0;
        next_us_ = 0;
    }
    slow_until_us_ = now_us + calm_us;
}

void Retreat::tell(const Logs& logs, std::int64_t now_us) {
    if (peers_ == nullptr || (told_us_ != 0 && now_us < told_us_ + told_every_us)) return;
    told_us_ = now_us;
    std::set<NodeId> others;
    for (const auto& [set, log] : logs) {
        others.insert(log->members().voters.begin(), log->members().voters.end());
    }
    others.erase(self_);
    for (const NodeId other : others) {
        peers_->send(other, transport::Lane::requests, notice_of(Word::unfit));
    }
}

bool Retreat::others_live(const replication::RaftLog& log) const {
    const std::vector<NodeId>& voters = log.members().voters;
    return std::any_of(voters.begin(), voters.end(), [&](NodeId voter) {
        const auto progress = log.progress(voter);
        return voter != self_ && progress && progress->recently_active;
    });
}

NodeId Retreat::successor(const replication::RaftLog& log, std::int64_t now_us) const {
    NodeId best;
    model::LogIndex best_match = 0;
    for (const NodeId voter : log.members().voters) {
        // Who stops cannot choose.
        if (voter == self_ || (!leaving_ && !fit(voter, now_us))) continue;
        const auto progress = log.progress(voter);
        const bool able =
            progress && progress->recently_active && progress->match >= log.committed();
        if (!able || (best.value != 0 && progress->match <= best_match)) continue;
        best = voter;
        best_match = progress->match;
    }
    return best;
}

void Retreat::tend(const Logs& logs, std::int64_t now_us) {
    look_at_disk(now_us);
    if (fit(self_, now_us)) return;
    tell(logs, now_us);
    if (now_us < next_us_) return;
    next_us_ = now_us + try_pause_us;
    bool leads = false;
    for (const auto& [set, log] : logs) {
        if (!log->leadership().leading) {
            giving_up_.erase(set);
            continue;
        }
        leads = leads || others_live(*log);
        const NodeId to = successor(*log, now_us);
        if (to.value == 0) continue;
        if (auto handed = log->transfer(to); !handed) continue;
        if (!giving_up_.insert(set).second) continue;
        ++counters_.given_up;
        log_line(LogLevel::info,
                 "cluster",
                 "event=transfer set=" + std::to_string(set.value) +
                     " to=" + std::to_string(to.value) +
                     (leaving_ ? " why=this node stops" : " why=slow disk here"));
    }
    if (leads) return;
    for (const auto& done : std::exchange(waiting_, {})) done();
}

}  // namespace penstock::cluster

#include "broker/cluster/in_sync.h"

#include "broker/base/log.h"

#include <algorithm>
#include <string>

namespace penstock::cluster {

namespace {

std::string named(const replication::RaftLog& log, NodeId node) {
    return " set=" + std::to_string(log.set().value) + " node=" + std::to_string(node.value);
}

}  // namespace

void InSync::leaves(const replication::RaftLog& log,
                    NodeId node,
                    Follower& follower,
                    const char* why) {
    if (!follower.in_sync) return;
    follower.in_sync = false;
    ++counters_.left;
    if (ack_ != Ack::all) return;
    log_line(
        LogLevel::warn,
        "cluster",
        "event=out_of_sync" + named(log, node) + " " + why + ": answers wait for the others only");
}

void InSync::look(const replication::RaftLog& log, std::int64_t now_us, const Linked& linked) {
    const std::vector<NodeId>& voters = log.members().voters;
    std::erase_if(followers_, [&](const auto& follower) {
        return std::find(voters.begin(), voters.end(), follower.first) == voters.end();
    });
    const LogIndex committed = log.committed();
    for (const NodeId voter : voters) {
        if (voter == log.self()) continue;
        auto [found, fresh] = followers_.try_emplace(voter, Follower{true, committed, now_us});
        Follower& follower = found->second;
        if (!linked(voter)) {
            leaves(log, voter, follower, "there is no link to it");
            continue;
        }
        const auto progress = log.progress(voter);
        const LogIndex match = progress ? progress->match : 0;
        if (match >= follower.goal) {
            const bool caught_up = match >= committed;
            follower.goal = committed;
            follower.since_us = now_us;
            if (follower.in_sync || !caught_up) continue;
            follower.in_sync = true;
            ++counters_.joined;
            if (ack_ == Ack::all) {
                log_line(LogLevel::info, "cluster", "event=in_sync" + named(log, voter));
            }
        } else if (now_us - follower.since_us > behind_us_max_) {
            leaves(log, voter, follower, "it does not keep up");
        }
    }
}

LogIndex InSync::answerable(const replication::RaftLog& log) const {
    if (ack_ == Ack::majority) return log.committed();
    std::vector<NodeId> waited_for;
    for (const auto& [node, follower] : followers_) {
        if (follower.in_sync) waited_for.push_back(node);
    }
    return waited_for.empty() ? log.committed() : log.matched_by(waited_for);
}

bool InSync::has(NodeId node) const {
    const auto found = followers_.find(node);
    return found != followers_.end() && found->second.in_sync;
}

}  // namespace penstock::cluster

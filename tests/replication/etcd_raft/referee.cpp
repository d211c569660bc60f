#include "tests/replication/etcd_raft/referee.h"

namespace penstock::replication::testing {

namespace {

std::string name(NodeId node) {
    return "node " + std::to_string(node.value);
}

}  // namespace

void Referee::leads(NodeId node, std::uint64_t term) {
    const auto known = leaders_.emplace(term, node).first;
    if (known->second != node)
        complain("two leaders in term " + std::to_string(term) + ": " + name(known->second) +
                 " and " + name(node));
}

void Referee::applied(NodeId node, const Rows& rows) {
    const std::pair now{rows.applied.term, rows.hash};
    const auto known = chain_.emplace(rows.applied.index, now).first;
    if (known->second != now)
        complain(name(node) + " differs at index " + std::to_string(rows.applied.index));
    if (rows.applied.index > highest_.applied.index) highest_ = rows;
}

void Referee::answered(NodeId node, const ReadState& read) {
    const auto asked = asked_.find(read.token);
    if (asked == asked_.end()) return complain(name(node) + " answers what nobody asked");
    if (read.index < asked->second)
        complain(name(node) + " answers a read at " + std::to_string(read.index) +
                 " that was asked at " + std::to_string(asked->second));
    asked_.erase(asked);  // a second answer is one nobody asked
}

}  // namespace penstock::replication::testing

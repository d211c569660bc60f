// Members as bytes, little-endian:
//
//   members = u8 version (1), varint voters, u64 node *, varint learners, u64 node *
#include "broker/replication/etcd_raft/members.h"

#include "broker/base/bytes.h"

#include <algorithm>

namespace penstock::replication {

namespace {

constexpr std::uint8_t members_version = 1;
constexpr std::size_t voters_min = 2;

bool holds(const std::vector<NodeId>& nodes, NodeId node) {
    return std::binary_search(nodes.begin(), nodes.end(), node);
}

void insert(std::vector<NodeId>& nodes, NodeId node) {
    if (!holds(nodes, node)) nodes.insert(std::lower_bound(nodes.begin(), nodes.end(), node), node);
}

bool ascends(const std::vector<NodeId>& nodes) {
    const auto falls = [](NodeId left, NodeId right) {
        return left >= right;
    };
    return std::adjacent_find(nodes.begin(), nodes.end(), falls) == nodes.end() &&
           (nodes.empty() || nodes.front() != NodeId{});
}

void write_nodes(Writer& writer, const std::vector<NodeId>& nodes) {
    writer.varint(nodes.size());
    for (const NodeId node : nodes) writer.u64(node.value);
}

std::vector<NodeId> read_nodes(Reader& reader) {
    std::vector<NodeId> nodes(reader.count(sizeof(std::uint64_t)));
    for (NodeId& node : nodes) node = NodeId{reader.u64()};
    return nodes;
}

Error refused(NodeId node, const char* why) {
    return error(Errc::invalid, "node " + std::to_string(node.value) + ": " + why);
}

}  // namespace

bool Members::is_voter(NodeId node) const {
    return holds(voters, node);
}

bool Members::is_learner(NodeId node) const {
    return holds(learners, node);
}

bool well_formed(const Members& members) {
    const auto is_both = [&](NodeId node) {
        return members.is_voter(node);
    };
    return ascends(members.voters) && ascends(members.learners) &&
           members.voters.size() + members.learners.size() <= members_max &&
           std::none_of(members.learners.begin(), members.learners.end(), is_both);
}

std::string encode_members(const Members& members) {
    std::string bytes;
    Writer writer(bytes);
    writer.u8(members_version);
    write_nodes(writer, members.voters);
    write_nodes(writer, members.learners);
    return bytes;
}

Result<Members> decode_members(std::string_view bytes) {
    Reader reader(bytes);
    if (reader.u8() != members_version)
        return error(Errc::damaged, "a set's members are of another version");
    Members members;
    members.voters = read_nodes(reader);
    members.learners = read_nodes(reader);
    if (!reader.done() || !well_formed(members))
        return error(Errc::damaged, "a set's members are no such record");
    return members;
}

Result<Members> members_after(const Members& members, const MembershipChange& change) {
    if (change.node == NodeId{}) return refused(change.node, "no node has this id");
    Members after = members;
    switch (change.kind) {
        case MembershipChange::Kind::add_learner:
            if (after.is_voter(change.node)) return refused(change.node, "is a voter");
            insert(after.learners, change.node);
            break;
        case MembershipChange::Kind::promote:
            std::erase(after.learners, change.node);
            insert(after.voters, change.node);
            break;
        case MembershipChange::Kind::remove:
            std::erase(after.learners, change.node);
            std::erase(after.voters, change.node);
            break;
    }
    if (after.voters.empty()) return refused(change.node, "no voter would be left");
    if (!well_formed(after)) return refused(change.node, "more members than a set may have");
    return after;
}

Result<Members> members_proposed(const Members& members,
                                 const MembershipChange& change,
                                 NodeId leader) {
    auto after = members_after(members, change);
    if (!after) return after;
    using Kind = MembershipChange::Kind;
    if (change.kind == Kind::add_learner && members.has(change.node))
        return refused(change.node, "is a member already");
    if (change.kind == Kind::promote && !members.is_learner(change.node))
        return refused(change.node, "is no learner; a node joins as one and is promoted later");
    if (change.kind == Kind::remove && !members.has(change.node))
        return refused(change.node, "is no member");
    if (change.kind == Kind::remove && change.node == leader)
        return refused(change.node, "leads; transfer leadership before removing it");
    if (members.is_voter(change.node) && after->voters.size() < voters_min)
        return refused(change.node, "fewer than two voters would be left");
    return after;
}

}  // namespace penstock::replication

// Who is in a set, and the one simple change at a time by which that may become different (R3, R4,
// R6, R7). Pure functions and values; any thread. A change that breaks a rule is Error{invalid}.
#pragma once

#include "broker/base/error.h"
#include "broker/model/ids.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::replication {

using model::NodeId;

inline constexpr std::size_t members_max = 1'000;  // voters and learners of one set

// Both lists ascend; no node is in both. A node that knows of no members yet has empty lists.
struct Members {
    std::vector<NodeId> voters;
    std::vector<NodeId> learners;

    [[nodiscard]] bool is_voter(NodeId node) const;
    [[nodiscard]] bool is_learner(NodeId node) const;

    [[nodiscard]] bool has(NodeId node) const { return is_voter(node) || is_learner(node); }

    friend bool operator==(const Members&, const Members&) = default;
};

// Lists ascend, nobody is node 0 or in both, and there are not too many.
bool well_formed(const Members& members);

// The conf state as the log store and snapshots keep it. decode: Error{damaged}.
std::string encode_members(const Members& members);
Result<Members> decode_members(std::string_view bytes);

struct MembershipChange {
    enum class Kind : std::uint8_t { add_learner, promote, remove };

    Kind kind = Kind::add_learner;
    NodeId node;
    friend bool operator==(const MembershipChange&, const MembershipChange&) = default;
};

// The members once `change` is applied; an Error when the engine could not take it.
Result<Members> members_after(const Members& members, const MembershipChange& change);

// Whether `leader` may propose the change: what members_after says, and
// - R4: voters never shrink below two;
// - R6: the leader does not remove itself, it transfers leadership first;
// - R7: a node joins as a learner and is promoted later.
Result<Members> members_proposed(const Members& members,
                                 const MembershipChange& change,
                                 NodeId leader);

}  // namespace penstock::replication

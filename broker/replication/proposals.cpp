#include "broker/replication/proposals.h"

#include "broker/base/check.h"
#include "broker/base/planted.h"

#include <utility>

namespace penstock::replication {

std::uint64_t Proposals::bytes_of(const Proposal& proposal) {
    std::uint64_t total = proposal.commands.size();
    for (const std::string& body : proposal.bodies) total += body.size();
    return total;
}

bool Proposals::add(Proposal proposal) {
    const std::uint64_t more = bytes_of(proposal);
    if (bytes_ > 0 && bytes_ + more > bytes_max_) return false;
    bytes_ += more;
    waiting_.push_back(std::move(proposal));
    return true;
}

std::vector<Proposal> Proposals::take_waiting() {
    return std::exchange(waiting_, {});
}

void Proposals::appended(const Proposal& proposal, LogPoint point) {
    const UnderWay entry{proposal.token, point.term, bytes_of(proposal)};
    check(under_way_.emplace(point.index, entry).second, "a place in the log is proposed once");
}

void Proposals::dropped(const Proposal& proposal, std::vector<Ended>& ended) {
    bytes_ -= bytes_of(proposal);
    ended.push_back({proposal.token, false});
}

std::uint64_t Proposals::committed(LogPoint point) {
    const auto found = under_way_.find(point.index);
    if (found == under_way_.end() || found->second.term != point.term) return 0;
    const std::uint64_t token = found->second.token;
    bytes_ -= found->second.bytes;
    under_way_.erase(found);
    return token;
}

void Proposals::lost_all_but(std::uint64_t term, std::vector<Ended>& ended) {
    for (auto at = under_way_.begin(); at != under_way_.end();) {
        if (at->second.term == term) {
            ++at;
            continue;
        }
        bytes_ -= at->second.bytes;
        ended.push_back({at->second.token, !planted(K33)});
        at = under_way_.erase(at);
    }
}

void Proposals::drop_waiting(std::vector<Ended>& ended) {
    for (const Proposal& proposal : take_waiting()) dropped(proposal, ended);
}

}  // namespace penstock::replication

#include "broker/node/waiters.h"

#include "broker/base/check.h"

#include <utility>

namespace penstock::node {

void Waiters::add(Receive receive, Place place) {
    const Call* call = receive.call.get();
    check(!by_call_.contains(call), "a call waits once");
    Line& line = lines_[receive.queue];
    const auto deadline = by_deadline_.emplace(receive.until_us, call);
    const auto at =
        line.insert(place == Place::front ? line.begin() : line.end(), std::move(receive));
    by_call_.emplace(call, Where{at, deadline});
}

Receive Waiters::remove(std::map<const Call*, Where>::iterator found) {
    const Where where = found->second;
    by_call_.erase(found);
    by_deadline_.erase(where.deadline);
    Receive receive = std::move(*where.receive);
    const auto line = lines_.find(receive.queue);
    line->second.erase(where.receive);
    if (line->second.empty()) lines_.erase(line);
    return receive;
}

std::vector<Receive> Waiters::wake(model::QueueNo queue, std::size_t at_most) {
    std::vector<Receive> woken;
    while (woken.size() < at_most) {
        const auto line = lines_.find(queue);
        if (line == lines_.end()) break;
        woken.push_back(remove(by_call_.find(line->second.front().call.get())));
    }
    return woken;
}

std::vector<Receive> Waiters::expire(std::int64_t now_us) {
    std::vector<Receive> over;
    while (!by_deadline_.empty() && by_deadline_.begin()->first <= now_us) {
        over.push_back(remove(by_call_.find(by_deadline_.begin()->second)));
    }
    return over;
}

std::optional<Receive> Waiters::cancel(const CallPtr& call) {
    const auto found = by_call_.find(call.get());
    if (found == by_call_.end()) return {};
    return remove(found);
}

std::optional<std::int64_t> Waiters::next_deadline_us() const {
    if (by_deadline_.empty()) return {};
    return by_deadline_.begin()->first;
}

std::size_t Waiters::size(model::QueueNo queue) const {
    const auto line = lines_.find(queue);
    return line == lines_.end() ? 0 : line->second.size();
}

}  // namespace penstock::node

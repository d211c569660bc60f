#include "broker/replication/transport/questions.h"

#include "broker/base/check.h"

namespace penstock::replication::transport {

std::uint64_t Questions::add(TakeAnswer take, std::int64_t deadline_us) {
    check(!full(), "too many questions on one connection");
    const std::uint64_t correlation = ++last_;
    open_.emplace(correlation, Question{std::move(take), deadline_us, false});
    deadlines_.emplace(deadline_us, correlation);
    return correlation;
}

bool Questions::leaves(std::uint64_t correlation) {
    const auto found = open_.find(correlation);
    if (found == open_.end()) return false;
    found->second.left = true;
    return true;
}

std::optional<TakeAnswer> Questions::take(std::uint64_t correlation) {
    const auto found = open_.find(correlation);
    if (found == open_.end()) return std::nullopt;
    TakeAnswer take = std::move(found->second.take);
    deadlines_.erase({found->second.deadline_us, correlation});
    open_.erase(found);
    return take;
}

std::vector<Questions::Ended> Questions::expire(std::int64_t now_us) {
    std::vector<Ended> ended;
    while (!deadlines_.empty() && deadlines_.begin()->first <= now_us) {
        const std::uint64_t correlation = deadlines_.begin()->second;
        const bool left = open_.at(correlation).left;
        ended.push_back({*take(correlation), {error(Errc::timeout, "no answer in time"), left}});
    }
    return ended;
}

std::vector<Questions::Ended> Questions::end_all(const Error& why) {
    std::vector<Ended> ended;
    for (auto& [correlation, question] : open_) {
        ended.push_back({std::move(question.take), {why, question.left}});
    }
    open_.clear();
    deadlines_.clear();
    return ended;
}

}  // namespace penstock::replication::transport

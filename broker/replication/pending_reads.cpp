#include "broker/replication/pending_reads.h"

namespace penstock::replication {

namespace {

void end(const std::vector<std::uint64_t>& tokens, std::vector<Ended>& ended) {
    for (const std::uint64_t token : tokens) ended.push_back({token, false});
}

}  // namespace

void PendingReads::asked(const ReadToken& question) {
    asked_[question] = std::exchange(waiting_, {});
}

void PendingReads::refused(const ReadToken& question, std::vector<Ended>& ended) {
    const auto found = asked_.find(question);
    if (found == asked_.end()) return;
    end(found->second, ended);
    asked_.erase(found);
}

void PendingReads::answered(const ReadState& answer) {
    const auto found = asked_.find(answer.token);
    if (found == asked_.end()) return;
    answered_.emplace_back(answer.index, std::move(found->second));
    asked_.erase(found);
}

void PendingReads::handed_out(LogIndex index) {
    // Answers come in the order of the questions, so their indexes ascend.
    while (!answered_.empty() && answered_.front().first <= index) {
        for (const std::uint64_t token : answered_.front().second) {
            confirmed_.push_back({token, answered_.front().first});
        }
        answered_.pop_front();
    }
}

void PendingReads::lost(std::vector<Ended>& ended) {
    for (const auto& [question, tokens] : asked_) end(tokens, ended);
    asked_.clear();
    for (const auto& [index, tokens] : answered_) end(tokens, ended);
    answered_.clear();
    end(std::exchange(waiting_, {}), ended);
}

}  // namespace penstock::replication

#include "broker/cluster/agreement.h"

#include "broker/base/log.h"
#include "broker/cluster/condemned.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace penstock::cluster {

namespace {

namespace transport = replication::transport;

constexpr LogIndex compare_entries = 1'000;
constexpr std::int64_t compare_pause_us = 2'000'000;
constexpr std::chrono::milliseconds answer_deadline{1'000};

std::string hex(std::uint64_t hash) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text(16, '0');
    for (std::size_t at = text.size(); at-- > 0; hash >>= 4U) text[at] = digits[hash & 0xFU];
    return text;
}

std::string place(SetId set, LogIndex index) {
    return " set=" + std::to_string(set.value) + " index=" + std::to_string(index);
}

}  // namespace

bool Agreement::differs(SetId set, NodeId node) const {
    const auto found = sets_.find(set);
    return found != sets_.end() && found->second.differing.contains(node);
}

AgreeAnswer Agreement::answer(node::Node& node, const AgreeQuestion& question) {
    const node::HostedSet* here = node.hosted(SetId{question.set});
    const auto hash = here == nullptr ? std::nullopt : here->hash_at(question.index);
    return {hash.has_value(), hash.value_or(0)};
}

Result<void> Agreement::tend(node::Node& node,
                             const replication::RaftLog& log,
                             std::int64_t now_us) {
    if (minority_) return *minority_;
    const node::HostedSet* here = node.hosted(log.set());
    if (here == nullptr || peers_ == nullptr) return {};
    Compared& compared = sets_[log.set()];
    const LogIndex index = std::exchange(compared.seen, here->applied());
    if (compared.asking || index <= compared.settled) return {};
    const bool many = index >= compared.asked + compare_entries;
    if (!many && now_us < compared.asked_us + compare_pause_us) return {};
    compared.asked = index;
    compared.asked_us = now_us;
    begin(node, log, index);
    return {};
}

void Agreement::begin(node::Node& node, const replication::RaftLog& log, LogIndex index) {
    const auto hash = node.hosted(log.set())->hash_at(index);
    if (!hash) return;
    auto round = std::make_shared<Round>();
    round->set = log.set();
    round->index = index;
    round->hash = *hash;
    round->voters = log.members().voters;
    std::vector<NodeId> others;
    for (const NodeId voter : round->voters) {
        if (voter != self_) others.push_back(voter);
    }
    if (others.empty()) return;
    round->asked = others.size();
    round->missing = others.size();
    sets_[log.set()].asking = true;
    const std::string question = encode_question(AgreeQuestion{log.set().value, index});
    for (const NodeId other : others) {
        auto heard = [this, mailbox = mailbox_, round, other](transport::Answer answer) {
            mailbox->post([this, round, other, answer = std::move(answer)](node::Node&) {
                take(*round, other, answer);
            });
        };
        peers_->ask(other, transport::Lane::requests, question, answer_deadline, std::move(heard));
    }
}

void Agreement::take(Round& round, NodeId from, const transport::Answer& answer) {
    if (answer) {
        const auto told = decode_agreed(*answer);
        if (told && told->known) round.heard[from] = told->hash;
    }
    if (--round.missing > 0) return;
    Compared& compared = sets_[round.set];
    compared.asking = false;
    if (round.heard.size() == round.asked) compared.settled = round.index;
    judge(round);
}

void Agreement::judge(const Round& round) {
    std::set<NodeId>& differing = sets_[round.set].differing;
    std::map<std::uint64_t, std::size_t> votes;
    for (const auto& [node, hash] : round.heard) {
        ++counters_.compared;
        ++votes[hash];
        const std::string where =
            place(round.set, round.index) + " node=" + std::to_string(node.value);
        if (hash == round.hash) {
            if (differing.erase(node) > 0) {
                log_line(LogLevel::info, "cluster", "event=state_agrees" + where);
            }
            continue;
        }
        ++counters_.differed;
        if (!differing.insert(node).second) continue;
        log_line(LogLevel::error,
                 "cluster",
                 "event=state_differs" + where + " hash=" + hex(hash) + " here=" + hex(round.hash) +
                     ": one of the two holds something wrong");
    }
    const std::size_t majority = round.voters.size() / 2 + 1;
    for (const auto& [hash, count] : votes) {
        if (hash != round.hash && count >= majority) stop_serving(round, hash);
    }
}

void Agreement::stop_serving(const Round& round, std::uint64_t majority_hash) {
    const std::string what = "set " + std::to_string(round.set.value) + " as of entry " +
                             std::to_string(round.index) + " has state hash " + hex(round.hash) +
                             " here and " + hex(majority_hash) + " on a majority of its replicas";
    minority_ = error(Errc::damaged, what + ": what this node holds must not be served");
    auto marked = condemn(disk_, data_folder_, Verdict::state_differs, what);
    if (!marked) {
        minority_->detail += " (" + marked.error().detail + ")";
    }
}

}  // namespace penstock::cluster

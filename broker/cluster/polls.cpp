#include "broker/cluster/polls.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace penstock::cluster {

namespace {

constexpr std::int64_t us_per_s = 1'000'000;
constexpr std::uint32_t polling_wait_s_max = 30;

}  // namespace

std::int64_t poll_us(const api::Request& request) {
    const auto* checks = std::get_if<api::TakeChecks>(&request);
    if (checks != nullptr) return us_per_s * std::int64_t{checks->wait_s};
    const auto* receive = std::get_if<api::ReceiveMessages>(&request);
    if (receive == nullptr) return 0;
    return us_per_s * std::int64_t{receive->wait_s.value_or(polling_wait_s_max)};
}

void shorten(api::Request& request, std::int64_t left_us, std::int64_t answer_us) {
    auto* receive = std::get_if<api::ReceiveMessages>(&request);
    if (receive == nullptr) return;
    if (!receive->wait_s) {
        if (left_us < poll_us(request) + answer_us / 2) receive->wait_s = 0;
        return;
    }
    const std::int64_t wait_us = std::max<std::int64_t>(left_us - answer_us, 0);
    const auto wait_s = static_cast<std::uint32_t>((wait_us + us_per_s - 1) / us_per_s);
    receive->wait_s = std::min(*receive->wait_s, wait_s);
}

void ServedPolls::add(const node::CallPtr& call, replication::transport::Respond respond) {
    if (polls_.size() >= sweep_at_) {
        std::erase_if(polls_, [](const auto& one) {
            const node::CallPtr known = one.second.call.lock();
            return !known || known->answered();
        });
        sweep_at_ = std::max(swept_at_least, 2 * polls_.size());
    }
    polls_.insert_or_assign(call.get(), Served{call, std::move(respond)});
}

bool ServedPolls::give_back(const node::CallPtr& call, std::string answer) {
    const auto found = polls_.find(call.get());
    if (found == polls_.end() || found->second.call.lock() != call) return false;
    const replication::transport::Respond respond = std::move(found->second.respond);
    polls_.erase(found);
    if (call->claim()) respond(std::move(answer));
    return true;
}

}  // namespace penstock::cluster

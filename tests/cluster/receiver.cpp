#include "tests/cluster/receiver.h"

#include <algorithm>
#include <utility>

namespace penstock::cluster::testing {

namespace {

constexpr std::int64_t us_per_ms = 1'000;
constexpr std::int64_t tenths_kept = 9;  // a pause may be a tenth shorter

}  // namespace

void Receiver::complain(const std::string& subscription,
                        const std::string& body,
                        const std::string& why) {
    complaints_.push_back(body + " for " + subscription + ": " + why);
}

void Receiver::tried(const std::string& subscription,
                     const api::Delivery& delivery,
                     std::int64_t now_us) {
    ++attempts_;
    seen_.emplace_back(delivery.message, delivery.payload);
    if (subscription == brief && delivery.attempt > brief_retries + 1) {
        complain(subscription, delivery.payload, "tried more often than its policy says");
    }
    if (delivery.attempt == 1) return;
    const Failures& failures = failures_[{subscription, delivery.message}];
    const auto before = failures.find(delivery.attempt - 1);
    if (before == failures.end()) {
        const std::string attempt = "attempt " + std::to_string(delivery.attempt);
        return complain(
            subscription, delivery.payload, attempt + ", and the one before did not fail");
    }
    const std::int64_t paused_us = now_us - before->second;
    const std::int64_t least_us = brief_pause_ms * us_per_ms / 10 * tenths_kept;
    if (clocks_differ_ || subscription != brief || paused_us >= least_us) return;
    complain(subscription,
             delivery.payload,
             "tried again after " + std::to_string(paused_us / us_per_ms) + " ms");
}

void Receiver::accepted(const std::string& subscription, const api::Delivery& delivery) {
    const bool fresh = accepted_[subscription].insert(delivery.payload).second;
    const bool ordered = subscription == line || subscription == keyed;
    if (!ordered || !fresh) return;
    const std::string& key = subscription == keyed ? delivery.meta.ordering_key : "";
    model::MessageId& newest = newest_[subscription + "/" + key];
    if (delivery.message < newest) {
        complain(subscription, delivery.payload, "came behind one that was published later");
    }
    newest = std::max(newest, delivery.message);
}

void Receiver::failed(const std::string& subscription,
                      const api::Delivery& delivery,
                      std::int64_t now_us) {
    failures_[{subscription, delivery.message}].emplace(delivery.attempt, now_us);
}

bool Receiver::has_accepted(const std::string& subscription, const std::string& body) const {
    const auto found = accepted_.find(subscription);
    return found != accepted_.end() && found->second.contains(body);
}

std::vector<std::pair<model::MessageId, std::string>> Receiver::take_seen() {
    return std::exchange(seen_, {});
}

}  // namespace penstock::cluster::testing

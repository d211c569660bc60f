#include "broker/api/own_rates.h"

#include "broker/base/hash.h"

#include <functional>
#include <mutex>
#include <utility>

namespace penstock::api {

std::string rated_name(bool topic, std::string_view name) {
    std::string out(name);
    if (topic) return out;
    for (char& byte : out) {
        if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
    }
    return out;
}

void OwnRates::set(model::SetId set,
                   bool topic,
                   std::string_view name,
                   std::uint32_t messages_per_s) {
    std::string key = rated_name(topic, name);
    Shard& shard = shards_.at(hash64(key) % shards);
    const std::lock_guard lock(shard.mutex);
    auto& rates = shard.rates.at(topic ? 1 : 0);
    if (messages_per_s == 0) {
        const auto found = rates.find(key);
        // One of its name may have been made in another set meanwhile.
        if (found == rates.end() || found->second.set != set) return;
        rates.erase(found);
        --known_;
        return;
    }
    const auto [at, is_new] = rates.insert_or_assign(std::move(key), Rate{messages_per_s, set});
    if (is_new) ++known_;
}

void OwnRates::forget(model::SetId set) {
    for (Shard& shard : shards_) {
        const std::lock_guard lock(shard.mutex);
        for (auto& rates : shard.rates) {
            known_ -=
                std::erase_if(rates, [set](const auto& one) { return one.second.set == set; });
        }
    }
}

std::uint32_t OwnRates::of(bool topic, std::string_view name) const {
    if (known_.load(std::memory_order_relaxed) == 0) return 0;
    const std::string key = rated_name(topic, name);
    const Shard& shard = shards_.at(hash64(key) % shards);
    const std::lock_guard lock(shard.mutex);
    const auto& rates = shard.rates.at(topic ? 1 : 0);
    const auto found = rates.find(key);
    return found == rates.end() ? 0 : found->second.messages_per_s;
}

}  // namespace penstock::api

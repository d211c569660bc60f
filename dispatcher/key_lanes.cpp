#include "dispatcher/key_lanes.h"

#include <iterator>
#include <utility>

namespace penstock::dispatcher {

KeyLanes::Turn KeyLanes::admit(api::Delivery& delivery) {
    if (delivery.meta.ordering_key.empty()) return Turn::now;
    if (lanes_.size() > idle_keys_max + waiting_) forget_idle();
    Lane& lane = lanes_[delivery.meta.ordering_key];
    if (!lane.gate.admit(delivery)) return Turn::back;
    if (lane.under_way.empty()) {
        lane.under_way.insert(delivery.sequence);
        return Turn::now;
    }
    lane.waiting.push_back(std::move(delivery));
    ++waiting_;
    return Turn::later;
}

void KeyLanes::begin(const api::Delivery& delivery) {
    if (delivery.meta.ordering_key.empty()) return;
    Lane& lane = lanes_[delivery.meta.ordering_key];
    lane.gate.admit(delivery);  // it learns the generation; going back is too late
    lane.under_way.insert(delivery.sequence);
}

std::optional<api::Delivery> KeyLanes::on_done(const api::Delivery& delivery) {
    const auto found = lanes_.find(delivery.meta.ordering_key);
    if (found == lanes_.end()) return {};
    Lane& lane = found->second;
    lane.gate.on_accepted(delivery.sequence);
    lane.under_way.erase(delivery.sequence);
    if (!lane.under_way.empty()) return {};
    if (lane.waiting.empty()) {
        tidy(found);
        return {};
    }
    std::optional<api::Delivery> next = std::move(lane.waiting.front());
    lane.waiting.pop_front();
    --waiting_;
    lane.under_way.insert(next->sequence);
    return next;
}

std::vector<api::Delivery> KeyLanes::on_failed(const api::Delivery& delivery) {
    const auto found = lanes_.find(delivery.meta.ordering_key);
    if (found == lanes_.end()) return {};
    Lane& lane = found->second;
    lane.under_way.erase(delivery.sequence);
    lane.gate.on_failed(delivery.sequence);
    std::vector<api::Delivery> back(std::make_move_iterator(lane.waiting.begin()),
                                    std::make_move_iterator(lane.waiting.end()));
    lane.waiting.clear();
    waiting_ -= back.size();
    for (const api::Delivery& one : back) lane.gate.on_failed(one.sequence);
    return back;
}

std::size_t KeyLanes::clear() {
    std::size_t bytes = 0;
    for (const auto& [key, lane] : lanes_) {
        for (const api::Delivery& delivery : lane.waiting) bytes += delivery.payload.size();
    }
    lanes_.clear();
    waiting_ = 0;
    return bytes;
}

void KeyLanes::forget_idle() {
    std::erase_if(lanes_, [](const auto& entry) {
        return entry.second.under_way.empty() && entry.second.waiting.empty();
    });
}

void KeyLanes::tidy(Lanes::iterator lane) {
    const bool idle = lane->second.under_way.empty() && lane->second.waiting.empty();
    if (idle && lane->second.gate.calm()) lanes_.erase(lane);
}

}  // namespace penstock::dispatcher

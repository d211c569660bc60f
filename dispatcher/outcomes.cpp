#include "dispatcher/outcomes.h"

#include "broker/base/check.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace penstock::dispatcher {
namespace {

std::size_t bytes_of(const model::Attempt& attempt) {
    constexpr std::size_t fixed = 64;
    return fixed + attempt.target.size() + attempt.excerpt.size() + attempt.log.size();
}

// Takes the elements before `end` out of `all`.
template <class T>
std::vector<T> move_out(std::vector<T>& all, typename std::vector<T>::iterator end) {
    std::vector<T> first;
    if (end == all.end()) {
        first.swap(all);
        return first;
    }
    first.assign(std::make_move_iterator(all.begin()), std::make_move_iterator(end));
    all.erase(all.begin(), end);
    return first;
}

// Something follows from it: a retry, a dead letter, a delivery that is handed out again.
bool is_awaited(const model::SettleItem& item) {
    return item.verdict != model::Verdict::accepted;
}

}  // namespace

EffectLoad load_of(const api::HandlerEffects& effects) {
    EffectLoad load;
    load.outputs = effects.outputs.size();
    load.kv_rows = effects.writes.size() + effects.reads.size();
    for (const api::HandlerOutput& output : effects.outputs) {
        load.bytes += output.message.payload.size();
    }
    for (const model::KvWrite& write : effects.writes) {
        load.bytes += write.key.size() + write.value.size();
    }
    for (const model::KvRead& read : effects.reads) load.bytes += read.key.size();
    return load;
}

std::size_t held_bytes_of(const std::vector<api::HandlerEffects>& effects) {
    std::size_t bytes = 0;
    for (const api::HandlerEffects& one : effects) bytes += load_of(one).held_bytes();
    return bytes;
}

std::size_t EffectLoad::held_bytes() const {
    constexpr std::size_t fixed = 256;  // an output or row, however little is in it
    return bytes + fixed * (outputs + kv_rows);
}

void EffectLoad::add(const EffectLoad& more) {
    outputs += more.outputs;
    kv_rows += more.kv_rows;
    bytes += more.bytes;
}

void EffectLoad::take(const EffectLoad& less) {
    outputs -= less.outputs;
    kv_rows -= less.kv_rows;
    bytes -= less.bytes;
}

bool EffectLoad::fills(const OutcomeLimits& limits) const {
    return outputs >= limits.outputs_max || kv_rows >= limits.kv_rows_max ||
           bytes >= limits.effect_bytes_max;
}

void Outcomes::add(model::SettleItem item,
                   std::optional<model::Attempt> attempt,
                   std::int64_t now_us,
                   std::optional<api::HandlerEffects> effects) {
    if (items_.empty()) oldest_us_ = now_us;
    if (effects) {
        effects->item = items_.size();
        const EffectLoad more = load_of(*effects);
        load_.add(more);
        effect_bytes_ += more.held_bytes();
        effects_.push_back(std::move(*effects));
    }
    awaited_ += is_awaited(item) ? 1 : 0;
    items_.push_back(std::move(item));
    if (!attempt) return;
    attempt_bytes_ += bytes_of(*attempt);
    attempts_.push_back(std::move(*attempt));
}

bool Outcomes::full() const {
    return items_.size() >= limits_.items_max || attempt_bytes_ >= limits_.attempt_bytes_max ||
           load_.fills(limits_);
}

// Items of the next settlement: as many as one entry can take with their effects.
std::size_t Outcomes::next_count() const {
    const std::size_t most = std::min(items_.size(), limits_.items_max);
    EffectLoad load;
    for (const api::HandlerEffects& effects : effects_) {
        load.add(load_of(effects));
        if (load.fills(limits_)) return std::min(most, effects.item + 1);
    }
    return most;
}

std::vector<api::HandlerEffects> Outcomes::take_effects(std::size_t items) {
    std::vector<api::HandlerEffects> taken;
    while (!effects_.empty() && effects_.front().item < items) {
        load_.take(load_of(effects_.front()));
        taken.push_back(std::move(effects_.front()));
        effects_.pop_front();
    }
    for (api::HandlerEffects& left : effects_) left.item -= items;
    return taken;
}

std::optional<api::Dispatch::Settlement> Outcomes::take(model::SubscriptionNo subscription,
                                                        std::int64_t now_us,
                                                        bool all) {
    if (items_.empty()) return {};
    if (!all && !full() && now_us < *due_us()) return {};
    taken_us_ = now_us;
    const std::size_t count = next_count();
    const auto last_item = items_.begin() + static_cast<std::ptrdiff_t>(count);
    // Attempts stand in the order of the items that were tried.
    const auto tried = std::count_if(items_.begin(), last_item, [](const model::SettleItem& item) {
        return item.verdict != model::Verdict::not_attempted;
    });
    api::Dispatch::Settlement settlement;
    settlement.subscription = subscription;
    settlement.items = move_out(items_, last_item);
    awaited_ -= static_cast<std::size_t>(
        std::count_if(settlement.items.begin(), settlement.items.end(), is_awaited));
    settlement.attempts = move_out(attempts_, attempts_.begin() + tried);
    for (const model::Attempt& attempt : settlement.attempts) attempt_bytes_ -= bytes_of(attempt);
    settlement.effects = take_effects(count);
    on_their_way_ += 1;
    on_their_way_items_ += count;
    return settlement;
}

void Outcomes::on_durable(std::size_t items, std::size_t effect_bytes) {
    check(on_their_way_ > 0 && on_their_way_items_ >= items && effect_bytes_ >= effect_bytes,
          "a settlement becomes durable once");
    effect_bytes_ -= effect_bytes;
    on_their_way_ -= 1;
    on_their_way_items_ -= items;
}

std::optional<std::int64_t> Outcomes::due_us() const {
    if (items_.empty()) return {};
    if (effects_.empty() && awaited_ == 0) {
        return taken_us_ ? std::max(oldest_us_, *taken_us_ + limits_.gap_us) : oldest_us_;
    }
    return on_their_way_ == 0 ? oldest_us_ : oldest_us_ + limits_.wait_us_max;
}

}  // namespace penstock::dispatcher

// Outcomes: what attempts of one subscription came to, gathered until it is worth an entry. The
// first outcome goes at once; acknowledgements behind it gather for some milliseconds, as nothing
// follows from them. All others gather only while a settlement is on its way. Pure: time is passed
// in. Owned by the scheduler, on its thread.
#pragma once

#include "broker/api/dispatch.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace penstock::dispatcher {

struct OutcomeLimits {
    std::size_t items_max = model::attempts_per_settle_max;  // of one settlement
    std::size_t attempt_bytes_max = 256 * 1024;              // of one settlement, roughly
    std::int64_t gap_us = 10'000;      // between settlements of plain acknowledgements
    std::int64_t wait_us_max = 3'000;  // of others, while one is on its way
    // Of handlers: where a settlement is full. The last message may bring more.
    std::size_t outputs_max = 256;
    std::size_t kv_rows_max = 1'000;  // written and read
    std::size_t effect_bytes_max = 1 << 20;
};

// What handlers' effects weigh in an entry.
struct EffectLoad {
    std::size_t outputs = 0;
    std::size_t kv_rows = 0;
    std::size_t bytes = 0;

    void add(const EffectLoad& more);
    void take(const EffectLoad& less);
    // What they take in memory, roughly.
    [[nodiscard]] std::size_t held_bytes() const;
    [[nodiscard]] bool fills(const OutcomeLimits& limits) const;
};

EffectLoad load_of(const api::HandlerEffects& effects);
std::size_t held_bytes_of(const std::vector<api::HandlerEffects>& effects);

class Outcomes {
  public:
    explicit Outcomes(const OutcomeLimits& limits) : limits_(limits) {}

    // `attempt`: nothing when the target was not tried; `effects`: what the handler wants to happen
    // with the settling.
    void add(model::SettleItem item,
             std::optional<model::Attempt> attempt,
             std::int64_t now_us,
             std::optional<api::HandlerEffects> effects = {});

    // The next settlement that is due, or nothing; ask again until nothing. `all`: do not wait.
    std::optional<api::Dispatch::Settlement> take(model::SubscriptionNo subscription,
                                                  std::int64_t now_us,
                                                  bool all);

    // One settlement of `items` items became durable; its effects held `effect_bytes`.
    void on_durable(std::size_t items, std::size_t effect_bytes);

    // When take() must be asked at the latest; nothing: no outcome waits.
    [[nodiscard]] std::optional<std::int64_t> due_us() const;

    // Outcomes that are not durable yet, gathered or on their way.
    [[nodiscard]] std::size_t unsettled() const { return items_.size() + on_their_way_items_; }

    // What the effects of those hold.
    [[nodiscard]] std::size_t effect_bytes() const { return effect_bytes_; }

  private:
    [[nodiscard]] bool full() const;
    [[nodiscard]] std::size_t next_count() const;
    std::vector<api::HandlerEffects> take_effects(std::size_t items);

    OutcomeLimits limits_;
    std::vector<model::SettleItem> items_;
    std::vector<model::Attempt> attempts_;
    std::deque<api::HandlerEffects> effects_;  // by rising item of items_
    EffectLoad load_;                          // of them
    std::size_t attempt_bytes_ = 0;
    std::int64_t oldest_us_ = 0;
    std::optional<std::int64_t> taken_us_;  // when the last settlement was taken
    std::size_t awaited_ = 0;               // of items_, more than a plain acknowledgement
    std::size_t on_their_way_ = 0;          // settlements
    std::size_t on_their_way_items_ = 0;    // items in them
    std::size_t effect_bytes_ = 0;
};

}  // namespace penstock::dispatcher

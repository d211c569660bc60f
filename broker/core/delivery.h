// The bitmaps of a delivery state: which sequences are settled out of order, which ones a filtered
// subscription matched, and how the cursor runs over both. Shared by queues and subscriptions.
#pragma once

#include "broker/core/turn.h"

#include <cstdint>
#include <optional>

namespace penstock::core {

// Reads of bitmap rows with the last block kept decoded. For one call, on the stack.
class BlockReader {
  public:
    enum class Kind : std::uint8_t { settled, matches };

    BlockReader(const model::Rows& rows, Kind kind, ObjectNo object, Generation generation)
        : rows_(rows), kind_(kind), object_(object), generation_(generation) {}

    [[nodiscard]] bool has(Sequence sequence);
    const Block& block(std::uint64_t number);

  private:
    const model::Rows& rows_;
    Kind kind_;
    ObjectNo object_;
    Generation generation_;
    std::optional<std::uint64_t> number_;
    Block block_;
};

bool is_settled(const model::Rows& rows,
                ObjectNo object,
                const DeliveryState& state,
                Sequence sequence);

// True when the subscription takes only part of its topic, so that matches must be stored. (A queue
// subscriber stores those that could not be fed at once.)
bool is_filtered(const model::SubscriptionSpec& spec);

// Matches of a subscription whose delivery state is bitmapped.
void mark_matched(Turn& turn, ObjectNo subscription, Sequence sequence);
bool is_matched(const model::Rows& rows,
                ObjectNo subscription,
                const DeliveryState& state,
                Sequence sequence);

// The filter came or went. A filter's coming keeps the backlog as it is: everything below matches.
// Its going keeps the bitmaps until what they hold is settled (see read_plainly).
void begin_bitmaps(Turn& turn, ObjectNo subscription, Sequence end);

// Back to reading the whole log, if nothing matched is unsettled; `from` is the next sequence.
void read_plainly(Turn& turn, ObjectNo subscription, Sequence from);

// Settles `sequence` of a queue's or subscription's delivery state over the log that ends at `end`,
// and moves the cursor over all that is settled (and, bitmapped, not matched). At most 64 blocks a
// call: what is left follows with the next settle.
void mark_settled(Turn& turn, ObjectNo object, Sequence sequence, Sequence end);

// First sequence >= `from` and < `end` that is matched and not settled; nothing when none is found
// within `blocks_max` blocks that have matches (then `*searched_to` says how far it looked).
std::optional<Sequence> next_match(const model::Rows& rows,
                                   ObjectNo subscription,
                                   const DeliveryState& state,
                                   Sequence from,
                                   Sequence end,
                                   std::uint32_t blocks_max,
                                   Sequence* searched_to);

// Queues: the cursor ran over messages that were settled before they were ever leased.
void catch_up_next(DeliveryState& state);

// The cursor may stand on what is settled: it moves over that.
void pass_settled(Turn& turn, ObjectNo object, Sequence end);

// The log's floor rose: everything below it counts as settled.
void pass_floor(Turn& turn, ObjectNo object, Sequence floor, Sequence end);

// A new generation from `cursor` on: nothing is settled, leased or failing any more.
void restart_delivery(Turn& turn, ObjectNo object, Sequence cursor);

// Messages of a queue that were never leased; and all that nobody has, also those that must wait
// for others of their key.
std::uint64_t fresh_count(const LogHead& head, const DeliveryState& state);
std::uint64_t visible_count(const LogHead& head, const DeliveryState& state);

// True for an exception of a queue whose message nobody has.
bool is_visible(const Exception& exception);

// Exceptions of a delivery state.
std::optional<Exception> load_exception(const Turn& turn,
                                        ObjectNo object,
                                        Generation generation,
                                        Sequence sequence);
void put_exception(Turn& turn,
                   ObjectNo object,
                   Generation generation,
                   Sequence sequence,
                   const Exception& exception);
void erase_exception(Turn& turn, ObjectNo object, Generation generation, Sequence sequence);
void put_ready(Turn& turn, ObjectNo object, Sequence sequence);    // counts and keeps ready_low
void erase_ready(Turn& turn, ObjectNo object, Sequence sequence);  // it was ready

}  // namespace penstock::core

#include "broker/core/delivery.h"

#include "broker/base/check.h"

#include <algorithm>

namespace penstock::core {

namespace {

constexpr std::uint32_t blocks_per_advance_max = 64;

Sequence block_start(std::uint64_t number) {
    return number * keys::block_sequences;
}

// Settled rows stand only for blocks at or above the cursor's, and for none when nothing above the
// cursor is settled. `first_block` is the cursor's before it moved.
void erase_passed_blocks(Turn& turn, ObjectNo object, std::uint64_t first_block) {
    const DeliveryState& state = turn.delivery(object);
    std::uint64_t end = keys::block_of(state.cursor);
    if (state.settled_above == 0 && state.cursor % keys::block_sequences != 0) ++end;
    for (std::uint64_t block = first_block; block < end; ++block) {
        turn.erase(keys::settled(object, state.generation, block));
    }
}

// Moves an unfiltered cursor to `from` and on over settled sequences.
void advance_plain(Turn& turn, ObjectNo object, Sequence from, Sequence end) {
    DeliveryState& state = turn.delivery(object);
    const std::uint64_t first_block = keys::block_of(state.cursor);
    state.cursor = from;
    if (state.settled_above == 0) return;
    BlockReader settled(turn, BlockReader::Kind::settled, object, state.generation);
    while (state.cursor < end && state.settled_above > 0 && settled.has(state.cursor)) {
        ++state.cursor;
        --state.settled_above;
        if (keys::block_of(state.cursor) - first_block >= blocks_per_advance_max) break;
    }
    erase_passed_blocks(turn, object, first_block);
}

// Settled matches a cursor passes are no longer "above" it, and blocks wholly below it go.
void forget_settled_below(Turn& turn, ObjectNo object, Sequence target) {
    DeliveryState& state = turn.delivery(object);
    std::vector<std::string> seen;
    turn.scan(keys::settled(object, state.generation, keys::block_of(state.cursor)),
              keys::settled(object, state.generation, keys::block_of(target) + 1),
              [&](std::string_view key, std::string_view value) {
                  const Sequence start = block_start(keys::last_u64(key));
                  const Block block = decode<Block>(value);
                  for (std::size_t bit = block.next_set(0); bit < Block::bits;
                       bit = block.next_set(bit + 1)) {
                      const Sequence sequence = start + bit;
                      if (sequence >= state.cursor && sequence < target) --state.settled_above;
                  }
                  seen.emplace_back(key);
                  return true;
              });
    for (std::string& key : seen) {
        const bool passed = block_start(keys::last_u64(key) + 1) <= target;
        if (passed || state.settled_above == 0) turn.erase(std::move(key));
    }
}

// Moves a bitmapped cursor to the first unsettled match at or above `from` (end when none).
void advance_bitmapped(Turn& turn, ObjectNo subscription, Sequence from, Sequence end) {
    DeliveryState& state = turn.delivery(subscription);
    Sequence searched_to = end;
    const auto next =
        next_match(turn, subscription, state, from, end, blocks_per_advance_max, &searched_to);
    const Sequence target = next.value_or(searched_to);
    if (state.settled_above > 0) forget_settled_below(turn, subscription, target);
    state.cursor = target;
}

// Everything below `from` is settled, expired or not matched: the cursor goes there and further.
void advance(Turn& turn, ObjectNo object, Sequence from, Sequence end) {
    if (turn.delivery(object).bitmapped)
        advance_bitmapped(turn, object, from, end);
    else
        advance_plain(turn, object, from, end);
}

void set_settled(Turn& turn, ObjectNo object, Sequence sequence) {
    DeliveryState& state = turn.delivery(object);
    const std::string key = keys::settled(object, state.generation, keys::block_of(sequence));
    Block block = turn.load<Block>(key).value_or(Block{});
    check(!block.has(sequence % keys::block_sequences), "settled twice");
    block.set(sequence % keys::block_sequences);
    turn.put(key, encode(block));
    ++state.settled_above;
}

// First unsettled sequence of [from, end), looking at no more than `blocks_max` blocks.
std::optional<Sequence> next_unsettled(BlockReader& settled,
                                       Sequence from,
                                       Sequence end,
                                       std::uint32_t blocks_max,
                                       Sequence* searched_to) {
    *searched_to = end;
    const std::uint64_t first_block = keys::block_of(from);
    while (from < end) {
        if (keys::block_of(from) - first_block >= blocks_max) {
            *searched_to = from;
            return {};
        }
        const Sequence start = block_start(keys::block_of(from));
        const std::size_t bit = settled.block(keys::block_of(from)).next_clear(from - start);
        if (bit < Block::bits && start + bit < end) return start + bit;
        from = start + keys::block_sequences;
    }
    return {};
}

}  // namespace

bool BlockReader::has(Sequence sequence) {
    return block(keys::block_of(sequence)).has(sequence % keys::block_sequences);
}

const Block& BlockReader::block(std::uint64_t number) {
    if (number_ == number) return block_;
    const std::string key = kind_ == Kind::settled ? keys::settled(object_, generation_, number)
                                                   : keys::matches(object_, number);
    const auto bytes = rows_.get(key);
    block_ = bytes ? decode<Block>(*bytes) : Block{};
    number_ = number;
    return block_;
}

bool is_settled(const model::Rows& rows,
                ObjectNo object,
                const DeliveryState& state,
                Sequence sequence) {
    if (sequence < state.cursor) return true;
    if (state.settled_above == 0) return false;
    BlockReader settled(rows, BlockReader::Kind::settled, object, state.generation);
    return settled.has(sequence);
}

bool is_filtered(const model::SubscriptionSpec& spec) {
    return !spec.filter_tags.empty() || !spec.binding_keys.empty() ||
           spec.sink == model::SinkKind::queue;
}

void mark_matched(Turn& turn, ObjectNo subscription, Sequence sequence) {
    const std::string key = keys::matches(subscription, keys::block_of(sequence));
    Block block = turn.load<Block>(key).value_or(Block{});
    block.set(sequence % keys::block_sequences);
    turn.put(key, encode(block));
    ++turn.delivery(subscription).pending;
}

bool is_matched(const model::Rows& rows,
                ObjectNo subscription,
                const DeliveryState& state,
                Sequence sequence) {
    if (!state.bitmapped || sequence < state.all_below) return true;
    BlockReader matches(rows, BlockReader::Kind::matches, subscription, state.generation);
    return matches.has(sequence);
}

void begin_bitmaps(Turn& turn, ObjectNo subscription, Sequence end) {
    DeliveryState& state = turn.delivery(subscription);
    if (state.bitmapped) return;
    state.bitmapped = true;
    state.all_below = end;
    state.pending = end - state.cursor - state.settled_above;
}

void read_plainly(Turn& turn, ObjectNo subscription, Sequence from) {
    DeliveryState& state = turn.delivery(subscription);
    if (!state.bitmapped || state.pending > 0) return;
    if (state.settled_above > 0) forget_settled_below(turn, subscription, from);
    state.cursor = std::max(state.cursor, from);
    state.bitmapped = false;
    state.all_below = 0;
}

void mark_settled(Turn& turn, ObjectNo object, Sequence sequence, Sequence end) {
    DeliveryState& state = turn.delivery(object);
    check(sequence >= state.cursor, "settled twice");
    // A bitmapped cursor may stand on what never matched; any cursor that reached its bound stands
    // at the start of a block, on what is settled.
    const bool may_advance = state.bitmapped || state.cursor % keys::block_sequences == 0;
    if (sequence > state.cursor && may_advance) advance(turn, object, state.cursor, end);
    if (state.bitmapped) --state.pending;
    if (sequence > state.cursor)
        set_settled(turn, object, sequence);
    else
        advance(turn, object, sequence + 1, end);
}

std::optional<Sequence> next_match(const model::Rows& rows,
                                   ObjectNo subscription,
                                   const DeliveryState& state,
                                   Sequence from,
                                   Sequence end,
                                   std::uint32_t blocks_max,
                                   Sequence* searched_to) {
    BlockReader settled(rows, BlockReader::Kind::settled, subscription, state.generation);
    if (from < state.all_below) {
        const Sequence all_end = std::min(end, state.all_below);
        const auto plain = next_unsettled(settled, from, all_end, blocks_max, searched_to);
        if (plain || *searched_to < all_end) return plain;
        from = all_end;
    }
    std::optional<Sequence> found;
    *searched_to = end;
    std::uint32_t blocks = 0;
    rows.scan(keys::matches(subscription, keys::block_of(from)),
              keys::prefix_end('f', subscription),
              [&](std::string_view key, std::string_view value) {
                  const std::uint64_t number = keys::last_u64(key);
                  const Sequence start = block_start(number);
                  if (start >= end) return false;
                  if (++blocks > blocks_max) {
                      *searched_to = std::max(from, start);
                      return false;
                  }
                  Block open = decode<Block>(value);
                  if (state.settled_above > 0) open.remove(settled.block(number));
                  const std::size_t bit = open.next_set(from > start ? from - start : 0);
                  if (bit < Block::bits && start + bit < end) found = start + bit;
                  return !found;
              });
    return found;
}

void catch_up_next(DeliveryState& state) {
    if (state.next >= state.cursor) return;
    state.holes -= state.cursor - state.next;
    state.next = state.cursor;
}

void pass_settled(Turn& turn, ObjectNo object, Sequence end) {
    advance(turn, object, turn.delivery(object).cursor, end);
}

void pass_floor(Turn& turn, ObjectNo object, Sequence floor, Sequence end) {
    DeliveryState& state = turn.delivery(object);
    if (state.cursor >= floor) return;
    Sequence at = state.cursor;
    while (state.bitmapped && state.pending > 0 && at < floor) {
        Sequence searched_to = floor;
        const auto lost =
            next_match(turn, object, state, at, floor, blocks_per_advance_max, &searched_to);
        if (lost) --state.pending;
        at = lost ? *lost + 1 : searched_to;
    }
    if (state.settled_above > 0) forget_settled_below(turn, object, floor);
    state.cursor = floor;
    advance(turn, object, floor, end);
}

void restart_delivery(Turn& turn, ObjectNo object, Sequence cursor) {
    DeliveryState& state = turn.delivery(object);
    for (const char kind : {'x', 'r', 'm', 'K'}) {
        turn.erase_range(keys::prefix(kind, object), keys::prefix_end(kind, object));
    }
    ++state.generation;
    state.cursor = cursor;
    state.next = cursor;
    state.settled_above = 0;
    state.holes = 0;
    state.exceptions = 0;
    state.ready = 0;
    state.ready_low = 0;
    state.parked = 0;
}

std::uint64_t fresh_count(const LogHead& head, const DeliveryState& state) {
    return head.end - std::max(state.next, head.floor) - state.holes;
}

std::uint64_t visible_count(const LogHead& head, const DeliveryState& state) {
    return fresh_count(head, state) + state.ready + state.parked;
}

bool is_visible(const Exception& exception) {
    return exception.state == Exception::State::ready ||
           exception.state == Exception::State::parked;
}

std::optional<Exception> load_exception(const Turn& turn,
                                        ObjectNo object,
                                        Generation generation,
                                        Sequence sequence) {
    return turn.load<Exception>(keys::exception(object, generation, sequence));
}

void put_exception(Turn& turn,
                   ObjectNo object,
                   Generation generation,
                   Sequence sequence,
                   const Exception& exception) {
    turn.put(keys::exception(object, generation, sequence), encode(exception));
    if (exception.key != 0) turn.put(keys::of_key(object, generation, exception.key, sequence), "");
}

void erase_exception(Turn& turn, ObjectNo object, Generation generation, Sequence sequence) {
    turn.erase(keys::exception(object, generation, sequence));
}

void put_ready(Turn& turn, ObjectNo object, Sequence sequence) {
    DeliveryState& state = turn.delivery(object);
    turn.put(keys::ready(object, state.generation, sequence), "");
    if (state.ready == 0 || sequence < state.ready_low) state.ready_low = sequence;
    ++state.ready;
}

void erase_ready(Turn& turn, ObjectNo object, Sequence sequence) {
    DeliveryState& state = turn.delivery(object);
    turn.erase(keys::ready(object, state.generation, sequence));
    check(state.ready > 0, "fewer ready rows than counted");
    --state.ready;
}

}  // namespace penstock::core

#include "broker/core/gone.h"

#include "broker/core/delivery.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace penstock::core {

namespace {

using Blocks = std::vector<std::pair<std::uint64_t, Block>>;

// What `block` has of [first, end), which are sequences of the whole log.
Block part_of(Block block, std::uint64_t number, Sequence first, Sequence end) {
    const Sequence start = number * keys::block_sequences;
    const auto inside = [start](Sequence sequence) {
        return std::clamp<Sequence>(sequence, start, start + keys::block_sequences) - start;
    };
    Block range;
    range.set_range(inside(first), inside(end));
    block.keep(range);
    return block;
}

// Blocks of rows [first, end), as far as they have something of the sequences [from, to).
Blocks blocks_in(const Turn& turn,
                 const std::string& first,
                 const std::string& end,
                 Sequence from,
                 Sequence to) {
    Blocks found;
    turn.scan(first, end, [&](std::string_view key, std::string_view value) {
        const std::uint64_t number = keys::last_u64(key);
        const Block block = part_of(decode<Block>(value), number, from, to);
        if (block.count() > 0) found.emplace_back(number, block);
        return found.size() < gone_blocks_max;
    });
    return found;
}

}  // namespace

void keep_gone(Turn& turn, ObjectNo queue, Sequence below) {
    DeliveryState& state = turn.delivery(queue);
    if (state.settled_above == 0 || below <= state.cursor) return;
    const Blocks settled =
        blocks_in(turn,
                  keys::settled(queue, state.generation, keys::block_of(state.cursor)),
                  keys::settled(queue, state.generation, keys::block_of(below - 1) + 1),
                  state.cursor,
                  below);
    for (const auto& [number, block] : settled) {
        std::string key = keys::gone(queue, number);
        auto known = turn.load<Block>(key);
        if (!known && state.gone_blocks == gone_blocks_max) return;
        if (!known) ++state.gone_blocks;
        Block gone = known.value_or(Block{});
        gone.add(block);
        turn.put(std::move(key), encode(gone));
    }
}

void settle_gone(Turn& turn, ObjectNo queue) {
    DeliveryState& state = turn.delivery(queue);
    if (state.gone_blocks == 0) return;
    const Sequence end = turn.head(queue).end;
    const Blocks gone = blocks_in(turn,
                                  keys::gone(queue, keys::block_of(state.cursor)),
                                  keys::prefix_end('D', queue),
                                  state.cursor,
                                  end);
    for (const auto& [number, block] : gone) {
        turn.put(keys::settled(queue, state.generation, number), encode(block));
        state.settled_above += block.count();
        state.holes += block.count();
    }
    pass_settled(turn, queue, end);
    catch_up_next(state);
}

void forget_gone(Turn& turn, ObjectNo queue) {
    DeliveryState& state = turn.delivery(queue);
    if (state.gone_blocks == 0) return;
    std::vector<std::string> passed;
    turn.scan(keys::gone(queue, 0),
              keys::gone(queue, keys::block_of(turn.head(queue).floor)),
              [&](std::string_view key, std::string_view) {
                  passed.emplace_back(key);
                  return true;
              });
    state.gone_blocks -= passed.size();
    for (std::string& key : passed) turn.erase(std::move(key));
}

}  // namespace penstock::core

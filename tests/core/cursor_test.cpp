// The cursor and bitmaps of a delivery state by themselves, on states too large to make by
// commands.
#include "broker/core/delivery.h"
#include "broker/storage/rows/row_store.h"

#include <gtest/gtest.h>

namespace penstock::core {

namespace {

constexpr ObjectNo reader{11};
constexpr std::uint64_t block_length = keys::block_sequences;

// One entry's turn over rows that live longer.
class Cursor : public ::testing::Test {
  protected:
    template <class Change>
    void change(const Change& apply) {
        model::Entry entry;
        entry.index = ++index_;
        Turn turn(entry, *rows_, caches_);
        apply(turn);
        const model::RowBatch batch = turn.finish().batch;
        written_ = batch.size();
        ASSERT_TRUE(rows_->apply(batch, index_));
    }

    [[nodiscard]] DeliveryState state() const {
        return decode<DeliveryState>(*rows_->get(keys::delivery(reader)));
    }

    [[nodiscard]] std::size_t settled_rows() const {
        std::size_t rows = 0;
        rows_->scan(keys::prefix('m', reader), keys::prefix_end('m', reader), [&](auto, auto) {
            return ++rows > 0;
        });
        return rows;
    }

    std::unique_ptr<storage::RowStore> rows_ = storage::make_memory_rows();
    Turn::Caches caches_;
    model::LogIndex index_ = 0;
    std::size_t written_ = 0;
};

TEST_F(Cursor, ThatHadTooMuchToRunOverGoesOnWithTheNextSettle) {
    constexpr std::uint64_t blocks = 70;
    constexpr Sequence end = blocks * block_length + 1;
    change([&](Turn& turn) {
        Block all;
        all.set_range(0, Block::bits);
        Block first;
        first.set_range(2, Block::bits);
        DeliveryState& state = turn.delivery(reader);
        for (std::uint64_t block = 0; block < blocks; ++block) {
            turn.put(keys::settled(reader, 0, block), encode(block == 0 ? first : all));
        }
        state.settled_above = blocks * block_length - 2;
    });
    change([&](Turn& turn) { mark_settled(turn, reader, 1, end); });
    EXPECT_EQ(state().cursor, 64 * block_length);
    EXPECT_EQ(settled_rows(), 6U);
    change([&](Turn& turn) { mark_settled(turn, reader, end - 1, end); });
    EXPECT_EQ(state().cursor, end);
    EXPECT_EQ(settled_rows(), 0U);
}

TEST_F(Cursor, RunsOverMillionsThatNeverMatchedWithoutTouchingThem) {
    constexpr Sequence last = 5'000'000'000;
    change([&](Turn& turn) {
        turn.delivery(reader).bitmapped = true;
        mark_matched(turn, reader, 7);
        mark_matched(turn, reader, 8);
        mark_matched(turn, reader, last);
    });
    change([&](Turn& turn) { mark_settled(turn, reader, 8, last + 1); });
    EXPECT_EQ(state().cursor, 7U);
    change([&](Turn& turn) { mark_settled(turn, reader, 7, last + 1); });
    EXPECT_LE(written_, 4U);
    EXPECT_EQ(state().cursor, last);
    EXPECT_EQ(state().pending, 1U);
    EXPECT_EQ(settled_rows(), 0U);
}

TEST_F(Cursor, PassesTheEdgeOfABlockInBothModes) {
    for (const bool bitmapped : {false, true}) {
        rows_ = storage::make_memory_rows();
        constexpr Sequence edge = block_length - 1;
        constexpr Sequence end = block_length + 3;
        change([&](Turn& turn) {
            turn.delivery(reader).bitmapped = bitmapped;
            turn.delivery(reader).cursor = edge - 1;
            for (Sequence at = edge - 1; at < end && bitmapped; ++at)
                mark_matched(turn, reader, at);
        });
        for (const Sequence at : {edge + 2, edge, edge - 1, edge + 1}) {
            change([&](Turn& turn) { mark_settled(turn, reader, at, end); });
        }
        EXPECT_EQ(state().cursor, edge + 3);
        EXPECT_EQ(settled_rows(), 0U);
        EXPECT_EQ(state().settled_above, 0U);
    }
}

TEST_F(Cursor, AFloorThatRisesCountsWhatItPassesOutOfTheBitmaps) {
    constexpr Sequence end = 3 * block_length;
    change([&](Turn& turn) {
        turn.delivery(reader).bitmapped = true;
        for (Sequence at = 1; at < end; at += 2) mark_matched(turn, reader, at);
    });
    change([&](Turn& turn) {
        for (const Sequence at : {Sequence{5}, Sequence{99}, block_length + 1, end - 1}) {
            mark_settled(turn, reader, at, end);
        }
    });
    change([&](Turn& turn) { pass_floor(turn, reader, block_length + 1, end); });
    EXPECT_EQ(state().cursor, block_length + 3);
    EXPECT_EQ(state().settled_above, 1U);
    EXPECT_EQ(state().pending, (end - block_length) / 2 - 2);
    EXPECT_EQ(settled_rows(), 2U);
}

}  // namespace

}  // namespace penstock::core

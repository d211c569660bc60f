// What is gone though the log still has it: messages that were deleted before an older one while
// nothing, or less, was kept for rewinding. A log lets go of them only when its floor has passed,
// so a wider window would bring them back; these bitmaps say that no rewind does. They are written
// when a window widens and looked at by rewinds alone. Part of a turn, whose rules hold; nothing
// here fails.
#pragma once

#include "broker/core/turn.h"

namespace penstock::core {

// Rows a queue has of this kind: what was deleted more than four million messages behind the oldest
// that was not may come back.
inline constexpr std::uint64_t gone_blocks_max = 1'000;

// The window widens: what is settled below `below` is gone.
void keep_gone(Turn& turn, ObjectNo queue, Sequence below);

// Delivery was restarted: what is gone is settled in the new generation too.
void settle_gone(Turn& turn, ObjectNo queue);

// The log's floor has risen: what lies below needs no rows any more.
void forget_gone(Turn& turn, ObjectNo queue);

}  // namespace penstock::core

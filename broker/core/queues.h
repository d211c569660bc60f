// Queues as objects: creation, attributes, dead-letter bindings, clearing, rewinding, deletion.
#pragma once

#include "broker/core/turn.h"

namespace penstock::core {

// Queues that may dead-letter into one queue (cmq-api.md 1.6, 4000/10780).
inline constexpr std::size_t dead_letter_sources_max = 6;

model::Reply create_queue(Turn& turn, const model::CreateQueue& command);
model::Reply set_queue(Turn& turn, const model::SetQueue& command);
model::Reply delete_queue(Turn& turn, const model::DeleteQueue& command);
model::Reply clear_queue(Turn& turn, const model::ClearQueue& command);
model::Reply rewind_queue(Turn& turn, const model::RewindQueue& command);

// Records that `source` (queue or subscription) no longer dead-letters into `before` but into
// `after`; 0: none.
void bind_dead_letter(Turn& turn, ObjectNo source, ObjectNo before, ObjectNo after);

}  // namespace penstock::core

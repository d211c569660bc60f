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
// `after`; 0: none. A queue of another set is told by a BindDeadLetter of its own.
void bind_dead_letter(Turn& turn,
                      ObjectNo source,
                      const model::Place& before,
                      const model::Place& after);
model::Reply bind_remote_source(Turn& turn, const model::BindDeadLetter& command);

}  // namespace penstock::core

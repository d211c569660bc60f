// Finding messages of a queue by their ids: a look through its runs, in bounded steps. Pure
// functions over Rows, broker thread.
#pragma once

#include "broker/core/data_query.h"

#include <cstddef>
#include <set>
#include <vector>

namespace penstock::core {

struct FoundLetters {
    std::vector<DeadLetter> items;
    Sequence next = 0;  // where to go on; 0: the end, or all are found
};

// Those of the wanted ids that are among the next `looked_max` messages from `first` on (0: the
// beginning) and not deleted.
FoundLetters find_letters(const Rows& rows,
                          QueueNo queue,
                          Sequence first,
                          const std::set<MessageId>& wanted,
                          std::size_t looked_max);

}  // namespace penstock::core

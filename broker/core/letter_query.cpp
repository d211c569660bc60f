#include "broker/core/letter_query.h"

#include "broker/core/keys.h"
#include "broker/core/records.h"

namespace penstock::core {

ObjectNo source_of_letter(const Rows& rows, QueueNo queue, Sequence sequence) {
    const auto dead = rows.get(keys::dead(queue, sequence));
    return dead ? decode<DeadInfo>(*dead).source.number : queue;
}

}  // namespace penstock::core

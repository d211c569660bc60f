// SetFacts: what a store knows of one set besides where its entries are. At the start of each
// segment it is written again, so that old segments may go. A value.
#pragma once

#include "broker/storage/log/log_store.h"

#include <map>
#include <string>

namespace penstock::storage {

struct SetFacts {
    LogIndex last = 0;
    std::uint64_t last_term = 0;
    TimeMs last_time_ms = 0;
    LogStart start;
    HardState hard_state;
    std::string conf_state;
};

using FactsBySet = std::map<SetId, SetFacts>;

}  // namespace penstock::storage

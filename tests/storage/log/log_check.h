// Compares what a log store tells of a set's log with what it must be. Empty: nothing is wrong.
#pragma once

#include "tests/storage/log/store_fixture.h"

#include <functional>
#include <string>

namespace penstock::storage::testing {

using WantedEntry = std::function<EntryRecord(LogIndex)>;

// scan() gives each entry of range() with all its bytes.
std::string check_entries(const LogStore& store, SetId set, const WantedEntry& wanted);

// facts() and term_of() say the same, and "compacted" exactly at the start.
std::string check_facts(const LogStore& store, SetId set, const WantedEntry& wanted);

}  // namespace penstock::storage::testing

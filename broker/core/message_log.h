// Reads of a log's runs. A run's key holds its last sequence, so that seeking a sequence forward
// finds the run that holds it. Pure functions over rows.
#pragma once

#include "broker/core/records.h"

#include <functional>
#include <optional>

namespace penstock::core {

// The run that holds `sequence`, or nothing when it is gone or not there yet.
std::optional<Run> run_at(const model::Rows& rows, ObjectNo log, Sequence sequence);

// Visits runs whose last sequence is at or above `first`, in order, until `visit` says false.
using VisitRun = std::function<bool(const Run&)>;
void scan_runs(const model::Rows& rows, ObjectNo log, Sequence first, const VisitRun& visit);

// First sequence in [first, end) whose log time is at or above `time_ms`; `end` when none.
// O(log n) reads: log times never fall.
Sequence first_at_or_after(
    const model::Rows& rows, ObjectNo log, Sequence first, Sequence end, TimeMs time_ms);

// Log time of a sequence, 0 when it is gone.
TimeMs logged_ms(const model::Rows& rows, ObjectNo log, Sequence sequence);

}  // namespace penstock::core

#include "broker/core/message_log.h"

namespace penstock::core {

std::optional<Run> run_at(const model::Rows& rows, ObjectNo log, Sequence sequence) {
    std::optional<Run> found;
    scan_runs(rows, log, sequence, [&](const Run& run) {
        if (run.first <= sequence) found = run;
        return false;
    });
    return found;
}

void scan_runs(const model::Rows& rows, ObjectNo log, Sequence first, const VisitRun& visit) {
    rows.scan(keys::run(log, first),
              keys::prefix_end('l', log),
              [&](std::string_view key, std::string_view value) {
                  return visit(decode_run(key, value));
              });
}

Sequence first_at_or_after(
    const model::Rows& rows, ObjectNo log, Sequence first, Sequence end, TimeMs time_ms) {
    while (first < end) {
        const Sequence middle = first + (end - first) / 2;
        const auto run = run_at(rows, log, middle);
        if (run && run->time_ms >= time_ms) {
            end = middle;
        } else {
            first = run ? std::min(end, run->last() + 1) : middle + 1;
        }
    }
    return end;
}

TimeMs logged_ms(const model::Rows& rows, ObjectNo log, Sequence sequence) {
    const auto run = run_at(rows, log, sequence);
    return run ? run->time_ms : 0;
}

}  // namespace penstock::core

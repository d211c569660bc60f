#include "broker/core/letter_search.h"

#include "broker/core/message_log.h"

#include <algorithm>

namespace penstock::core {

FoundLetters find_letters(const Rows& rows,
                          QueueNo queue,
                          Sequence first,
                          const std::set<MessageId>& wanted,
                          std::size_t looked_max) {
    FoundLetters found;
    const auto begin = dead_letters(rows, queue, first, 1);
    if (begin.items.empty()) {
        found.next = begin.next;
        return found;
    }
    Sequence at = begin.items.front().sequence;
    std::size_t looked_at = 0;
    scan_runs(rows, queue, at, [&](const Run& run) {
        for (at = std::max(at, run.first); at <= run.last(); ++at) {
            if (++looked_at > looked_max) {
                found.next = at;
                return false;
            }
            if (!wanted.contains(run.id(at))) continue;
            auto letter = dead_letters(rows, queue, at, 1);
            const bool here = !letter.items.empty() && letter.items.front().sequence == at;
            if (here) found.items.push_back(std::move(letter.items.front()));
            if (found.items.size() == wanted.size()) return false;
        }
        return true;
    });
    return found;
}

}  // namespace penstock::core

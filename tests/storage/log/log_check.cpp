#include "tests/storage/log/log_check.h"

namespace penstock::storage::testing {

namespace {

constexpr std::size_t facts_at_once = 7;

bool is_same(const StoredEntry& entry, const EntryRecord& wanted) {
    bool same = entry.index == wanted.index && entry.term == wanted.term &&
                entry.kind == wanted.kind && entry.commands == wanted.commands &&
                entry.bodies.size() == wanted.bodies.size();
    for (std::size_t at = 0; same && at < wanted.bodies.size(); ++at) {
        same = entry.bodies[at].present && entry.bodies[at].bytes == wanted.bodies[at];
    }
    return same;
}

EntryFacts facts_of(const EntryRecord& entry) {
    std::uint64_t bytes = entry.commands.size();
    for (const std::string& body : entry.bodies) bytes += body.size();
    return {entry.term, entry.index, entry.kind, bytes};
}

}  // namespace

std::string check_entries(const LogStore& store, SetId set, const WantedEntry& wanted) {
    const LogStore::Range range = store.range(set);
    LogIndex next = range.first;
    std::string wrong;
    const auto scanned = store.scan(set, range.first, [&](const StoredEntry& entry) {
        const bool same = entry.index == next && is_same(entry, wanted(next));
        if (!same) wrong = "entry " + std::to_string(next) + " is another one";
        ++next;
        return same;
    });
    if (!scanned) return scanned.error().detail;
    if (wrong.empty() && next != range.last + 1) return "the scan ended early";
    return wrong;
}

std::string check_facts(const LogStore& store, SetId set, const WantedEntry& wanted) {
    const LogStore::Range range = store.range(set);
    LogIndex next = range.first;
    while (true) {
        const auto found = store.facts(set, next, facts_at_once);
        if (!found) return found.error().detail;
        if (found->empty()) break;
        for (const EntryFacts& facts : *found) {
            if (facts != facts_of(wanted(next))) return "other facts of " + std::to_string(next);
            ++next;
        }
        const EntryFacts& last = found->back();
        const auto term = store.term_of(set, last.index);
        if (!term || *term != last.term) return "another term of " + std::to_string(last.index);
    }
    if (next != range.last + 1) return "the facts ended early";
    const auto before = store.facts(set, range.first - 1, 1);
    if (before || before.error().code != Errc::not_found) return "facts before the log's start";
    const auto behind = store.term_of(set, range.last + 1);
    if (behind || behind.error().code != Errc::not_found) return "a term behind the last entry";
    const auto at_start = store.term_of(set, store.start(set).index);
    if (!at_start || *at_start != store.start(set).term) return "another term of the start";
    return {};
}

}  // namespace penstock::storage::testing

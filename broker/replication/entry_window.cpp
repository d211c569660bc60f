#include "broker/replication/entry_window.h"

#include "broker/base/check.h"

#include <utility>

namespace penstock::replication {

namespace {

constexpr std::uint64_t entry_overhead_bytes = 128;  // of the engine and of ours, roughly

}  // namespace

std::uint64_t WindowEntry::charge() const {
    return entry_overhead_bytes + (payload ? payload->bytes.size() : 0);
}

const WindowEntry* EntryWindow::find(LogIndex index) const {
    if (index <= before_ || index > last()) return nullptr;
    return &entries_[index - before_ - 1];
}

std::uint64_t EntryWindow::bytes_behind(LogIndex index) const {
    if (index >= last()) return 0;
    const WindowEntry* entry = find(index);
    return entry == nullptr ? bytes_ : entries_.back().end - entry->end;
}

void EntryWindow::retire(WindowEntry& entry) {
    bytes_ -= entry.charge();
    if (entry.payload) retired_.push_back(std::move(entry.payload));
}

void EntryWindow::append(LogIndex index, WindowEntry entry) {
    check(index <= last() + 1, "entries are dense");
    while (!entries_.empty() && last() >= index) {
        retire(entries_.back());
        entries_.pop_back();
    }
    if (index <= before_) before_ = index - 1;
    bytes_ += entry.charge();
    entry.end = (entries_.empty() ? 0 : entries_.back().end) + entry.charge();
    entries_.push_back(std::move(entry));
}

void EntryWindow::drop_through(LogIndex index) {
    while (!entries_.empty() && before_ < index) {
        retire(entries_.front());
        entries_.pop_front();
        ++before_;
    }
}

void EntryWindow::restart(LogIndex before) {
    drop_through(last());
    before_ = before;
}

LogIndex EntryWindow::surplus(std::uint64_t bytes_max, LogIndex limit) const {
    std::uint64_t left = bytes_;
    LogIndex through = 0;
    for (LogIndex index = first(); left > bytes_max && index <= last() && index <= limit; ++index) {
        left -= find(index)->charge();
        through = index;
    }
    return through;
}

void EntryWindow::keep(PayloadPtr payload) {
    retired_.push_back(std::move(payload));
}

void EntryWindow::next_generation() {
    retired_before_ = std::exchange(retired_, {});
}

}  // namespace penstock::replication

// What SegmentLogStore answers from what is there.
#include "broker/storage/log/scan.h"
#include "broker/storage/log/segment_log_store.h"

#include <algorithm>
#include <utility>

namespace penstock::storage {

namespace {

class Pin final : public LogPin {
  public:
    Pin(std::shared_ptr<Pins> pins, SetId set) : pins_(std::move(pins)), set_(set) {
        ++(*pins_)[set_];
    }

    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;

    ~Pin() override {
        if (--(*pins_)[set_] == 0) pins_->erase(set_);
    }

  private:
    std::shared_ptr<Pins> pins_;
    SetId set_;
};

}  // namespace

LogStore::Range SegmentLogStore::range(SetId set) const {
    const auto facts = facts_.find(set);
    if (facts == facts_.end()) return {};
    const auto first = state_.first.find(set);
    const LogIndex whole_from = first == state_.first.end() ? 1 : first->second;
    return {std::max(whole_from, facts->second.start.index + 1), facts->second.last};
}

HardState SegmentLogStore::hard_state(SetId set) const {
    const auto facts = facts_.find(set);
    return facts == facts_.end() ? HardState{} : facts->second.hard_state;
}

std::string SegmentLogStore::conf_state(SetId set) const {
    const auto facts = facts_.find(set);
    return facts == facts_.end() ? std::string{} : facts->second.conf_state;
}

LogStart SegmentLogStore::start(SetId set) const {
    const auto facts = facts_.find(set);
    return facts == facts_.end() ? LogStart{} : facts->second.start;
}

Result<void> SegmentLogStore::visit_places(ScanRange& range, const VisitPlace& visit) const {
    const auto facts = written_.find(range.set);
    if (facts == written_.end() || !facts_.contains(range.set)) return {};
    const LogIndex last = facts->second.last;
    while (range.next <= last) {
        const auto place = state_.catalog.next_place(range.set, range.next);
        const LogIndex found = place ? std::max(place->first, range.next) : last + 1;
        if (found > range.next && range.next >= range.whole_from) {
            return error(Errc::damaged,
                         state_.files.folder() + ": entry " + std::to_string(range.next) +
                             " of set " + std::to_string(range.set.value) + " is missing");
        }
        if (!place) return {};
        range.next = found;
        range.last = place->last;
        Result<bool> more = true;
        if (place->number == active_->number()) {
            more = visit(*active_->segment(), active_->index(), range);
        } else {
            const auto sealed = state_.sealed.get(state_.catalog.segments().at(place->number));
            if (!sealed) return sealed.error();
            more = visit(*(*sealed)->segment, (*sealed)->index, range);
        }
        if (!more) return more.error();
        if (!*more) return {};
    }
    return {};
}

Result<void> SegmentLogStore::scan(SetId set, LogIndex first, const VisitEntry& visit) const {
    const LogIndex from = std::max(first, start(set).index + 1);
    ScanRange range{set, from, 0, SegmentLogStore::range(set).first};
    const auto scan_place = [&](const Segment& segment, const SegmentIndex& index, ScanRange& at) {
        return scan_entries(segment, index, at, finder(), visit);
    };
    return visit_places(range, scan_place);
}

Result<void> SegmentLogStore::scan_records(SetId set,
                                           LogIndex first,
                                           const VisitEntry& visit) const {
    ScanRange range{set, first, 0, nothing_needed};
    const auto scan_place = [&](const Segment& segment, const SegmentIndex& index, ScanRange& at) {
        return storage::scan_records(segment, index, at, finder(), visit);
    };
    return visit_places(range, scan_place);
}

FindApart SegmentLogStore::finder() const {
    return [this](SetId set, LogIndex index) {
        return find_apart(state_, set, index);
    };
}

Result<bool> SealedRecords::scan(LogIndex first, const VisitEntry& visit) const {
    ScanRange range{set_, first, last_, nothing_needed};
    const auto find = [this](SetId, LogIndex index) {
        return apart_->find(index);
    };
    return storage::scan_records(*segment_->segment, segment_->index, range, find, visit);
}

Result<std::vector<SealedRecords>> SegmentLogStore::sealed_records(SetId set,
                                                                   LogIndex first,
                                                                   std::size_t count_max) const {
    std::vector<SealedRecords> found;
    while (found.size() < count_max) {
        const auto place = state_.catalog.next_place(set, first);
        if (!place || place->number == active_->number()) break;
        auto sealed = state_.sealed.get(state_.catalog.segments().at(place->number));
        if (!sealed) return sealed.error();
        auto apart = std::make_shared<ApartRange>(state_, set, first, place->last);
        found.emplace_back(std::move(*sealed), set, place->last, std::move(apart));
        first = place->last + 1;
    }
    return found;
}

Result<std::vector<EntryFacts>> SegmentLogStore::facts(SetId set,
                                                       LogIndex first,
                                                       std::size_t count_max) const {
    const LogIndex log_first = range(set).first;
    if (first < log_first) {
        return error(Errc::not_found,
                     "the log of set " + std::to_string(set.value) + " begins at entry " +
                         std::to_string(log_first));
    }
    std::vector<EntryFacts> found;
    ScanRange wanted{set, first, 0, log_first};
    const auto scan_place = [&](const Segment& segment, const SegmentIndex& index, ScanRange& at) {
        return scan_facts(segment, index, at, count_max, found);
    };
    if (const auto scanned = visit_places(wanted, scan_place); !scanned) return scanned.error();
    return found;
}

Result<std::uint64_t> SegmentLogStore::term_of(SetId set, LogIndex index) const {
    const LogStart begun = start(set);
    if (index == begun.index) return begun.term;
    const auto known = written_.find(set);
    const bool is_last = known != written_.end() && known->second.last == index;
    if (is_last && index > begun.index && known->second.last_term != 0) {
        return known->second.last_term;
    }
    const auto found = facts(set, index, 1);
    if (!found) return found.error();
    if (found->empty()) {
        return error(Errc::not_found,
                     "the log of set " + std::to_string(set.value) + " has no entry " +
                         std::to_string(index));
    }
    return found->front().term;
}

std::shared_ptr<const LogPin> SegmentLogStore::pin(SetId set) {
    return std::make_shared<Pin>(state_.pins, set);
}

Result<BodySource> SegmentLogStore::find(MessageId message) const {
    const auto place = state_.catalog.place_of(message.set(), message.index());
    if (!place) {
        // Where records cannot be read, one that is missing may be one of them.
        const bool whole =
            state_.damaged_at_start == 0 || message.index() > range(message.set()).last;
        if (whole || message.index() == 0) return error(Errc::not_found, "no such entry");
        return error(Errc::damaged, state_.files.folder() + ": the entry cannot be found");
    }
    const ApartPlace apart = find_apart(state_, message.set(), message.index());
    if (place->number == active_->number()) {
        const auto at = active_->index().start(message.set(), message.index());
        if (at) return BodySource(active_->segment(), *at, message, apart);
        // Between body records there are gaps.
        if (state_.damaged_at_start == 0) return error(Errc::not_found, "no such entry");
        return active_->segment()->damaged(0, "the entry cannot be read");
    }
    const auto sealed = state_.sealed.get(state_.catalog.segments().at(place->number));
    if (!sealed) return sealed.error();
    const auto at = (*sealed)->index.start(message.set(), message.index());
    if (!at) return (*sealed)->segment->damaged(0, "the entry cannot be read");
    return BodySource((*sealed)->segment, *at, message, apart);
}

}  // namespace penstock::storage

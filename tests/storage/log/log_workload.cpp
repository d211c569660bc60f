#include "tests/storage/log/log_workload.h"

#include <algorithm>

namespace penstock::storage::testing {

namespace {

constexpr LogIndex unflushed_entries = 12;
const std::vector<SetId> sets{SetId{0}, SetId{1}, SetId{5}};

}  // namespace

EntryShape workload_shape(SetId set, LogIndex index, std::uint64_t term) {
    const std::uint64_t mixed = mix64(set.value * 1'000'003 + index * 31 + term);
    EntryShape shape;
    shape.term = term;
    shape.bodies = static_cast<std::uint32_t>(mixed % 4);
    shape.body_bytes = mixed / 4 % 40 == 0 ? 9'000 : mixed / 160 % 700;
    return shape;
}

bool LogWorkload::run(LogStore& store, std::uint64_t turns) {
    for (std::uint64_t done = 0; done < turns; ++done) {
        if (!turn(store)) return false;
        ++turns_done_;
    }
    return true;
}

bool LogWorkload::turn(LogStore& store) {
    Model staged = acknowledged_;
    failed_.clear();
    const std::uint64_t changes = 1 + random_.below(5);
    for (std::uint64_t at = 0; at < changes; ++at) {
        const SetId set = sets[random_.below(sets.size())];
        const SetModel& model = staged[set];
        if (random_.below(8) == 0) {
            const HardState state{model.hard_state.term + 1, random_.below(3), model.terms.size()};
            stage(store, Vote{set, state}, staged);
            continue;
        }
        Append append{set, model.terms.size() + 1, 1 + turns_done_};
        const LogIndex flushed = flushed_[set];
        if (random_.below(10) == 0 && append.index > flushed + 1) {
            append.index -= 1 + random_.below(append.index - flushed - 1);
        }
        stage(store, append, staged);
    }
    if (!store.sync()) return false;
    failed_.clear();
    acknowledged_ = std::move(staged);
    for (const auto& [set, model] : acknowledged_) {
        const LogIndex last = model.terms.size();
        flushed_[set] = std::max(flushed_[set], last - std::min(last, unflushed_entries));
    }
    release_some(store);
    return store.reclaim(*this).has_value();
}

void LogWorkload::stage(LogStore& store, const Change& change, Model& staged) {
    failed_.push_back(change);
    apply(change, staged);
    if (const auto* append = std::get_if<Append>(&change)) {
        store.append(make_entry(
            append->set, append->index, workload_shape(append->set, append->index, append->term)));
    } else {
        const auto& vote = std::get<Vote>(change);
        store.append_hard_state(vote.set, vote.state);
    }
}

void LogWorkload::apply(const Change& change, Model& model) {
    if (const auto* append = std::get_if<Append>(&change)) {
        std::vector<std::uint64_t>& terms = model[append->set].terms;
        terms.resize(append->index - 1);
        terms.push_back(append->term);
    } else {
        const auto& vote = std::get<Vote>(change);
        model[vote.set].hard_state = vote.state;
    }
}

// Old messages are settled, but for one in sixteen.
void LogWorkload::release_some(LogStore& store) {
    for (const auto& [set, model] : acknowledged_) {
        for (LogIndex index = 1; index <= flushed_[set]; ++index) {
            const EntryShape shape = workload_shape(set, index, model.terms[index - 1]);
            for (std::uint32_t ordinal = 0; ordinal < shape.bodies; ++ordinal) {
                const MessageId message(set, index, ordinal);
                if (mix64(message.value) % 16 == 0 || random_.below(4) != 0) continue;
                if (dropped_.insert(message).second) store.release(set, index, 1);
            }
        }
    }
}

LogIndex LogWorkload::droppable_to(SetId set) const {
    const auto found = flushed_.find(set);
    return found == flushed_.end() ? 0 : found->second;
}

std::vector<std::uint32_t> LogWorkload::live_ordinals(SetId set, LogIndex index) const {
    std::vector<std::uint32_t> ordinals;
    const std::vector<std::uint64_t>& terms = acknowledged_.at(set).terms;
    if (index > terms.size()) return ordinals;
    const EntryShape shape = workload_shape(set, index, terms[index - 1]);
    for (std::uint32_t ordinal = 0; ordinal < shape.bodies; ++ordinal) {
        if (!dropped_.contains(MessageId(set, index, ordinal))) ordinals.push_back(ordinal);
    }
    return ordinals;
}

void LogWorkload::adopt(LogStore& store) {
    for (const Change& change : failed_) {
        if (differs(store, acknowledged_).empty()) break;
        apply(change, acknowledged_);
    }
    failed_.clear();
    for (const auto& [set, model] : acknowledged_) {
        for (LogIndex index = 1; index <= model.terms.size(); ++index) {
            const auto live = static_cast<std::uint32_t>(live_ordinals(set, index).size());
            if (live > 0) store.count_live(set, index, live);
        }
    }
    store.recount_done();
}

std::string LogWorkload::check(const LogStore& store) const {
    Model model = acknowledged_;
    std::string wrong = differs(store, model);
    if (wrong.empty()) return check_held(store, model);
    for (const Change& change : failed_) {
        apply(change, model);
        const std::string then = differs(store, model);
        if (then.empty()) return check_held(store, model);
        wrong += "; one change later " + then;
    }
    return wrong;
}

std::string LogWorkload::differs(const LogStore& store, const Model& model) const {
    for (const SetId set : sets) {
        const auto found = model.find(set);
        const SetModel wanted = found == model.end() ? SetModel{} : found->second;
        if (store.range(set).last != wanted.terms.size()) {
            return "set " + std::to_string(set.value) + " ends at " +
                   std::to_string(store.range(set).last) + " instead of " +
                   std::to_string(wanted.terms.size());
        }
        if (store.hard_state(set) != wanted.hard_state) {
            return "set " + std::to_string(set.value) + " has another hard state";
        }
        if (std::string wrong = check_entries(store, set, wanted); !wrong.empty()) return wrong;
    }
    return {};
}

std::string LogWorkload::check_entries(const LogStore& store,
                                       SetId set,
                                       const SetModel& model) const {
    const LogIndex from = store.range(set).first;
    if (from > droppable_to(set) + 1) return "entries above the flushed ones were dropped";
    LogIndex next = from;
    std::string wrong;
    const auto scanned = store.scan(set, from, [&](const StoredEntry& entry) {
        const std::uint64_t term = model.terms.at(next - 1);
        const EntryRecord wanted = make_entry(set, next, workload_shape(set, next, term));
        bool same = entry.index == next && entry.term == term &&
                    entry.commands == wanted.commands &&
                    entry.bodies.size() == wanted.bodies.size();
        for (std::size_t at = 0; same && at < wanted.bodies.size(); ++at) {
            same = entry.bodies[at].present && entry.bodies[at].bytes == wanted.bodies[at];
        }
        if (!same) wrong = "entry " + std::to_string(next) + " is another one";
        ++next;
        return same;
    });
    if (!scanned) return scanned.error().detail;
    if (wrong.empty() && next != model.terms.size() + 1) wrong = "the scan ended early";
    return wrong;
}

std::string LogWorkload::check_held(const LogStore& store, const Model& model) const {
    for (const auto& [set, entries] : model) {
        for (LogIndex index = 1; index <= entries.terms.size(); ++index) {
            const EntryShape shape = workload_shape(set, index, entries.terms[index - 1]);
            for (std::uint32_t ordinal = 0; ordinal < shape.bodies; ++ordinal) {
                const MessageId message(set, index, ordinal);
                const auto body = read_body(store, message);
                const bool held = !dropped_.contains(message);
                if (!body && held) return to_text(message) + ": " + body.error().detail;
                if (!body && body.error().code != Errc::not_found) return body.error().detail;
                const std::string wanted =
                    body_text(set, index, ordinal, shape.body_bytes, shape.term);
                if (body && body->bytes != wanted) return "a body has other bytes";
            }
        }
    }
    return {};
}

}  // namespace penstock::storage::testing

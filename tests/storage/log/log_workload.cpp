#include "tests/storage/log/log_workload.h"

#include "tests/storage/log/log_check.h"

#include <algorithm>

namespace penstock::storage::testing {

namespace {

constexpr LogIndex unflushed_entries = 12;
const std::vector<SetId> sets{SetId{0}, SetId{1}, SetId{5}};

// The first one is of a node alone: its log begins wherever something was dropped.
bool is_replicated(SetId set) {
    return set != sets.front();
}

bool is_absent(const LogIndex index, std::uint32_t ordinal) {
    return mix64(index * 7 + ordinal) % 3 == 0;
}

}  // namespace

EntryShape workload_shape(SetId set, LogIndex index, std::uint64_t term) {
    const std::uint64_t mixed = mix64(set.value * 1'000'003 + index * 31 + term);
    EntryShape shape;
    shape.term = term;
    shape.bodies = static_cast<std::uint32_t>(mixed % 4);
    shape.body_bytes = mixed / 4 % 40 == 0 ? 9'000 : mixed / 160 % 700;
    // As copies of a message are, in all sets that have some.
    if (mixed / 5'376'000 % 3 == 0) {
        shape.alike = 1 + mixed / 16'128'000 % 4;
        shape.body_bytes = 250 + 40 * shape.alike;
    }
    if (mixed / 112'000 % 12 == 0) shape.first_bytes = (64U << 10) + mixed / 160 % 9'000;
    if (mixed / 112'000 % 48 == 0) shape.body_bytes = 64U << 10;
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
    stage_some(store, staged);
    if (!store.sync()) return false;
    failed_.clear();
    acknowledged_ = std::move(staged);
    flush_some();
    release_some(store);
    return store.reclaim(*this).has_value();
}

void LogWorkload::stage_some(LogStore& store, Model& staged) {
    for (const Body& body : std::exchange(later_, {})) stage(store, body, staged);
    const std::uint64_t changes = 1 + random_.below(5);
    for (std::uint64_t at = 0; at < changes; ++at) {
        const SetId set = sets[random_.below(sets.size())];
        const SetModel& model = staged[set];
        const bool waits = std::any_of(
            later_.begin(), later_.end(), [&](const Body& body) { return body.set == set; });
        if (waits) continue;
        if (random_.below(8) == 0) {
            const HardState state{model.hard_state.term + 1, random_.below(3), model.last};
            stage(store, Vote{set, state}, staged);
            continue;
        }
        if (is_replicated(set) && random_.below(12) == 0) {
            stage_rare(store, set, staged);
            continue;
        }
        Append append{set, model.last + 1, 1 + turns_done_};
        const LogIndex kept = std::max(flushed(set), model.start.index);
        if (random_.below(10) == 0 && append.index > kept + 1) {
            append.index -= 1 + random_.below(append.index - kept - 1);
        }
        stage(store, append, staged);
    }
}

void LogWorkload::stage_rare(LogStore& store, SetId set, Model& staged) {
    const SetModel& model = staged[set];
    const std::uint64_t what = random_.below(10);
    if (what < 6) {
        const LogIndex most = std::min(flushed(set), model.last);
        if (most <= model.start.index) return;
        const LogIndex index = model.start.index + 1 + random_.below(most - model.start.index);
        stage(store, Start{set, {index, model.terms.at(index)}}, staged);
        return;
    }
    if (what == 6) {
        stage(store, Drop{set}, staged);
        return;
    }
    const LogStart start{model.last + 1 + random_.below(20), 1 + turns_done_};
    stage(store, Replace{set, start}, staged);
    const std::uint64_t now = random_.below(6);
    std::uint64_t bodies = 0;
    for (LogIndex at = 1 + random_.below(9); at <= start.index; at += 1 + random_.below(9)) {
        const Body body{set, at, start.term};
        if (++bodies <= now) stage(store, body, staged);
        if (bodies > now) later_.push_back(body);
    }
}

EntryRecord LogWorkload::body_record(const Body& body) {
    EntryRecord record =
        make_entry(body.set, body.index, workload_shape(body.set, body.index, body.term));
    for (std::uint32_t ordinal = 0; ordinal < record.bodies.size(); ++ordinal) {
        if (!is_absent(body.index, ordinal)) continue;
        record.absent.push_back(ordinal);
        record.bodies[ordinal].clear();
    }
    return record;
}

void LogWorkload::stage(LogStore& store, const Change& change, Model& staged) {
    failed_.push_back(change);
    apply(change, staged);
    if (const auto* append = std::get_if<Append>(&change)) {
        highest_[append->set] = std::max(highest_[append->set], append->index);
        store.append(make_entry(
            append->set, append->index, workload_shape(append->set, append->index, append->term)));
    } else if (const auto* vote = std::get_if<Vote>(&change)) {
        store.append_hard_state(vote->set, vote->state);
    } else if (const auto* start = std::get_if<Start>(&change)) {
        store.append_start(start->set, start->start);
    } else if (const auto* replace = std::get_if<Replace>(&change)) {
        store.replace_log(replace->set, replace->start);
    } else if (const auto* body = std::get_if<Body>(&change)) {
        highest_[body->set] = std::max(highest_[body->set], body->index);
        store.append_body(body_record(*body));
    } else {
        store.drop_set(std::get<Drop>(change).set);
    }
}

void LogWorkload::apply(const Change& change, Model& model) {
    if (const auto* append = std::get_if<Append>(&change)) {
        SetModel& set = model[append->set];
        set.terms.erase(set.terms.lower_bound(append->index), set.terms.end());
        set.terms[append->index] = append->term;
        set.last = append->index;
    } else if (const auto* vote = std::get_if<Vote>(&change)) {
        model[vote->set].hard_state = vote->state;
    } else if (const auto* start = std::get_if<Start>(&change)) {
        model[start->set].start = start->start;
    } else if (const auto* replace = std::get_if<Replace>(&change)) {
        SetModel& set = model[replace->set];
        set = {{}, replace->start.index, replace->start, set.hard_state, {}};
    } else if (const auto* body = std::get_if<Body>(&change)) {
        SetModel& set = model[body->set];
        set.terms[body->index] = body->term;
        for (const std::uint32_t ordinal : body_record(*body).absent) {
            set.dropped.insert({body->index, ordinal});
        }
    } else {
        model[std::get<Drop>(change).set] = {};
    }
}

void LogWorkload::flush_some() {
    for (const auto& [set, model] : acknowledged_) {
        const LogIndex most = model.last - std::min(model.last, unflushed_entries);
        flushed_[set] = std::max({std::min(flushed(set), model.last), most, model.start.index});
    }
}

// Old messages are settled, but for one in sixteen.
void LogWorkload::release_some(LogStore& store) {
    for (auto& [set, model] : acknowledged_) {
        for (const auto& [index, term] : model.terms) {
            if (index > flushed(set)) break;
            const EntryShape shape = workload_shape(set, index, term);
            for (std::uint32_t ordinal = 0; ordinal < shape.bodies; ++ordinal) {
                const MessageId message(set, index, ordinal);
                if (mix64(message.value) % 16 == 0 || random_.below(4) != 0) continue;
                if (model.dropped.insert({index, ordinal}).second) store.release(set, index, 1);
            }
        }
    }
}

LogIndex LogWorkload::applied(SetId set) const {
    for (const Change& change : failed_) {
        const auto* replace = std::get_if<Replace>(&change);
        const auto* drop = std::get_if<Drop>(&change);
        if (replace != nullptr && replace->set == set) return nothing_needed;
        if (drop != nullptr && drop->set == set) return nothing_needed;
    }
    return flushed(set);
}

LogIndex LogWorkload::flushed(SetId set) const {
    const auto found = flushed_.find(set);
    return found == flushed_.end() ? 0 : found->second;
}

LogIndex LogWorkload::droppable_to(SetId set) const {
    const auto found = acknowledged_.find(set);
    if (!is_replicated(set) || found == acknowledged_.end()) return flushed(set);
    return std::min(flushed(set), found->second.start.index);
}

std::vector<std::uint32_t> LogWorkload::live_ordinals(SetId set, LogIndex index) const {
    std::vector<std::uint32_t> ordinals;
    const SetModel& model = acknowledged_.at(set);
    const auto term = model.terms.find(index);
    if (term == model.terms.end()) return ordinals;
    const EntryShape shape = workload_shape(set, index, term->second);
    for (std::uint32_t ordinal = 0; ordinal < shape.bodies; ++ordinal) {
        if (!model.dropped.contains({index, ordinal})) ordinals.push_back(ordinal);
    }
    return ordinals;
}

void LogWorkload::adopt(LogStore& store) {
    for (const Change& change : failed_) {
        if (mismatch(store, acknowledged_).empty()) break;
        apply(change, acknowledged_);
    }
    failed_.clear();
    later_.clear();
    flush_some();
    for (const auto& [set, model] : acknowledged_) {
        for (const auto& [index, term] : model.terms) {
            const auto live = static_cast<std::uint32_t>(live_ordinals(set, index).size());
            if (live > 0) store.count_live(set, index, live);
        }
    }
    store.recount_done();
}

std::string LogWorkload::check(const LogStore& store) const {
    Model model = acknowledged_;
    std::string wrong = mismatch(store, model);
    if (wrong.empty()) return {};
    for (const Change& change : failed_) {
        apply(change, model);
        const std::string then = mismatch(store, model);
        if (then.empty()) return {};
        wrong += "; one change later " + then;
    }
    return wrong;
}

std::string LogWorkload::mismatch(const LogStore& store, const Model& model) const {
    for (const SetId set : sets) {
        const auto found = model.find(set);
        const SetModel wanted = found == model.end() ? SetModel{} : found->second;
        if (std::string wrong = check_log(store, set, wanted); !wrong.empty()) {
            return "set " + std::to_string(set.value) + ": " + wrong;
        }
    }
    return check_held(store, model);
}

std::string LogWorkload::check_log(const LogStore& store, SetId set, const SetModel& model) const {
    if (store.hard_state(set) != model.hard_state) return "another hard state";
    if (store.start(set) != model.start) return "another start";
    const LogStore::Range range = store.range(set);
    if (range.last != model.last) return "it ends at " + std::to_string(range.last);
    if (is_replicated(set) && range.first != model.start.index + 1) {
        return "it begins at " + std::to_string(range.first);
    }
    if (range.first > applied(set) + 1 && applied(set) != nothing_needed) {
        return "entries above the flushed ones were dropped";
    }
    const auto wanted = [&](LogIndex index) {
        return make_entry(set, index, workload_shape(set, index, model.terms.at(index)));
    };
    if (std::string wrong = check_entries(store, set, wanted); !wrong.empty()) return wrong;
    if (std::string wrong = check_facts(store, set, wanted); !wrong.empty()) return wrong;
    std::string wrong;
    const auto scanned = store.scan_records(set, 0, [&](const StoredEntry& entry) {
        const auto term = model.terms.find(entry.index);
        if (term == model.terms.end() || term->second != entry.term) {
            wrong = "a void record " + std::to_string(entry.index) + " is there";
        }
        return wrong.empty();
    });
    return scanned ? wrong : scanned.error().detail;
}

std::string LogWorkload::check_held(const LogStore& store, const Model& model) const {
    for (const auto& [set, highest] : highest_) {
        const auto found = model.find(set);
        const SetModel known = found == model.end() ? SetModel{} : found->second;
        for (LogIndex index = 1; index <= highest; ++index) {
            const auto term = known.terms.find(index);
            const EntryShape shape =
                term == known.terms.end() ? EntryShape{} : workload_shape(set, index, term->second);
            for (std::uint32_t ordinal = 0; ordinal < shape.bodies; ++ordinal) {
                const MessageId message(set, index, ordinal);
                const auto body = read_body(store, message);
                if (term == known.terms.end()) {
                    if (body) return to_text(message) + " is void and there";
                    continue;
                }
                const bool held = !known.dropped.contains({index, ordinal});
                if (!body && held) return to_text(message) + ": " + body.error().detail;
                if (!body && body.error().code != Errc::not_found) return body.error().detail;
                const std::string wanted = body_of(set, index, ordinal, shape);
                if (body && body->bytes != wanted) return "a body has other bytes";
            }
        }
    }
    return {};
}

}  // namespace penstock::storage::testing

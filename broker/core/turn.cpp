#include "broker/core/turn.h"

#include "broker/base/check.h"
#include "broker/base/planted.h"

#include <algorithm>

namespace penstock::core {

namespace {

constexpr std::size_t kept_max = 16'384;  // of each kind

}  // namespace

void Turn::Caches::trim() {
    const auto trim_one = [](auto& kept) {
        if (kept.size() > kept_max) kept.clear();
    };
    trim_one(queues);
    trim_one(topics);
    trim_one(subscriptions);
    trim_one(heads);
    trim_one(deliveries);
}

Turn::~Turn() {
    if (!finished_) caches_ = {};
}

std::optional<std::string> Turn::get(std::string_view key) const {
    const auto found = writes_.find(key);
    if (found != writes_.end()) return found->second;
    if (in_erased_range(key)) return {};
    return rows_.get(key);
}

void Turn::scan(std::string_view first, std::string_view end, const Visit& visit) const {
    auto mine = writes_.lower_bound(first);
    const auto mine_end = writes_.lower_bound(end);
    bool stopped = false;
    const auto visit_mine_before = [&](std::string_view key) {
        for (; mine != mine_end && mine->first < key && !stopped; ++mine) {
            if (mine->second) stopped = !visit(mine->first, *mine->second);
        }
    };
    rows_.scan(first, end, [&](std::string_view key, std::string_view value) {
        visit_mine_before(key);
        if (stopped) return false;
        if (mine != mine_end && mine->first == key) {
            if (mine->second) stopped = !visit(mine->first, *mine->second);
            ++mine;
        } else if (!in_erased_range(key)) {
            stopped = !visit(key, value);
        }
        return !stopped;
    });
    if (!stopped) visit_mine_before(end);
}

void Turn::put(std::string key, std::string value) {
    writes_.insert_or_assign(std::move(key), std::move(value));
}

void Turn::erase(std::string key) {
    // Runs are only added and erased.
    if (keys::is_run(key)) known_runs_.clear();
    writes_.insert_or_assign(std::move(key), std::nullopt);
}

void Turn::erase_range(std::string first, std::string end) {
    known_runs_.clear();
    writes_.erase(writes_.lower_bound(first), writes_.lower_bound(end));
    erased_ranges_.emplace_back(std::move(first), std::move(end));
}

bool Turn::in_erased_range(std::string_view key) const {
    return std::any_of(erased_ranges_.begin(), erased_ranges_.end(), [&](const auto& range) {
        return range.first <= key && key < range.second;
    });
}

const Run* Turn::known_run(ObjectNo log, Sequence sequence) const {
    const auto known = known_runs_.find(log);
    if (known == known_runs_.end()) return nullptr;
    const Run& run = known->second;
    return run.first <= sequence && sequence <= run.last() ? &run : nullptr;
}

LogHead& Turn::head(ObjectNo log) {
    return touch(caches_.heads, heads_, log, keys::head);
}

DeliveryState& Turn::delivery(ObjectNo object) {
    return touch(caches_.deliveries, deliveries_, object, keys::delivery);
}

Globals& Turn::globals() {
    if (!caches_.globals) load_into(caches_.globals.emplace(), keys::globals);
    caches_.globals->touched = true;
    return caches_.globals->value;
}

const OutboxHead& Turn::outbox_head(model::SetId target) {
    return counted(outbox_heads_, target, keys::outbox_head).value;
}

OutboxHead& Turn::change_outbox_head(model::SetId target) {
    auto& head = counted(outbox_heads_, target, keys::outbox_head);
    head.changed = true;
    return head.value;
}

InboxHead& Turn::change_inbox_head(model::SetId source) {
    auto& head = counted(inbox_heads_, source, keys::inbox_head);
    head.changed = true;
    return head.value;
}

void Turn::forget(ObjectNo object) {
    caches_.heads.erase(object);
    caches_.deliveries.erase(object);
    erase(keys::head(object));
    erase(keys::delivery(object));
}

namespace {

template <class Config>
const Config* cached(Turn& turn,
                     std::map<ObjectNo, std::optional<Config>>& cache,
                     char kind,
                     ObjectNo object) {
    const auto [at, fresh] = cache.try_emplace(object);
    if (fresh) at->second = turn.load<Config>(keys::config(kind, object));
    return at->second ? &*at->second : nullptr;
}

}  // namespace

const QueueConfig* Turn::queue(ObjectNo object) {
    return cached(*this, caches_.queues, 'q', object);
}

const TopicConfig* Turn::topic(ObjectNo object) {
    return cached(*this, caches_.topics, 't', object);
}

const SubscriptionConfig* Turn::subscription(ObjectNo object) {
    return cached(*this, caches_.subscriptions, 's', object);
}

void Turn::put_queue(ObjectNo object, const QueueConfig& config) {
    put(keys::config('q', object), encode(config));
    caches_.queues.erase(object);
}

void Turn::put_topic(ObjectNo object, const TopicConfig& config) {
    put(keys::config('t', object), encode(config));
    caches_.topics.erase(object);
}

void Turn::put_subscription(ObjectNo object, const SubscriptionConfig& config) {
    put(keys::config('s', object), encode(config));
    caches_.subscriptions.erase(object);
}

void Turn::erase_config(char kind, ObjectNo object) {
    erase(keys::config(kind, object));
    caches_.queues.erase(object);
    caches_.topics.erase(object);
    caches_.subscriptions.erase(object);
}

std::vector<std::uint32_t>& Turn::holders(LogIndex index) {
    const auto [at, fresh] = holders_.try_emplace(index);
    if (fresh && index != entry_.index) {
        if (const auto bytes = get(keys::bodies(index))) at->second = decode_holders(*bytes);
    }
    return at->second;
}

void Turn::hold(MessageId body) {
    check(body.set() == entry_.set, "a body of another set is held");
    auto& counts = holders(body.index());
    if (counts.size() <= body.ordinal()) counts.resize(body.ordinal() + 1);
    ++counts[body.ordinal()];
}

void Turn::drop(MessageId body) {
    auto& counts = holders(body.index());
    check(counts.size() > body.ordinal() && counts[body.ordinal()] > 0,
          "a body is let go more often than it was held");
    --counts[body.ordinal()];
    // Bodies of this very entry are judged in finish(), when all of its commands have run.
    if (counts[body.ordinal()] == 0 && body.index() != entry_.index) {
        releases_.push_back({body.index(), body.ordinal()});
    }
}

namespace {

// Ids are kept once one of them differs from its body's place, keys once there is one.
void add_to_run(Run& run, const MessageRef& message) {
    const Sequence sequence = run.first + run.ordinals.size();
    if (run.ids.empty() && message.id != message.body) {
        for (Sequence at = run.first; at < sequence; ++at) run.ids.push_back(run.body(at));
    }
    if (!run.ids.empty() || message.id != message.body) run.ids.push_back(message.id);
    if (run.keys.empty() && message.key != 0) run.keys.resize(run.ordinals.size());
    if (!run.keys.empty() || message.key != 0) run.keys.push_back(message.key);
    run.ordinals.push_back(static_cast<std::uint16_t>(message.body.ordinal()));
}

}  // namespace

Sequence Turn::append(ObjectNo log, MessageRef message, TimeMs sent_ms) {
    const Sequence sequence = head(log).end++;
    hold(message.body);
    const auto pending = pending_runs_.find(log);
    if (pending != pending_runs_.end() && pending->second.index == message.body.index() &&
        pending->second.set == message.body.set().value && pending->second.sent_ms == sent_ms) {
        add_to_run(pending->second, message);
        return sequence;
    }
    flush_run(log);
    Run run;
    run.first = sequence;
    run.time_ms = now();
    run.sent_ms = sent_ms;
    run.set = message.body.set().value;
    run.index = message.body.index();
    add_to_run(run, message);
    pending_runs_.emplace(log, std::move(run));
    return sequence;
}

void Turn::flush_run(ObjectNo log) {
    const auto pending = pending_runs_.find(log);
    if (pending == pending_runs_.end()) return;
    put(keys::run(log, pending->second.last()), encode(pending->second));
    pending_runs_.erase(pending);
}

void Turn::arm(
    TimeMs due_ms, std::uint8_t kind, ObjectNo object, std::uint64_t unique, std::string value) {
    // Never behind a timer that fires later in this very entry: all of those are due by now.
    const TimeMs due = std::max(due_ms, now());
    put(keys::timer(due, kind, object, unique), std::move(value));
    if (!earliest_armed_ || due < *earliest_armed_) earliest_armed_ = due;
}

// Bodies of this entry that no log took (refused sends) go at once; counts go back to their rows.
void Turn::release_unheld_bodies() {
    if (!entry_.bodies.empty()) {
        auto& own = holders(entry_.index);
        own.resize(entry_.bodies.size());
        for (std::uint32_t ordinal = 0; ordinal < own.size(); ++ordinal) {
            if (own[ordinal] == 0) releases_.push_back({entry_.index, ordinal});
        }
    }
    for (const auto& [index, counts] : holders_) {
        const bool held = std::any_of(counts.begin(), counts.end(), [](auto n) { return n > 0; });
        if (held) {
            put(keys::bodies(index), encode_holders(counts));
        } else if (index != entry_.index) {
            erase(keys::bodies(index));
        }
    }
}

constexpr std::size_t rows_beside = 4;  // applied index, state and what goes with them

model::Effects Turn::finish() {
    while (!pending_runs_.empty()) flush_run(pending_runs_.begin()->first);
    write_touched(caches_.heads, heads_, keys::head);
    write_touched(caches_.deliveries, deliveries_, keys::delivery);
    if (caches_.globals && caches_.globals->touched) {
        write_back(std::string(keys::globals), *caches_.globals);
    }
    put_counted(outbox_heads_, keys::outbox_head);
    put_counted(inbox_heads_, keys::inbox_head);
    release_unheld_bodies();
    model::Effects effects;
    using Kind = model::RowWrite::Kind;
    effects.batch.reserve(erased_ranges_.size() + writes_.size() + rows_beside);
    for (auto& [first, end] : erased_ranges_) {
        effects.batch.push_back({Kind::erase_range, std::move(first), std::move(end)});
    }
    // The order of addresses, as a loop over a hash table would have it.
    const bool backwards = planted(K26) && !writes_.empty() &&
                           reinterpret_cast<std::uintptr_t>(&*writes_.begin()) % 128 >= 64;
    while (!writes_.empty()) {
        auto write = writes_.extract(writes_.begin());
        auto& value = write.mapped();
        effects.batch.push_back({value ? Kind::put : Kind::erase,
                                 std::move(write.key()),
                                 value ? std::move(*value) : std::string()});
    }
    if (backwards) std::reverse(effects.batch.begin(), effects.batch.end());
    effects.releases = std::move(releases_);
    effects.visible.assign(visible_.begin(), visible_.end());
    effects.ready.assign(ready_.begin(), ready_.end());
    effects.changed.assign(changed_.begin(), changed_.end());
    effects.outbox.assign(outbox_.begin(), outbox_.end());
    effects.jobs.assign(jobs_.begin(), jobs_.end());
    effects.checks.assign(checks_.begin(), checks_.end());
    effects.unconfirmed = std::move(unconfirmed_);
    finished_ = true;
    return effects;
}

}  // namespace penstock::core

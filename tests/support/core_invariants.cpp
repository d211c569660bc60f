#include "tests/support/core_invariants.h"

#include "broker/base/bytes.h"
#include "broker/core/delivery.h"
#include "broker/core/records.h"
#include "broker/core/timers.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace penstock::testing {

namespace {

using core::BlockReader;
using core::DeliveryState;
using core::Exception;
using core::LogHead;
using core::ObjectNo;
using core::Sequence;
namespace keys = core::keys;

class Inspection {
  public:
    Inspection(const model::Rows& rows, std::vector<std::string>& problems)
        : rows_(rows), problems_(problems) {}

    void bodies();
    void queues();
    void subscriptions();
    void functions();
    void outboxes();
    void wake(const model::Effects& effects, model::TimeMs now_ms);

  private:
    void expect(bool holds, ObjectNo object, const std::string& what) {
        if (!holds) problems_.push_back("object " + std::to_string(object.value) + ": " + what);
    }

    template <class A, class B>
    void equal(A counted, B kept, ObjectNo object, const std::string& what) {
        if (static_cast<std::uint64_t>(counted) == static_cast<std::uint64_t>(kept)) return;
        expect(
            false,
            object,
            what + ": rows say " + std::to_string(counted) + ", the state " + std::to_string(kept));
    }

    template <class T>
    T load(const std::string& key) const {
        const auto bytes = rows_.get(key);
        return bytes ? core::decode<T>(*bytes) : T{};
    }

    void hold(model::MessageId body) {
        auto& counts = held_[body.index()];
        if (counts.size() <= body.ordinal()) counts.resize(body.ordinal() + 1);
        ++counts[body.ordinal()];
    }

    void hold_by_logs();
    void hold_by_timers();
    void kv_row(ObjectNo subscription, const std::string& key, const core::KvEntry& row);
    void scripts(ObjectNo subscription, const model::SubscriptionSpec& spec);
    void exceptions(ObjectNo object, const DeliveryState& state, bool queue);
    void lanes(ObjectNo queue, const DeliveryState& state, bool ordered);

    std::set<std::string> by_key(ObjectNo object) const {
        std::set<std::string> found;
        rows_.scan(keys::prefix('K', object),
                   keys::prefix_end('K', object),
                   [&](std::string_view key, auto) {
                       found.emplace(key);
                       return true;
                   });
        return found;
    }

    std::set<Sequence> settled(ObjectNo object, const DeliveryState& state);
    void transactions(ObjectNo queue, const LogHead& head);

    void scan(char kind, const model::Rows::Visit& visit) const {
        rows_.scan(std::string(1, kind), std::string(1, static_cast<char>(kind + 1)), visit);
    }

    const model::Rows& rows_;
    std::vector<std::string>& problems_;
    std::map<model::LogIndex, std::vector<std::uint32_t>> held_;
};

void Inspection::hold_by_logs() {
    scan('l', [&](std::string_view key, std::string_view value) {
        const core::Run run = core::decode_run(key, value);
        for (Sequence at = run.first; at <= run.last(); ++at) hold(run.body(at));
        return true;
    });
    scan('x', [&](std::string_view, std::string_view value) {
        const auto exception = core::decode<Exception>(value);
        if (exception.body.value != 0) hold(exception.body);
        return true;
    });
    scan('T', [&](std::string_view, std::string_view value) {
        const auto row = core::decode<core::TransactionRow>(value);
        if (row.open()) hold(row.body);
        return true;
    });
    for (const char kind : {'O', 'R'}) {
        scan(kind, [&](std::string_view, std::string_view value) {
            hold(core::decode<core::OutboxRow>(value).body);
            return true;
        });
    }
    scan('a', [&](std::string_view, std::string_view value) {
        hold(core::decode<core::TrackRow>(value).attempts);
        return true;
    });
}

// Delayed messages are held until their timer fires, also when their queue is cleared before.
void Inspection::hold_by_timers() {
    scan('w', [&](std::string_view key, std::string_view value) {
        Reader head(key.substr(1 + sizeof(std::uint64_t)));
        if (static_cast<core::TimerKind>(head.u8()) != core::TimerKind::delayed) return true;
        Reader reader(value);
        reader.varint();
        const std::uint64_t count = reader.varint();
        model::MessageId first{reader.varint()};
        if (reader.left() > 0) first = model::MessageId{reader.varint()};
        for (std::uint32_t at = 0; at < count; ++at) {
            hold(model::MessageId{first.set(), first.index(), first.ordinal() + at});
        }
        return true;
    });
}

void Inspection::bodies() {
    hold_by_logs();
    hold_by_timers();
    std::map<model::LogIndex, std::vector<std::uint32_t>> kept;
    scan('b', [&](std::string_view key, std::string_view value) {
        auto counts = core::decode_holders(value);
        while (!counts.empty() && counts.back() == 0) counts.pop_back();
        kept.emplace(keys::last_u64(key), std::move(counts));
        return true;
    });
    if (kept == held_) return;
    for (const auto& [index, counts] : held_) {
        if (!kept.contains(index))
            problems_.push_back("bodies of entry " + std::to_string(index) + " have no row");
        else if (kept[index] != counts)
            problems_.push_back("holders of entry " + std::to_string(index) + " are miscounted");
    }
    for (const auto& [index, counts] : kept) {
        if (!held_.contains(index))
            problems_.push_back("bodies of entry " + std::to_string(index) + " are held by nobody");
    }
}

void Inspection::exceptions(ObjectNo object, const DeliveryState& state, bool queue) {
    std::uint64_t leased = 0;
    std::uint64_t ready = 0;
    std::uint64_t all = 0;
    std::uint64_t redriven = 0;
    std::set<Sequence> ready_sequences;
    std::set<std::string> keyed;
    rows_.scan(
        keys::prefix('x', object),
        keys::prefix_end('x', object),
        [&](std::string_view key, std::string_view value) {
            const auto exception = core::decode<Exception>(value);
            const Sequence sequence = keys::last_u64(key);
            expect(key == keys::exception(object, state.generation, sequence),
                   object,
                   "an exception of an older generation");
            ++all;
            if (exception.message.value != 0) ++redriven;
            if (exception.key != 0) {
                keyed.insert(keys::of_key(object, state.generation, exception.key, sequence));
            }
            const bool moving = queue && exception.state == Exception::State::moving;
            if (exception.state == Exception::State::leased || moving) ++leased;
            if (exception.state == Exception::State::ready) {
                ++ready;
                ready_sequences.insert(sequence);
            }
            return true;
        });
    equal(queue ? leased : all, state.exceptions, object, "exceptions");
    equal(ready, state.ready, object, "exceptions that are ready");
    equal(redriven, state.redriven_open, object, "redriven deliveries");
    expect(keyed == by_key(object), object, "the rows by key are not the keyed exceptions");
    std::set<Sequence> ready_rows;
    rows_.scan(keys::prefix('r', object),
               keys::prefix_end('r', object),
               [&](std::string_view key, std::string_view) {
                   ready_rows.insert(keys::last_u64(key));
                   return true;
               });
    expect(ready_rows == ready_sequences, object, "the ready rows are not the ready exceptions");
    if (!ready_rows.empty())
        expect(*ready_rows.begin() >= state.ready_low, object, "a ready row below ready_low");
}

// Of each lane of an ordered queue one message alone may be had, and those behind it are parked.
// What a lane's cursor has passed while it was leased holds nobody up.
void Inspection::lanes(ObjectNo queue, const DeliveryState& state, bool ordered) {
    std::uint64_t parked = 0;
    std::map<std::uint32_t, std::vector<Exception::State>> found;
    std::set<std::uint32_t> expired;
    rows_.scan(keys::prefix('x', queue),
               keys::prefix_end('x', queue),
               [&](std::string_view key, std::string_view value) {
                   const auto exception = core::decode<Exception>(value);
                   if (exception.state == Exception::State::parked) ++parked;
                   expect((exception.key != 0) == ordered, queue, "a lane, or none where one is");
                   const bool passed = keys::last_u64(key) < state.cursor;
                   if (passed) expired.insert(exception.key);
                   if (!passed) found[exception.key].push_back(exception.state);
                   return true;
               });
    equal(parked, state.parked, queue, "parked messages");
    if (!ordered) return;
    for (const auto& [lane, states] : found) {
        const auto had = std::count_if(states.begin(), states.end(), [](Exception::State one) {
            return one == Exception::State::leased || one == Exception::State::ready;
        });
        expect(had <= 1, queue, "two messages of a lane may be had at once");
        const bool first_waits = states.front() == Exception::State::parked;
        expect(!first_waits || expired.contains(lane), queue, "a lane's first message is parked");
    }
}

std::set<Sequence> Inspection::settled(ObjectNo object, const DeliveryState& state) {
    std::set<Sequence> found;
    std::uint64_t rows = 0;
    rows_.scan(keys::prefix('m', object),
               keys::prefix_end('m', object),
               [&](std::string_view key, std::string_view value) {
                   ++rows;
                   const Sequence start = keys::last_u64(key) * keys::block_sequences;
                   const auto block = core::decode<core::Block>(value);
                   for (std::size_t bit = block.next_set(0); bit < core::Block::bits;
                        bit = block.next_set(bit + 1)) {
                       if (start + bit >= state.cursor) found.insert(start + bit);
                   }
                   expect(start + keys::block_sequences > state.cursor,
                          object,
                          "a settled block below the cursor");
                   return true;
               });
    equal(found.size(), state.settled_above, object, "settled above the cursor");
    if (state.settled_above == 0) equal(rows, 0, object, "settled rows though none is settled");
    return found;
}

// Those of before a clear are on their way out and count no more.
void Inspection::transactions(ObjectNo queue, const LogHead& head) {
    std::uint64_t open = 0;
    std::set<std::string> asking;
    rows_.scan(keys::prefix('T', queue),
               keys::prefix_end('T', queue),
               [&](std::string_view key, std::string_view value) {
                   const auto row = core::decode<core::TransactionRow>(value);
                   if (row.clears != head.clears) return true;
                   const core::MessageId message{keys::last_u64(key)};
                   const auto kind = static_cast<std::uint8_t>(core::TimerKind::transaction);
                   const auto timer = keys::timer(row.due_ms, kind, queue, message.value);
                   expect(rows_.get(timer).has_value(), queue, "no timer ends a transaction");
                   if (row.open()) ++open;
                   if (row.state == core::TransactionRow::State::asking) {
                       asking.insert(keys::transaction_check(queue, message));
                   }
                   return true;
               });
    std::set<std::string> checks;
    rows_.scan(keys::prefix('E', queue), keys::prefix_end('E', queue), [&](auto key, auto) {
        return checks.emplace(key).second;
    });
    expect(checks == asking, queue, "the checks that are due are not the messages that ask");
    const auto totals = load<core::TransactionTotals>(keys::transaction_totals(queue));
    equal(open, totals.open, queue, "prepared messages");
    equal(asking.size(), totals.asking, queue, "checks that are due");
}

void Inspection::queues() {
    scan('q', [&](std::string_view key, std::string_view value) {
        const ObjectNo queue = keys::object_of(key);
        const auto config = core::decode<core::QueueConfig>(value);
        const auto state = load<DeliveryState>(keys::delivery(queue));
        const auto head = load<LogHead>(keys::head(queue));
        exceptions(queue, state, true);
        lanes(queue, state, config.attributes.ordered);
        const auto settled_out_of_order = settled(queue, state);
        const auto holes =
            std::distance(settled_out_of_order.lower_bound(state.next), settled_out_of_order.end());
        equal(holes, state.holes, queue, "settled at or above next");
        expect(!settled_out_of_order.contains(state.cursor), queue, "the cursor is settled");
        expect(state.cursor <= head.end, queue, "the cursor is beyond the end");
        expect(state.next <= head.end, queue, "next is beyond the end");
        expect(state.next >= state.cursor, queue, "next is below the cursor");
        expect(head.floor <= state.cursor, queue, "the floor is above the cursor");
        expect(head.reclaimed <= head.floor, queue, "reclaimed is above the floor");
        std::uint64_t delayed = 0;
        rows_.scan(keys::prefix('y', queue), keys::prefix_end('y', queue), [&](auto, auto) {
            return ++delayed > 0;
        });
        equal(delayed, head.delayed, queue, "delayed messages");
        std::uint64_t gone = 0;
        rows_.scan(keys::prefix('D', queue), keys::prefix_end('D', queue), [&](auto, auto) {
            return ++gone > 0;
        });
        equal(gone, state.gone_blocks, queue, "rows of what is gone");
        transactions(queue, head);
        const auto info = core::queue_info(rows_, queue);
        expect(info->counts.active <= head.end, queue, "a count is below zero");
        return true;
    });
}

void Inspection::subscriptions() {
    scan('s', [&](std::string_view key, std::string_view value) {
        const ObjectNo subscription = keys::object_of(key);
        const auto config = core::decode<core::SubscriptionConfig>(value);
        const auto state = load<DeliveryState>(keys::delivery(subscription));
        const auto head = load<LogHead>(keys::head(config.topic));
        exceptions(subscription, state, false);
        const auto settled_out_of_order = settled(subscription, state);
        expect(state.cursor <= head.end, subscription, "the cursor is beyond the end");
        expect(head.floor <= state.cursor, subscription, "the floor is above the cursor");
        if (!state.bitmapped) {
            expect(!settled_out_of_order.contains(state.cursor),
                   subscription,
                   "the cursor is settled");
            return true;
        }
        BlockReader matches(rows_, BlockReader::Kind::matches, subscription, state.generation);
        std::uint64_t pending = 0;
        for (Sequence at = state.cursor; at < head.end; ++at) {
            const bool matched = at < state.all_below || matches.has(at);
            if (matched && !settled_out_of_order.contains(at)) ++pending;
        }
        equal(pending, state.pending, subscription, "matches not settled");
        return true;
    });
}

// A row with an end has a timer that fires no later.
void Inspection::kv_row(ObjectNo subscription, const std::string& key, const core::KvEntry& row) {
    expect(row.version > 0, subscription, "a kv row without a version");
    if (row.expires_ms > 0) expect(row.armed_ms > 0, subscription, "no timer ends a kv row");
    if (row.armed_ms == 0) return;
    bool armed = false;
    rows_.scan(keys::timers_from(row.armed_ms),
               keys::timers_from(row.armed_ms + 1),
               [&](std::string_view timer, std::string_view value) {
                   Reader reader(timer.substr(1 + sizeof(std::uint64_t)));
                   const auto kind = static_cast<core::TimerKind>(reader.u8());
                   armed = kind == core::TimerKind::kv_expiry &&
                           reader.key_u32() == subscription.value && value == key;
                   return !armed;
               });
    expect(armed, subscription, "the timer of kv row \"" + key + "\" is missing");
}

void Inspection::scripts(ObjectNo subscription, const model::SubscriptionSpec& spec) {
    std::array<std::vector<std::uint32_t>, 3> kept;
    for (const model::Script& script : core::scripts_of(rows_, subscription)) {
        kept.at(static_cast<std::size_t>(script.role) - 1).push_back(script.version);
    }
    for (std::size_t role = 0; role < kept.size(); ++role) {
        const auto& versions = kept.at(role);
        expect(versions.size() <= model::script_versions_max, subscription, "too many scripts");
        const std::uint32_t in_use = spec.scripts.at(role);
        const bool there = std::find(versions.begin(), versions.end(), in_use) != versions.end();
        expect(there || (in_use == 0 && versions.empty()),
               subscription,
               "the script in use, version " + std::to_string(in_use) + ", is not there");
    }
}

void Inspection::functions() {
    std::map<ObjectNo, core::KvTotals> totals;
    scan('n', [&](std::string_view key, std::string_view value) {
        const ObjectNo subscription = keys::object_of(key);
        const std::string name(key.substr(1 + sizeof(std::uint32_t)));
        const auto row = core::decode<core::KvEntry>(value);
        totals[subscription].rows += 1;
        totals[subscription].bytes += name.size() + row.value.size();
        kv_row(subscription, name, row);
        return true;
    });
    scan('s', [&](std::string_view key, std::string_view value) {
        const ObjectNo subscription = keys::object_of(key);
        const auto kept = load<core::KvTotals>(keys::kv_totals(subscription));
        equal(totals[subscription].rows, kept.rows, subscription, "kv rows");
        equal(totals[subscription].bytes, kept.bytes, subscription, "kv bytes");
        scripts(subscription, core::decode<core::SubscriptionConfig>(value).spec);
        return true;
    });
    for (const char kind : {'c', 'n', 'o'}) {
        scan(kind, [&](std::string_view key, std::string_view) {
            const ObjectNo subscription = keys::object_of(key);
            const bool there = rows_.get(keys::config('s', subscription)).has_value();
            expect(there, subscription, "something of a function that is gone");
            return true;
        });
    }
}

// Numbers are without a gap, parked rows and feeds under way are counted.
void Inspection::outboxes() {
    std::map<ObjectNo, std::uint64_t> feeds;
    scan('P', [&](std::string_view key, std::string_view value) {
        const ObjectNo target = keys::object_of(key);
        const auto head = core::decode<core::OutboxHead>(value);
        std::uint64_t number = head.first;
        rows_.scan(keys::prefix('O', target),
                   keys::prefix_end('O', target),
                   [&](std::string_view row_key, std::string_view row_value) {
                       const auto row = core::decode<core::OutboxRow>(row_value);
                       equal(keys::last_u64(row_key), number++, target, "outbox numbers");
                       if (row.origin == core::Origin::feed) ++feeds[row.from];
                       return true;
                   });
        equal(number, head.next, target, "the outbox's next number");
        std::uint64_t parked = 0;
        rows_.scan(keys::prefix('R', target), keys::prefix_end('R', target), [&](auto, auto) {
            return ++parked > 0;
        });
        equal(parked, head.parked, target, "parked messages");
        return true;
    });
    scan('s', [&](std::string_view key, std::string_view) {
        const ObjectNo subscription = keys::object_of(key);
        const auto state = load<DeliveryState>(keys::delivery(subscription));
        equal(feeds[subscription], state.transferring, subscription, "feeds under way");
        return true;
    });
    std::map<ObjectNo, std::uint64_t> refusals;
    scan('A', [&](std::string_view key, std::string_view) {
        return ++refusals[keys::object_of(key)] > 0;
    });
    scan('i', [&](std::string_view key, std::string_view value) {
        const ObjectNo source = keys::object_of(key);
        const auto inbox = core::decode<core::InboxHead>(value);
        equal(refusals[source], inbox.refusals, source, "recorded refusals");
        return true;
    });
}

void Inspection::wake(const model::Effects& effects, model::TimeMs now_ms) {
    std::optional<model::TimeMs> first;
    scan('w', [&](std::string_view key, std::string_view) {
        first = static_cast<model::TimeMs>(Reader(key.substr(1)).key_u64());
        return false;
    });
    if (first && *first <= now_ms) first = 0;
    if (first == effects.wake_ms) return;
    problems_.push_back("the wake is " + std::to_string(effects.wake_ms.value_or(-1)) +
                        ", the first timer " + std::to_string(first.value_or(-1)));
}

}  // namespace

std::vector<std::string> broken_invariants(const model::Rows& rows,
                                           const model::Effects& effects,
                                           model::TimeMs now_ms) {
    std::vector<std::string> problems;
    Inspection inspection(rows, problems);
    inspection.bodies();
    inspection.queues();
    inspection.subscriptions();
    inspection.functions();
    inspection.outboxes();
    inspection.wake(effects, now_ms);
    return problems;
}

std::vector<std::string> object_rows(const model::Rows& rows) {
    std::vector<std::string> found;
    rows.scan("", "\x7f", [&](std::string_view key, std::string_view) {
        if (key.front() == '!' || key == keys::globals) return true;
        std::string text(1, key.front());
        for (const char byte : key.substr(1)) {
            text += ' ' + std::to_string(static_cast<unsigned char>(byte));
        }
        found.push_back(std::move(text));
        return true;
    });
    return found;
}

}  // namespace penstock::testing

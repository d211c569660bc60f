// The state machine of set 0: names are reserved, made visible, hidden and released in entries of
// their own, so that an object half created or half deleted is seen and finished by the leader.
#include "broker/base/bytes.h"
#include "broker/core/access_keys.h"
#include "broker/core/name_rows.h"
#include "broker/core/placement.h"
#include "broker/core/progress.h"
#include "broker/core/refusals.h"
#include "broker/core/state_machine.h"
#include "broker/core/turn.h"

#include <algorithm>

namespace penstock::core {

namespace {

using model::ObjectKind;
using model::Reason;

// Blocked names that have become free are forgotten this many at a time.
constexpr std::size_t forgotten_per_entry = 16;

NameCounters counters_of(const Turn& turn) {
    const auto bytes = turn.get(name_keys::counters);
    return bytes ? decode_counters(*bytes) : NameCounters{};
}

void count(NameCounters& counters, const NameInfo& name, std::int32_t by) {
    const ObjectKind kind = name.kind;
    counters.objects[name.set] += static_cast<std::uint32_t>(by);
    if (kind == ObjectKind::queue) counters.queues += static_cast<std::uint32_t>(by);
    if (kind == ObjectKind::topic) counters.topics += static_cast<std::uint32_t>(by);
}

Reason exists_reason(ObjectKind kind) {
    if (kind == ObjectKind::topic) return Reason::topic_exists;
    if (kind == ObjectKind::subscription) return Reason::subscription_exists;
    return Reason::queue_exists;
}

std::uint32_t subscriptions_named(const Turn& turn, const std::string& name) {
    const std::string topic = name.substr(0, name.find('/') + 1);
    const std::string first = name_keys::by_name('n', ObjectKind::subscription, topic);
    std::string end = first;
    end.back() = static_cast<char>(end.back() + 1);
    std::uint32_t found = 0;
    turn.scan(first, end, [&](auto, auto) { return ++found < UINT32_MAX; });
    return found;
}

std::optional<model::Refusal> check_limit(const Turn& turn,
                                          const model::ReserveNames& command,
                                          const NameCounters& counters,
                                          const model::NameRequest& request) {
    const auto full = [&](Reason reason, std::uint32_t have, std::uint32_t max, const char* what) {
        std::optional<model::Refusal> refusal;
        if (max > 0 && have >= max) {
            refusal =
                refuse(reason, request.name, "the limit is " + std::to_string(max) + " " + what);
        }
        return refusal;
    };
    switch (request.kind) {
        case ObjectKind::queue:
            return full(Reason::queue_limit, counters.queues, command.queues_max, "queues");
        case ObjectKind::topic:
            return full(Reason::topic_limit, counters.topics, command.topics_max, "topics");
        case ObjectKind::subscription:
            return full(Reason::subscription_limit,
                        subscriptions_named(turn, request.name),
                        command.subscriptions_max,
                        "subscriptions per topic");
        case ObjectKind::dead_letter_queue:
            return {};
    }
    return {};
}

// The number of an existing automatic dead-letter queue that may be taken over.
std::optional<model::ObjectNo> reusable(const Turn& turn, const model::NameRequest& request) {
    if (request.kind != ObjectKind::dead_letter_queue) return {};
    const auto found = find_name(turn, request.kind, request.name);
    if (!found) return {};
    return found->number;
}

model::Refusal too_soon(const std::string& name) {
    return refuse(Reason::name_too_soon,
                  name,
                  "an object of that name was deleted moments ago: try again in some seconds");
}

std::optional<model::Refusal> check_free(const Turn& turn,
                                         const std::vector<NameInfo>& fresh,
                                         const model::NameRequest& request) {
    const std::string key = name_keys::by_name('n', request.kind, request.name);
    const bool asked_twice = std::any_of(fresh.begin(), fresh.end(), [&](const NameInfo& info) {
        return name_keys::by_name('n', info.kind, info.name) == key;
    });
    const auto taken = turn.get(key);
    if (taken) {
        const auto info = find_number(turn, model::ObjectNo{Reader(*taken).u32()});
        // Neither there nor gone, to whoever asks: it does not exist, and cannot be made yet.
        if (info && info->state == NameState::hidden) return too_soon(request.name);
        if (info && info->state == NameState::reserved) {
            return refuse(Reason::unavailable,
                          request.name,
                          "an object of that name is being made: try again in some seconds");
        }
    }
    if (asked_twice || taken) {
        return refuse(exists_reason(request.kind), request.name, "the name is taken");
    }
    const auto blocked = turn.get(name_keys::by_name('x', request.kind, request.name));
    if (blocked && Reader(*blocked).i64() > turn.now()) {
        return too_soon(request.name);
    }
    return {};
}

void forget_unblocked(Turn& turn) {
    std::vector<std::string> free;
    std::string end = "y";
    Writer(end).key_u64(static_cast<std::uint64_t>(turn.now()));
    turn.scan("y", end, [&](std::string_view key, std::string_view) {
        free.emplace_back(key);
        return free.size() < forgotten_per_entry;
    });
    for (std::string& key : free) {
        std::string name = key.substr(1 + sizeof(std::uint64_t));
        const auto blocked = turn.get(name);  // by now perhaps anew, for longer
        if (blocked && Reader(*blocked).i64() <= turn.now()) turn.erase(std::move(name));
        turn.erase(std::move(key));
    }
}

model::Reply reserve(Turn& turn, const model::ReserveNames& command) {
    NameCounters counters = counters_of(turn);
    counters.reuse_ms = command.name_reuse_ms;
    model::Reserved reserved;
    std::vector<NameInfo> fresh;
    for (const model::NameRequest& request : command.names) {
        if (const auto number = reusable(turn, request)) {
            reserved.numbers.push_back(*number);
            continue;
        }
        if (auto refusal = check_free(turn, fresh, request)) return *refusal;
        if (auto refusal = check_limit(turn, command, counters, request)) return *refusal;
        NameInfo info;
        info.number = model::ObjectNo{counters.next++};
        info.kind = request.kind;
        info.set = command.set;
        info.name = request.name;
        info.created_ms = turn.now();
        count(counters, info, 1);
        reserved.numbers.push_back(info.number);
        fresh.push_back(std::move(info));
    }
    for (const NameInfo& info : fresh) {
        std::string number;
        Writer(number).u32(info.number.value);
        turn.put(name_keys::by_name('n', info.kind, info.name), std::move(number));
        turn.put(name_keys::by_number(info.number), encode(info));
    }
    turn.put(std::string(name_keys::counters), encode(counters));
    forget_unblocked(turn);
    return reserved;
}

model::Reply set_state(Turn& turn, const std::vector<model::ObjectNo>& numbers, NameState state) {
    for (const model::ObjectNo number : numbers) {
        auto info = find_number(turn, number);
        if (!info) continue;
        info->state = state;
        turn.put(name_keys::by_number(number), encode(*info));
    }
    return model::Done{};
}

model::Reply release(Turn& turn, const model::ReleaseNames& command) {
    NameCounters counters = counters_of(turn);
    const NameState expected = command.was_visible ? NameState::hidden : NameState::reserved;
    for (const model::ObjectNo number : command.numbers) {
        const auto info = find_number(turn, number);
        if (!info || info->state != expected) continue;
        turn.erase(name_keys::by_name('n', info->kind, info->name));
        turn.erase(name_keys::by_number(number));
        count(counters, *info, -1);
        // CMQ blocks the names of queues and topics only.
        const bool blocks = info->kind == ObjectKind::queue || info->kind == ObjectKind::topic;
        if (!blocks || !command.was_visible || counters.reuse_ms == 0) continue;
        const TimeMs until = turn.now() + counters.reuse_ms;
        std::string value;
        Writer(value).i64(until);
        turn.put(name_keys::by_name('x', info->kind, info->name), std::move(value));
        turn.put(name_keys::blocked_until(until, info->kind, info->name), "");
    }
    turn.put(std::string(name_keys::counters), encode(counters));
    return model::Done{};
}

class NameSet final : public StateMachine {
  public:
    model::Effects apply(const model::Entry& entry, const model::Rows& rows) override {
        Turn::Caches none;
        Turn turn(entry, rows, none);
        std::vector<model::Reply> replies;
        for (const model::Command& command : entry.commands)
            replies.push_back(handle(turn, command));
        model::Effects effects = turn.finish();
        effects.replies = std::move(replies);
        seal_batch(entry, rows, effects);
        return effects;
    }

    void drop_caches() override {}

  private:
    static model::Reply handle(Turn& turn, const model::Command& command) {
        if (const auto* one = std::get_if<model::ReserveNames>(&command))
            return reserve(turn, *one);
        if (const auto* one = std::get_if<model::MarkReady>(&command)) {
            return set_state(turn, one->numbers, NameState::ready);
        }
        if (const auto* one = std::get_if<model::HideNames>(&command)) {
            return set_state(turn, one->numbers, NameState::hidden);
        }
        if (const auto* one = std::get_if<model::ReleaseNames>(&command))
            return release(turn, *one);
        if (const auto* one = std::get_if<model::PutKey>(&command)) return put_key(turn, *one);
        if (const auto* one = std::get_if<model::PutNode>(&command)) return put_node(turn, *one);
        if (const auto* one = std::get_if<model::DropNode>(&command)) return drop_node(turn, *one);
        if (const auto* one = std::get_if<model::PutSet>(&command)) return put_set(turn, *one);
        if (const auto* one = std::get_if<model::SetBalancing>(&command)) {
            return set_balancing(turn, *one);
        }
        if (const auto* one = std::get_if<model::MarkLeaving>(&command)) {
            return mark_leaving(turn, *one);
        }
        if (const auto* one = std::get_if<model::PreferLeader>(&command)) {
            return prefer_leader(turn, *one);
        }
        return refuse(Reason::internal, "command", "the command belongs to a data set");
    }
};

}  // namespace

std::unique_ptr<StateMachine> make_name_set() {
    return std::make_unique<NameSet>();
}

}  // namespace penstock::core

#include "broker/core/data_query.h"

#include "broker/core/delivery.h"
#include "broker/core/lanes.h"
#include "broker/core/message_log.h"
#include "broker/core/progress.h"
#include "broker/core/transaction_query.h"

#include <algorithm>

namespace penstock::core {

namespace {

// A read-only call never looks at more rows than this.
constexpr std::uint32_t query_rows_max = 4'096;

template <class T>
std::optional<T> load(const Rows& rows, const std::string& key) {
    const auto bytes = rows.get(key);
    if (!bytes) return {};
    return decode<T>(*bytes);
}

LogHead head_of(const Rows& rows, ObjectNo log) {
    return load<LogHead>(rows, keys::head(log)).value_or(LogHead{});
}

DeliveryState delivery_of(const Rows& rows, ObjectNo object) {
    return load<DeliveryState>(rows, keys::delivery(object)).value_or(DeliveryState{});
}

QueueCounts counts_of(const Rows& rows, QueueNo queue) {
    const LogHead head = head_of(rows, queue);
    const DeliveryState state = delivery_of(rows, queue);
    QueueCounts counts;
    counts.active = visible_count(head, state);
    counts.inactive = state.exceptions;
    counts.delayed = head.delayed;
    counts.parked = state.parked;
    const std::uint64_t retained = head.end - head.floor;
    const std::uint64_t unconsumed = counts.active + counts.inactive;
    counts.rewindable = retained > unconsumed ? retained - unconsumed : 0;
    const Sequence oldest = std::max(state.cursor, head.floor);
    if (oldest < head.end) counts.oldest_ms = logged_ms(rows, queue, oldest);
    return counts;
}

std::vector<ObjectNo> last_objects(const Rows& rows,
                                   const std::string& first,
                                   const std::string& end) {
    std::vector<ObjectNo> found;
    rows.scan(first, end, [&](std::string_view key, std::string_view) {
        found.push_back(keys::last_object(key));
        return true;
    });
    return found;
}

// Matched and not settled, with what is tried anew.
std::uint64_t backlog_of(const DeliveryState& state, const LogHead& topic) {
    if (state.bitmapped) return state.pending + state.redriven_open;
    const Sequence from = std::max(state.cursor, topic.floor);
    const std::uint64_t above = from < topic.end ? topic.end - from : 0;
    return above - std::min(above, state.settled_above) + state.redriven_open;
}

}  // namespace

std::optional<QueueInfo> queue_info(const Rows& rows, QueueNo queue) {
    const auto config = load<QueueConfig>(rows, keys::config('q', queue));
    if (!config) return {};
    QueueInfo info;
    info.queue = queue;
    info.name = config->name;
    info.kind = config->kind;
    info.attributes = config->attributes;
    info.created_ms = config->created_ms;
    info.modified_ms = config->modified_ms;
    info.counts = counts_of(rows, queue);
    // What lies between unconsumed ones is still in the log, but nothing is rewound to it.
    if (config->attributes.rewind_s == 0) info.counts.rewindable = 0;
    if (config->attributes.transaction) count_transactions(rows, queue, info.counts);
    return info;
}

std::uint64_t receivable(const Rows& rows, QueueNo queue) {
    const auto config = load<QueueConfig>(rows, keys::config('q', queue));
    if (!config || config->attributes.paused) return 0;
    return receivable_count(head_of(rows, queue), delivery_of(rows, queue));
}

std::vector<QueueNo> dead_letter_sources(const Rows& rows, QueueNo queue) {
    std::vector<QueueNo> sources;
    rows.scan(keys::prefix('d', queue),
              keys::prefix_end('d', queue),
              [&](std::string_view key, std::string_view value) {
                  const QueueNo source = keys::last_object(key);
                  const bool own = rows.get(keys::config('q', source)).has_value();
                  if (own || value == remote_queue_source) sources.push_back(source);
                  return true;
              });
    return sources;
}

std::vector<DeadLetterBinding> dead_letter_bindings(const Rows& rows,
                                                    const DeadLetterBinding& after,
                                                    std::size_t limit) {
    std::vector<DeadLetterBinding> found;
    rows.scan(keys::dead_letter_source(after.queue, ObjectNo{after.source.value + 1}),
              "e",
              [&](std::string_view key, std::string_view) {
                  found.push_back({keys::object_of(key), keys::last_object(key)});
                  return found.size() < limit;
              });
    return found;
}

namespace {

// The highest number among the queues that the configuration names, wherever they are.
ObjectNo highest_named(char kind, std::string_view config) {
    if (kind == 'q') {
        const auto policy = decode<QueueConfig>(config).attributes.dead_letter;
        return policy ? policy->queue.number : ObjectNo{};
    }
    if (kind != 's') return {};
    const auto spec = decode<SubscriptionConfig>(config).spec;
    return std::max(spec.queue.number, spec.dead_letter.number);
}

}  // namespace

ObjectNo highest_number(const Rows& rows) {
    ObjectNo highest;
    // Configurations, and what is left of objects that were deleted.
    for (const char kind : {'q', 't', 's', 'h', 'p'}) {
        rows.scan(
            std::string{kind},
            std::string{static_cast<char>(kind + 1)},
            [&](std::string_view key, std::string_view value) {
                highest = std::max({highest, keys::object_of(key), highest_named(kind, value)});
                return true;
            });
    }
    for (const ObjectNo source : last_objects(rows, "d", "e")) highest = std::max(highest, source);
    return highest;
}

std::optional<TopicInfo> topic_info(const Rows& rows, TopicNo topic) {
    const auto config = load<TopicConfig>(rows, keys::config('t', topic));
    if (!config) return {};
    const LogHead head = head_of(rows, topic);
    TopicInfo info;
    info.topic = topic;
    info.name = config->name;
    info.attributes = config->attributes;
    info.created_ms = config->created_ms;
    info.modified_ms = config->modified_ms;
    info.messages = head.end - head.floor;
    info.subscriptions = static_cast<std::uint32_t>(subscriptions_of(rows, topic).size());
    return info;
}

std::optional<SubscriptionInfo> subscription_info(const Rows& rows, SubscriptionNo subscription) {
    const auto config = load<SubscriptionConfig>(rows, keys::config('s', subscription));
    if (!config) return {};
    const DeliveryState state = delivery_of(rows, subscription);
    SubscriptionInfo info;
    info.subscription = subscription;
    info.topic = config->topic;
    const auto topic = load<TopicConfig>(rows, keys::config('t', config->topic));
    if (topic) info.topic_name = topic->name;
    info.name = config->name;
    info.spec = config->spec;
    info.created_ms = config->created_ms;
    info.modified_ms = config->modified_ms;
    info.generation = state.generation;
    info.backlog = backlog_of(state, head_of(rows, config->topic));
    info.waiting = state.exceptions;
    info.dropped = state.dropped;
    info.discarded = state.discarded;
    return info;
}

std::vector<SubscriptionNo> subscriptions_of(const Rows& rows, TopicNo topic) {
    return last_objects(rows, keys::prefix('u', topic), keys::prefix_end('u', topic));
}

std::vector<SubscriptionNo> all_subscriptions(const Rows& rows) {
    return last_objects(rows, "s", "t");
}

FedQueuesPage fed_queues(const Rows& rows, SubscriptionNo after) {
    constexpr std::size_t subscriptions_per_page = 1'000;
    FedQueuesPage page;
    std::size_t looked_at = 0;
    rows.scan(keys::config('s', SubscriptionNo{after.value + 1}),
              "t",
              [&](std::string_view key, std::string_view value) {
                  const auto config = decode<SubscriptionConfig>(value);
                  const SubscriptionNo subscription = keys::object_of(key);
                  if (config.spec.sink == model::SinkKind::queue) {
                      page.items.push_back({subscription, config.spec.queue, config.spec.endpoint});
                  }
                  if (++looked_at < subscriptions_per_page) return true;
                  page.last = subscription;
                  return false;
              });
    return page;
}

namespace {

// A message of a queue that is not settled, as the dead-letter views show it.
std::optional<DeadLetter> letter_at(const Rows& rows,
                                    QueueNo queue,
                                    const DeliveryState& state,
                                    BlockReader& settled,
                                    const Run& run,
                                    Sequence sequence) {
    if (sequence < state.cursor || (state.settled_above > 0 && settled.has(sequence))) return {};
    DeadLetter letter;
    letter.sequence = sequence;
    letter.message = run.id(sequence);
    letter.body = run.body(sequence);
    letter.logged_ms = run.time_ms;
    letter.state = "visible";
    if (sequence < state.next) {
        const auto exception =
            load<Exception>(rows, keys::exception(queue, state.generation, sequence));
        if (exception) letter.receives = exception->count;
        if (exception && exception->state == Exception::State::leased) letter.state = "in_flight";
        if (exception && exception->state == Exception::State::moving) letter.state = "moving";
    }
    letter.dead = load<DeadInfo>(rows, keys::dead(queue, sequence));
    return letter;
}

}  // namespace

DeadLetterPage dead_letters(const Rows& rows,
                            QueueNo queue,
                            Sequence first,
                            std::uint32_t limit,
                            const TakesLetter& takes) {
    DeadLetterPage page;
    const DeliveryState state = delivery_of(rows, queue);
    const LogHead head = head_of(rows, queue);
    Sequence at = std::max({first, state.cursor, head.floor});
    BlockReader settled(rows, BlockReader::Kind::settled, queue, state.generation);
    std::uint32_t looked_at = 0;
    scan_runs(rows, queue, at, [&](const Run& run) {
        for (at = std::max(at, run.first); at <= run.last(); ++at) {
            if (page.items.size() == limit || ++looked_at > query_rows_max) {
                page.next = at;
                return false;
            }
            auto letter = letter_at(rows, queue, state, settled, run, at);
            if (letter && (!takes || takes(*letter))) page.items.push_back(std::move(*letter));
        }
        return true;
    });
    return page;
}

std::vector<TrackRow> track_rows(const Rows& rows,
                                 SubscriptionNo subscription,
                                 MessageId before,
                                 model::LogIndex oldest,
                                 std::uint32_t limit) {
    // Keys hold the complement of the id: newest first.
    const std::string first = before.value == 0
                                  ? keys::prefix('a', subscription)
                                  : keys::track(subscription, MessageId{before.value - 1});
    std::vector<TrackRow> found;
    rows.scan(
        first, keys::prefix_end('a', subscription), [&](std::string_view, std::string_view value) {
            if (found.size() == limit) return false;
            auto row = decode<TrackRow>(value);
            if (row.attempts.index() < oldest) return false;
            found.push_back(std::move(row));
            return true;
        });
    return found;
}

std::vector<std::uint32_t> live_ordinals(const Rows& rows, model::LogIndex index) {
    std::vector<std::uint32_t> live;
    const auto bytes = rows.get(keys::bodies(index));
    if (!bytes) return live;
    const auto holders = decode_holders(*bytes);
    for (std::uint32_t ordinal = 0; ordinal < holders.size(); ++ordinal) {
        if (holders[ordinal] > 0) live.push_back(ordinal);
    }
    return live;
}

model::LogIndex count_live(const Rows& rows,
                           model::LogIndex first,
                           std::uint32_t limit,
                           const std::function<void(model::LogIndex, std::uint32_t)>& visit) {
    model::LogIndex next = 0;
    std::uint32_t seen = 0;
    rows.scan(keys::bodies(first), "c", [&](std::string_view key, std::string_view value) {
        const model::LogIndex index = keys::last_u64(key);
        if (seen++ == limit) {
            next = index;
            return false;
        }
        const auto holders = decode_holders(value);
        const auto live =
            std::count_if(holders.begin(), holders.end(), [](auto n) { return n > 0; });
        visit(index, static_cast<std::uint32_t>(live));
        return true;
    });
    return next;
}

}  // namespace penstock::core

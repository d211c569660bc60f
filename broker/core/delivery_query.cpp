#include "broker/base/planted.h"
#include "broker/core/data_query.h"
#include "broker/core/dead_letters.h"
#include "broker/core/delivery.h"
#include "broker/core/key_order.h"
#include "broker/core/letter_query.h"
#include "broker/core/message_log.h"
#include "broker/core/settle.h"
#include "broker/core/transaction_query.h"

#include <algorithm>
#include <set>

namespace penstock::core {

namespace {

struct View {
    SubscriptionConfig config;
    DeliveryState state;
    LogHead topic;
};

std::optional<View> view_of(const Rows& rows, SubscriptionNo subscription) {
    const auto config = rows.get(keys::config('s', subscription));
    if (!config) return {};
    View view;
    view.config = decode<SubscriptionConfig>(*config);
    if (const auto bytes = rows.get(keys::delivery(subscription))) {
        view.state = decode<DeliveryState>(*bytes);
    }
    if (const auto bytes = rows.get(keys::head(view.config.topic))) {
        view.topic = decode<LogHead>(*bytes);
    }
    return view;
}

// The message of a sequence: from the topic's log, or a redriven delivery's own.
bool fill(const Rows& rows,
          const View& view,
          Sequence sequence,
          const Exception* failed,
          ReadyItem& item) {
    item.sequence = sequence;
    item.generation = view.state.generation;
    item.attempt = failed ? failed->count + 1 : 1;
    if (sequence >= private_sequences) {
        item.message = failed->message;
        item.body = failed->body;
        item.logged_ms = failed->published_ms;
        item.replay = failed->replay;
        return true;
    }
    const auto run = run_at(rows, view.config.topic, sequence);
    if (!run) return false;
    item.message = run->id(sequence);
    item.body = run->body(sequence);
    item.logged_ms = run->time_ms;
    return true;
}

bool behind_key(const Rows& rows,
                SubscriptionNo subscription,
                const View& view,
                std::uint32_t key,
                Sequence sequence) {
    return key != 0 && view.state.exceptions > 0 &&
           earlier_of_key(rows, subscription, view.state, key, sequence);
}

// The key that decides whether a fresh message of the run may go.
std::uint32_t key_in(const View& view, const Run& run, Sequence sequence) {
    return orders_by_key(view.config.spec) ? run.key(sequence) : 0;
}

// Failing deliveries of [first, end) that are ready, oldest first. Where it stopped; `end`: nothing
// is left.
Sequence add_due(const Rows& rows,
                 SubscriptionNo subscription,
                 const View& view,
                 Sequence first,
                 Sequence end,
                 std::size_t limit,
                 ReadyPage& page) {
    Sequence stopped = end;
    if (view.state.ready == 0 || first >= end) return stopped;
    const Generation generation = view.state.generation;
    rows.scan(keys::ready(subscription, generation, first),
              keys::ready(subscription, generation, end),
              [&](std::string_view key, std::string_view) {
                  const Sequence sequence = keys::last_u64(key);
                  if (page.items.size() == limit) {
                      stopped = sequence;
                      return false;
                  }
                  const auto bytes = rows.get(keys::exception(subscription, generation, sequence));
                  if (!bytes) return true;
                  const auto failed = decode<Exception>(*bytes);
                  if (behind_key(rows, subscription, view, failed.key, sequence)) return true;
                  ReadyItem item;
                  if (fill(rows, view, sequence, &failed, item)) page.items.push_back(item);
                  return true;
              });
    return stopped;
}

// While one message of an ordered subscription fails, only the oldest failing one may be tried.
void add_oldest_failing(const Rows& rows,
                        SubscriptionNo subscription,
                        const View& view,
                        ReadyPage& page) {
    const Generation generation = view.state.generation;
    rows.scan(keys::exception(subscription, generation, 0),
              keys::exception(subscription, generation, sequence_end),
              [&](std::string_view key, std::string_view value) {
                  const auto failed = decode<Exception>(value);
                  ReadyItem item;
                  if (failed.state == Exception::State::ready &&
                      fill(rows, view, keys::last_u64(key), &failed, item)) {
                      page.items.push_back(item);
                  }
                  return false;
              });
}

// Sequences of [from, end) that failed before: they come by add_due, not as fresh ones.
std::set<Sequence> failing_between(
    const Rows& rows, SubscriptionNo subscription, const View& view, Sequence from, Sequence end) {
    std::set<Sequence> failing;
    if (view.state.exceptions == 0) return failing;
    rows.scan(keys::exception(subscription, view.state.generation, from),
              keys::exception(subscription, view.state.generation, end),
              [&](std::string_view key, std::string_view) {
                  failing.insert(keys::last_u64(key));
                  return true;
              });
    return failing;
}

void add_fresh_plain(const Rows& rows,
                     SubscriptionNo subscription,
                     const View& view,
                     std::uint32_t limit,
                     Sequence end,
                     ReadyPage& page) {
    const auto failing = failing_between(rows, subscription, view, page.fresh, end);
    BlockReader settled(rows, BlockReader::Kind::settled, subscription, view.state.generation);
    scan_runs(rows, view.config.topic, page.fresh, [&](const Run& run) {
        for (Sequence at = std::max(run.first, page.fresh); at <= run.last(); ++at) {
            if (page.items.size() == limit || at >= end) return false;
            page.fresh = at + 1;
            if (view.state.settled_above > 0 && settled.has(at)) continue;
            if (failing.contains(at)) continue;
            const std::uint32_t key = key_in(view, run, at);
            const bool behind = behind_key(rows, subscription, view, key, at);
            page.items.push_back({at,
                                  view.state.generation,
                                  1,
                                  run.id(at),
                                  run.time_ms,
                                  run.body(at),
                                  0,
                                  key,
                                  behind});
        }
        return true;
    });
}

void add_fresh_matches(const Rows& rows,
                       SubscriptionNo subscription,
                       const View& view,
                       std::uint32_t limit,
                       Sequence end,
                       ReadyPage& page) {
    constexpr std::uint32_t blocks_per_search_max = 64;
    const auto failing = failing_between(rows, subscription, view, page.fresh, end);
    while (page.items.size() < limit && page.fresh < end) {
        Sequence searched_to = end;
        const auto match = next_match(
            rows, subscription, view.state, page.fresh, end, blocks_per_search_max, &searched_to);
        if (!match) {
            page.fresh = searched_to;
            return;
        }
        page.fresh = *match + 1;
        ReadyItem item;
        if (!failing.contains(*match) && fill(rows, view, *match, nullptr, item)) {
            item.key = key_of(rows, view.config, *match);
            item.behind_key = behind_key(rows, subscription, view, item.key, *match);
            page.items.push_back(item);
        }
    }
}

// What was never handed out, from page.fresh on.
void add_fresh(const Rows& rows,
               SubscriptionNo subscription,
               const View& view,
               std::uint32_t limit,
               std::uint32_t scan_max,
               ReadyPage& page) {
    if (view.state.exceptions >= failing_per_subscription_max) return;
    if (page.items.size() < limit) {
        const Sequence end = std::min(view.topic.end, page.fresh + scan_max);
        if (view.state.bitmapped) {
            add_fresh_matches(rows, subscription, view, limit, end, page);
        } else {
            add_fresh_plain(rows, subscription, view, limit, end, page);
        }
    }
    page.more = page.fresh < view.topic.end;
}

}  // namespace

ReadyPage ready_deliveries(const Rows& rows,
                           SubscriptionNo subscription,
                           Sequence fresh,
                           std::uint32_t limit,
                           std::uint32_t scan_max,
                           std::uint32_t due_first) {
    ReadyPage page;
    const auto view = view_of(rows, subscription);
    if (!view) return page;
    page.generation = view->state.generation;
    page.fresh = std::max({fresh, view->state.cursor, view->topic.floor});
    if (view->config.spec.state != model::SubscriptionState::active) return page;
    if (view->config.spec.retry.keeps_order && view->state.exceptions > 0 && !planted(K18)) {
        // What is on its way to the queue may be refused, and then comes first.
        if (view->state.transferring > 0) return page;
        add_oldest_failing(rows, subscription, *view, page);
        return page;
    }
    const Sequence low = view->state.ready_low;
    const Sequence due = add_due(
        rows, subscription, *view, low, private_sequences, std::min(limit, due_first), page);
    // What is tried anew leaves half of the rest to what is fresh.
    const std::size_t share = page.items.size() + (limit - page.items.size() + 1) / 2;
    const Sequence anew = add_due(
        rows, subscription, *view, std::max(low, private_sequences), sequence_end, share, page);
    add_fresh(rows, subscription, *view, limit, scan_max, page);
    const Sequence due_left =
        add_due(rows, subscription, *view, due, private_sequences, limit, page);
    const Sequence left = add_due(rows, subscription, *view, anew, sequence_end, limit, page);
    page.more = page.more || due_left < private_sequences || left < sequence_end;
    return page;
}

namespace {

// What the delivery waits for.
std::string_view why_waiting(const Exception& failed) {
    switch (failed.state) {
        case Exception::State::waiting:
            return failed.deferred_ms != 0 ? "deferred" : "retry";
        case Exception::State::parked:
            return "behind_key";
        case Exception::State::exhausted:
            return "exhausted";
        case Exception::State::dead:
            return "dead_letter_queue";
        case Exception::State::moving:
            return "moving";
        case Exception::State::ready:
        case Exception::State::leased:
            break;
    }
    return "ready";
}

}  // namespace

std::optional<Sequence> find_waiting(const Rows& rows,
                                     SubscriptionNo subscription,
                                     MessageId message) {
    const auto view = view_of(rows, subscription);
    if (!view) return {};
    std::optional<Sequence> found;
    rows.scan(keys::exception(subscription, view->state.generation, 0),
              keys::exception(subscription, view->state.generation, sequence_end),
              [&](std::string_view key, std::string_view value) {
                  const auto failed = decode<Exception>(value);
                  ReadyItem item;
                  const Sequence sequence = keys::last_u64(key);
                  if (!fill(rows, *view, sequence, &failed, item)) return true;
                  if (item.message == message) found = sequence;
                  return !found;
              });
    return found;
}

TimeMs oldest_open_ms(const Rows& rows, SubscriptionNo subscription) {
    constexpr std::uint32_t blocks_searched_max = 64;
    const auto view = view_of(rows, subscription);
    if (!view) return 0;
    const Sequence end = view->topic.end;
    Sequence at = std::max(view->state.cursor, view->topic.floor);
    if (view->state.bitmapped) {
        Sequence searched_to = end;
        const auto match =
            next_match(rows, subscription, view->state, at, end, blocks_searched_max, &searched_to);
        at = match.value_or(end);
    }
    if (at >= end) return 0;
    const auto run = run_at(rows, view->config.topic, at);
    return run ? run->time_ms : 0;
}

std::vector<WaitingDelivery> waiting_deliveries(const Rows& rows,
                                                SubscriptionNo subscription,
                                                Sequence first,
                                                std::uint32_t limit) {
    std::vector<WaitingDelivery> found;
    const auto view = view_of(rows, subscription);
    if (!view) return found;
    rows.scan(keys::exception(subscription, view->state.generation, first),
              keys::exception(subscription, view->state.generation, sequence_end),
              [&](std::string_view key, std::string_view value) {
                  if (found.size() == limit) return false;
                  const auto failed = decode<Exception>(value);
                  ReadyItem item;
                  if (!fill(rows, *view, keys::last_u64(key), &failed, item)) return true;
                  WaitingDelivery waiting;
                  waiting.sequence = item.sequence;
                  waiting.message = item.message;
                  waiting.body = item.body;
                  waiting.attempts = failed.count;
                  waiting.due_ms = failed.due_ms;
                  waiting.failure = failed.failure;
                  waiting.status = failed.status;
                  waiting.why = why_waiting(failed);
                  waiting.parked = failed.state == Exception::State::parked ||
                                   failed.state == Exception::State::exhausted;
                  found.push_back(std::move(waiting));
                  return true;
              });
    return found;
}

namespace {

constexpr std::uint32_t runs_searched_max = 1'000;

// Where a log holds a message that was logged at `time_ms` or later; bounded search.
std::optional<Sequence> find_in_log(
    const Rows& rows, ObjectNo log, const LogHead& head, MessageId message, TimeMs time_ms) {
    const Sequence from = first_at_or_after(rows, log, head.floor, head.end, time_ms);
    std::optional<Sequence> found;
    std::uint32_t runs = 0;
    scan_runs(rows, log, from, [&](const Run& run) {
        const bool own = run.index == message.index() && run.set == message.set().value;
        for (Sequence at = run.first; (own || !run.ids.empty()) && at <= run.last(); ++at) {
            if (run.id(at) != message) continue;
            found = at;
            return false;
        }
        return ++runs < runs_searched_max;
    });
    return found;
}

std::optional<MessagePlace> place_in_queue(const Rows& rows,
                                           QueueNo queue,
                                           MessageId message,
                                           TimeMs sent_ms) {
    const auto head = load_or_default<LogHead>(rows, keys::head(queue));
    const auto state = load_or_default<DeliveryState>(rows, keys::delivery(queue));
    MessagePlace place;
    place.object = queue;
    if (auto prepared = prepared_place(rows, queue, message)) return prepared;
    if (rows.get(keys::delayed(queue, message))) {
        place.state = "delayed";
        return place;
    }
    const auto sequence = find_in_log(rows, queue, head, message, sent_ms);
    if (!sequence) return {};
    place.sequence = *sequence;
    const auto bytes = rows.get(keys::exception(queue, state.generation, *sequence));
    if (bytes) {
        const auto exception = decode<Exception>(*bytes);
        place.count = exception.count;
        place.due_ms = exception.due_ms;
        place.state = exception.state == Exception::State::leased   ? "in_flight"
                      : exception.state == Exception::State::moving ? "moving"
                                                                    : "visible";
    } else {
        place.state = is_settled(rows, queue, state, *sequence) ? "deleted" : "visible";
    }
    if (place.state != "deleted" && rows.get(keys::dead(queue, *sequence))) place.state = "dead";
    return place;
}

MessagePlace place_in_subscription(const Rows& rows,
                                   SubscriptionNo subscription,
                                   Sequence sequence) {
    const auto state = load_or_default<DeliveryState>(rows, keys::delivery(subscription));
    MessagePlace place;
    place.object = subscription;
    place.sequence = sequence;
    const auto bytes = rows.get(keys::exception(subscription, state.generation, sequence));
    if (bytes) {
        const auto failed = decode<Exception>(*bytes);
        using State = Exception::State;
        place.state = failed.state == State::moving      ? "moving"
                      : failed.state == State::parked    ? "behind_key"
                      : failed.state == State::exhausted ? "exhausted"
                                                         : "waiting";
        place.count = failed.count;
        place.due_ms = failed.due_ms;
    } else if (!is_matched(rows, subscription, state, sequence)) {
        place.state = "not_matched";
    } else {
        place.state = is_settled(rows, subscription, state, sequence) ? "settled" : "ready";
    }
    return place;
}

// A message that came to the subscription by itself, in no log: a letter that was edited.
MessagePlace place_of_its_own(const Rows& rows, SubscriptionNo subscription, MessageId message) {
    const auto state = load_or_default<DeliveryState>(rows, keys::delivery(subscription));
    MessagePlace place;
    place.object = subscription;
    place.state = "settled";
    std::uint64_t looked_at = 0;
    rows.scan(keys::exception(subscription, state.generation, private_sequences),
              keys::exception(subscription, state.generation, sequence_end),
              [&](std::string_view key, std::string_view value) {
                  if (++looked_at > redriven_open_max) return false;
                  const auto open = decode<Exception>(value);
                  if (open.message != message) return true;
                  place.sequence = keys::last_u64(key);
                  place.state = open.state == Exception::State::moving ? "moving" : "waiting";
                  place.count = open.count;
                  place.due_ms = open.due_ms;
                  return false;
              });
    return place;
}

}  // namespace

std::vector<MessagePlace> message_places(const Rows& rows,
                                         MessageId message,
                                         ObjectNo holder,
                                         TimeMs sent_ms) {
    std::vector<MessagePlace> places;
    // What lives in another set is asked for there.
    const auto add_queue = [&](const model::Place& named) {
        const QueueNo queue = named.number;
        if (queue.value == 0 || !rows.get(keys::config('q', queue))) return;
        for (const MessagePlace& place : places) {
            if (place.object == queue) return;
        }
        if (auto place = place_in_queue(rows, queue, message, sent_ms)) places.push_back(*place);
    };
    if (const auto config = rows.get(keys::config('q', holder))) {
        add_queue(holder);
        const auto policy = decode<QueueConfig>(*config).attributes.dead_letter;
        if (policy) add_queue(policy->queue);
        return places;
    }
    // An edited letter is a message of the subscription it went back to.
    if (const auto view = view_of(rows, holder)) {
        places.push_back(place_of_its_own(rows, holder, message));
        add_queue(view->config.spec.queue);
        add_queue(view->config.spec.dead_letter);
        return places;
    }
    const auto head = load_or_default<LogHead>(rows, keys::head(holder));
    const auto sequence = find_in_log(rows, holder, head, message, sent_ms);
    MessagePlace topic;
    topic.object = holder;
    topic.sequence = sequence.value_or(0);
    topic.state = sequence ? "retained" : "expired";
    if (rows.get(keys::delayed(holder, message))) topic.state = "delayed";
    places.push_back(topic);
    for (const SubscriptionNo subscription : subscriptions_of(rows, holder)) {
        const auto view = view_of(rows, subscription);
        if (!view) continue;
        const bool feeds = view->config.spec.sink == model::SinkKind::queue;
        const std::size_t before = places.size();
        if (sequence) places.push_back(place_in_subscription(rows, subscription, *sequence));
        if (feeds) add_queue(view->config.spec.queue);
        // Fed in the publish's own entry: nothing was stored for the subscription, and once the
        // queue's message is consumed only a subscription without a filter is known to have had it.
        const auto& spec = view->config.spec;
        const bool filtered = !spec.filter_tags.empty() || !spec.binding_keys.empty();
        const bool fed = places.size() == before + 2 || !filtered;
        if (feeds && sequence && fed && places[before].state == "not_matched") {
            places[before].state = "settled";
        }
        add_queue(view->config.spec.dead_letter);
    }
    return places;
}

}  // namespace penstock::core

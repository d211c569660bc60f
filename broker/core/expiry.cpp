#include "broker/base/bytes.h"
#include "broker/core/delivery.h"
#include "broker/core/settle.h"
#include "broker/core/timers.h"
#include "broker/core/topics.h"

#include <algorithm>

namespace penstock::core {

namespace {

// Failing deliveries below the floor: their message is about to go, so their retries end here.
void bury_expired(Turn& turn, ObjectNo subscription, Sequence floor) {
    const Generation generation = turn.delivery(subscription).generation;
    std::vector<Sequence> failing;
    turn.scan(keys::exception(subscription, generation, 0),
              keys::exception(subscription, generation, floor),
              [&](std::string_view key, std::string_view) {
                  failing.push_back(keys::last_u64(key));
                  return true;
              });
    for (const Sequence sequence : failing) bury_or_drop(turn, subscription, sequence);
}

}  // namespace

void skip_expired_deliveries(Turn& turn, ObjectNo topic) {
    const LogHead& head = turn.head(topic);
    std::vector<ObjectNo> subscriptions;
    turn.scan(
        keys::prefix('u', topic), keys::prefix_end('u', topic), [&](std::string_view key, auto) {
            subscriptions.push_back(keys::last_object(key));
            return true;
        });
    for (const ObjectNo subscription : subscriptions) {
        bury_expired(turn, subscription, head.floor);
        pass_floor(turn, subscription, head.floor, head.end);
        const std::uint64_t whole_blocks = keys::block_of(head.floor);
        if (turn.delivery(subscription).bitmapped &&
            whole_blocks > keys::block_of(head.reclaimed)) {
            turn.erase_range(keys::matches(subscription, 0),
                             keys::matches(subscription, whole_blocks));
        }
    }
}

void clean_up_subscription(Turn& turn, ObjectNo subscription, std::string_view value) {
    const auto generation = static_cast<Generation>(Reader(value).varint());
    std::vector<std::pair<std::string, MessageId>> found;
    const std::string end = keys::prefix_end('x', subscription);
    turn.scan(keys::exception(subscription, generation, 0),
              end,
              [&](std::string_view key, std::string_view bytes) {
                  found.emplace_back(key, decode<Exception>(bytes).body);
                  return found.size() < Turn::job_items_per_entry_max;
              });
    for (auto& [key, body] : found) {
        turn.spend(1);
        if (body.value != 0) turn.drop(body);  // a redriven delivery holds its body itself
        turn.erase(std::move(key));
    }
    if (!turn.budget_left()) {
        arm_timer(turn, turn.now(), TimerKind::cleanup, subscription, 0, std::string(value));
    } else {
        turn.forget(subscription);
    }
}

}  // namespace penstock::core

#include "broker/core/key_order.h"

#include "broker/base/hash.h"
#include "broker/core/delivery.h"
#include "broker/core/message_log.h"

namespace penstock::core {

namespace {

// First of [from, end) in the rows of the key.
std::optional<Sequence> first_of_key(const model::Rows& rows,
                                     ObjectNo object,
                                     Generation generation,
                                     std::uint32_t key,
                                     Sequence from,
                                     Sequence end) {
    std::optional<Sequence> found;
    if (from >= end) return found;
    rows.scan(keys::of_key(object, generation, key, from),
              keys::of_key(object, generation, key, end),
              [&](std::string_view row, std::string_view) {
                  found = keys::last_u64(row);
                  return false;
              });
    return found;
}

}  // namespace

std::uint32_t hash_of_key(std::string_view ordering_key) {
    if (ordering_key.empty()) return 0;
    const auto hash = static_cast<std::uint32_t>(hash64(ordering_key));
    return hash == 0 ? 1 : hash;
}

bool orders_by_key(const model::SubscriptionSpec& spec) {
    return spec.pace.order_by_key && spec.sink != model::SinkKind::queue;
}

bool keeps_some_order(const model::SubscriptionSpec& spec) {
    return spec.retry.keeps_order || orders_by_key(spec);
}

std::uint32_t key_of(const model::Rows& rows, const SubscriptionConfig& config, Sequence sequence) {
    if (!orders_by_key(config.spec) || sequence >= private_sequences) return 0;
    const auto run = run_at(rows, config.topic, sequence);
    return run ? run->key(sequence) : 0;
}

bool earlier_of_key(const model::Rows& rows,
                    ObjectNo object,
                    const DeliveryState& state,
                    std::uint32_t key,
                    Sequence sequence) {
    // What is below the cursor is done, and its rows are gone.
    return first_of_key(rows, object, state.generation, key, state.cursor, sequence).has_value();
}

std::optional<Exception::State> pass_key(Turn& turn,
                                         ObjectNo object,
                                         std::uint32_t key,
                                         Sequence sequence) {
    const Generation generation = turn.delivery(object).generation;
    turn.erase(keys::of_key(object, generation, key, sequence));
    const auto next =
        first_of_key(turn, object, generation, key, turn.delivery(object).cursor, sequence_end);
    if (!next) return {};
    auto exception = load_exception(turn, object, generation, *next);
    if (!exception) return {};
    const Exception::State before = exception->state;
    if (before != Exception::State::parked) return before;
    exception->state = Exception::State::ready;
    put_exception(turn, object, generation, *next, *exception);
    put_ready(turn, object, *next);
    return before;
}

}  // namespace penstock::core

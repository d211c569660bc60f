#include "broker/core/release.h"

#include "broker/core/delivery.h"
#include "broker/core/key_order.h"
#include "broker/core/open_delivery.h"
#include "broker/core/refusals.h"

namespace penstock::core {

void start_anew(Exception& exception) {
    exception.count = 0;
    exception.crashes = 0;
    exception.deferred_ms = 0;
}

model::Reply release_delivery(Turn& turn, const model::ReleaseDelivery& command) {
    const SubscriptionConfig* config = turn.subscription(command.subscription);
    if (!config) return no_subscription(command.subscription);
    turn.flush_run(config->topic);
    DeliveryState& state = turn.delivery(command.subscription);
    const std::string subject = std::to_string(command.sequence);
    Open open{command.sequence,
              load_exception(turn, command.subscription, state.generation, command.sequence)};
    if (!open.exception) {
        return refuse(model::Reason::message_not_found, subject, "the message does not wait here");
    }
    if (open.exception->state == Exception::State::moving) {
        return refuse(model::Reason::message_not_found,
                      subject,
                      "the message is on its way to its dead-letter queue");
    }
    if (command.drop) {
        ++state.dropped;
        finish(turn, command.subscription, *config, open, true);
        return model::Done{};
    }
    const std::uint32_t key = open.exception->key;
    if (key != 0 && earlier_of_key(turn, command.subscription, state, key, command.sequence)) {
        return refuse(model::Reason::invalid_parameter,
                      "message",
                      "an earlier message of its ordering key waits: retry or drop that one first");
    }
    start_anew(*open.exception);
    make_ready(turn, command.subscription, open);
    return model::Done{};
}

}  // namespace penstock::core

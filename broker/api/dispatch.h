// Dispatch: the door's side for the dispatcher. Push hand-outs are not entries: the node hands out
// what is ready within the credit granted and remembers it in memory; only the Settle is an entry.
// What a stopped dispatcher held is handed out again, uncounted.
#pragma once

#include "broker/model/attempt.h"
#include "broker/model/command.h"
#include "broker/model/message.h"
#include "broker/model/objects.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace penstock::api {

// A subscription as the dispatcher needs it.
struct Target {
    model::SubscriptionNo subscription;
    std::string topic;
    std::string name;  // without the topic
    model::SubscriptionSpec spec;
};

// One message to be tried once.
struct Delivery {
    model::SubscriptionNo subscription;
    model::Sequence sequence = 0;
    model::Generation generation = 0;
    std::uint32_t attempt = 1;
    model::MessageId message;
    model::TimeMs published_ms = 0;
    model::MessageMeta meta;
    std::string payload;
};

// Called on the node's threads: implementations post to their own thread and return at once.
class DeliveryListener {
  public:
    virtual ~DeliveryListener() = default;

    virtual void on_target(Target target) = 0;  // new or changed
    virtual void on_target_gone(model::SubscriptionNo subscription) = 0;
    virtual void on_deliveries(std::vector<Delivery> deliveries) = 0;  // within the credit granted
};

class Dispatch {
  public:
    virtual ~Dispatch() = default;

    // Names the listener (one, outlives the broker's threads) and sends every existing target.
    virtual void attach(DeliveryListener& listener) = 0;

    // `more` further deliveries of the subscription may be handed out. Any thread.
    virtual void grant(model::SubscriptionNo subscription, std::uint32_t more) = 0;

    // Outcomes; each ends its hand-out. `attempts` belongs to the items that were tried. At most
    // attempts_per_settle_max items a call. Outcomes are durable some time later; what is lost in a
    // crash is delivered again. `done` (may be empty) runs on a node thread once durable.
    struct Settlement {
        model::SubscriptionNo subscription;
        std::vector<model::SettleItem> items;
        std::vector<model::Attempt> attempts;
    };

    virtual void settle(Settlement settlement, std::function<void()> done) = 0;

    // Appends the message to the subscription's queue and settles it in one entry; `answer` runs on
    // a node thread with Failure::none, queue_full or queue_gone. Only Failure::none ends the
    // hand-out.
    virtual void feed(model::SubscriptionNo subscription,
                      model::Sequence sequence,
                      model::Generation generation,
                      std::function<void(model::Failure)> answer) = 0;
};

}  // namespace penstock::api

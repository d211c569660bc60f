// Dispatch: the door's side for the dispatcher. Push hand-outs are not entries: the node hands out
// what is ready within the credit granted and remembers it in memory; only the Settle is an entry.
// What a stopped dispatcher held is handed out again, uncounted.
#pragma once

#include "broker/model/account_name.h"
#include "broker/model/attempt.h"
#include "broker/model/command.h"
#include "broker/model/message.h"
#include "broker/model/objects.h"
#include "broker/model/refusal.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
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
    // The scripts in use, by role; never a null pointer.
    std::map<model::ScriptRole, std::shared_ptr<const model::Script>> scripts;
    // Whose it is (model/account_name.h). The topic, and the queue that it delivers to, are called
    // here as their account calls them.
    std::string account = {};
};

// "TOPIC/NAME" as the server stores it: what its secrets are sealed for, and its operators see.
inline std::string stored_name(const Target& target) {
    return model::stored_name(target.account, target.topic + "/" + target.name);
}

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
    std::uint64_t replay = 0;   // the job that replays it; 0: none
    std::int64_t taken_us = 0;  // when it was handed out (monotonic); the dispatcher's to fill
};

// A message that a handler wants published when its own is settled, by name; one of the two.
// The names are those of the account whose handler it is.
struct HandlerOutput {
    std::string topic;
    std::string queue;
    model::NewMessage message;
    std::uint64_t delay_ms = 0;
};

// What a handler wants to happen together with the settling of item `item`, or not at all.
struct HandlerEffects {
    std::size_t item = 0;
    std::vector<HandlerOutput> outputs;  // at most model::outputs_per_message_max
    std::vector<model::KvWrite> writes;  // at most model::kv_writes_per_message_max
    std::vector<model::KvRead> reads;    // at most model::kv_reads_per_message_max
    // Why it cannot be, known before the node looks at it: its outputs could not be sealed.
    std::optional<model::Refusal> refused = std::nullopt;
};

// A row of a function's key-value store as applied; version 0: there is none.
struct KvRow {
    std::uint64_t version = 0;
    std::string value;
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
        std::string account = {};  // whose subscription it is: outputs are named as it names them
        std::vector<model::SettleItem> items;
        std::vector<model::Attempt> attempts;
        std::vector<HandlerEffects> effects;  // by rising item
    };

    // Items that did not end as the settlement says.
    struct Settled {
        // Their reads had moved: not settled, still handed out; to be handled again at once.
        std::vector<std::size_t> moved;
        // What their handlers wanted is not possible, or not now: settled as failed attempts or
        // deferrals.
        std::vector<std::size_t> refused;
    };

    virtual void settle(Settlement settlement, std::function<void(Settled)> done) = 0;

    // The row of the subscription's key-value store, as applied now. `answer` runs on a node
    // thread.
    virtual void read_kv(model::SubscriptionNo subscription,
                         std::string key,
                         std::function<void(KvRow)> answer) = 0;

    // Takes an active subscription out of service, with the reason shown to people. Its messages
    // stay. Resuming it is the user's.
    virtual void disable(model::SubscriptionNo subscription, std::string reason) = 0;

    // How the subscription's endpoint does, to be shown to people. Any thread.
    virtual void report(model::SubscriptionNo subscription, model::PushHealth health) = 0;

    // Appends the message to the subscription's queue and settles it in one entry; `answer` runs on
    // a node thread with Failure::none, queue_full or queue_gone, or exhausted_resources when it
    // was not tried. Only Failure::none ends the hand-out.
    virtual void feed(model::SubscriptionNo subscription,
                      model::Sequence sequence,
                      model::Generation generation,
                      std::function<void(model::Failure)> answer) = 0;
};

}  // namespace penstock::api

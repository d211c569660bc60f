// Handout: push deliveries out of the node: which subscriptions have credit, what is held by the
// dispatcher, and where each subscription's fresh messages begin. All of it memory: after a crash
// what was held is ready again. Settlements of a turn become few Settle commands. Owned by the
// Node, broker thread only.
//
// An item is held until its Settle is applied: until then the rows still call it ready.
#pragma once

#include "broker/api/dispatch.h"
#include "broker/core/data_query.h"
#include "broker/node/bodies.h"
#include "broker/node/hosted_set.h"
#include "broker/node/options.h"
#include "broker/node/settling.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace penstock::node {

// Bodies that may be held, of topics whose messages may be larger than 1 MiB; beyond, each
// subscription has one more while what it holds is less than one of its largest.
inline constexpr std::uint64_t held_large_bytes_max = 64U << 20;

class Handout {
  public:
    Handout(HostedSet& data,
            Bodies& bodies,
            HandlerEffects effects,
            std::shared_ptr<Mailbox> mailbox,
            const NodeOptions& options)
        : data_(data),
          bodies_(bodies),
          mailbox_(std::move(mailbox)),
          message_bytes_max_(options.message_bytes_max),
          settling_(data, std::move(effects), options.track, [this](auto of, auto& items, bool no) {
              settled(of, items, no);
          }) {}

    // Sends every target there is.
    void attach(api::DeliveryListener& listener);

    // Another node hands out now: every target is gone here, what was held is forgotten.
    void detach();

    [[nodiscard]] bool knows(model::SubscriptionNo subscription) const {
        return subscribers_.contains(subscription);
    }

    void grant(model::SubscriptionNo subscription, std::uint32_t more);

    void settle(api::Dispatch::Settlement settlement, Settling::Done done) {
        settling_.add(std::move(settlement), std::move(done));
    }

    void disable(model::SubscriptionNo subscription, std::string reason);

    // What the dispatcher last said of the subscription's endpoint.
    void report(model::SubscriptionNo subscription, model::PushHealth health);
    [[nodiscard]] model::PushHealth health(model::SubscriptionNo subscription) const;

    void feed(model::SubscriptionNo subscription,
              model::Sequence sequence,
              model::Generation generation,
              std::function<void(model::Failure)> answer);

    // From the effects of a turn.
    void ready(model::SubscriptionNo subscription);
    void changed(model::SubscriptionNo subscription);

    // Makes commands of the settlements that came in this turn.
    void submit_settles() { settling_.submit(); }

    // Hands out nothing before `until_us` (steady clock): another node is about to lead the set,
    // and would hand out again what is not settled by then. True: nothing is held.
    bool rest(std::int64_t until_us);

    // Hands out what credit allows; true when there is more to do at once.
    bool run(std::int64_t now_us);

    // When there is more to do though nothing happens; steady clock.
    [[nodiscard]] std::optional<std::int64_t> next_us() const;

    // A body turned out to be damaged: its credit comes back.
    void give_back(model::SubscriptionNo subscription, model::Sequence sequence);

    // Bodies were read: what they weigh, where the most that they might was held against them.
    using Weights = std::vector<std::pair<model::Sequence, std::uint64_t>>;
    void weighed(model::SubscriptionNo subscription, const Weights& weights);
    // A body cannot be opened now: it is tried later, uncounted, and its credit comes back.
    void defer(model::SubscriptionNo subscription,
               model::Sequence sequence,
               model::Generation generation,
               std::string why);

    [[nodiscard]] std::size_t held(model::SubscriptionNo subscription) const;

  private:
    struct Held {
        bool retry = false;
        std::uint32_t parked_key = 0;   // it was not handed out: it waits behind one of this key
        std::uint64_t large_bytes = 0;  // of its body, at most; 0: its topic takes no large ones
    };

    struct Subscriber {
        model::TopicNo topic;
        model::SubscriptionState state = model::SubscriptionState::active;
        std::uint64_t credit = 0;
        model::Generation generation = 0;
        model::Sequence fresh = 0;  // first sequence never handed out
        std::map<model::Sequence, Held> held;
        std::size_t held_retries = 0;
        std::uint64_t large_bytes = 0;  // of what is held
        // Keys of which messages are being set aside, and how many: what comes behind goes there
        // too.
        std::map<std::uint32_t, std::size_t> parking;
        std::map<model::ScriptRole, std::shared_ptr<const model::Script>> scripts;
        model::PushHealth health;
    };

    void settled(model::SubscriptionNo subscription,
                 const std::vector<model::SettleItem>& items,
                 bool refused);
    void load_scripts(Subscriber& subscriber, const core::SubscriptionInfo& info) const;

    struct Taken {
        std::vector<core::ReadyItem> items;
        bool more = false;  // something ready was left
    };

    bool release(Subscriber& subscriber, model::Sequence sequence);
    void forget_held(Subscriber& subscriber);
    // The most that a body of the subscription's topic may have, if those may be large; else 0.
    [[nodiscard]] std::uint64_t large_body_bytes(const Subscriber& subscriber) const;
    Taken take(model::SubscriptionNo subscription,
               Subscriber& subscriber,
               std::size_t wanted,
               std::size_t limit);
    bool hand_out(model::SubscriptionNo subscription, Subscriber& subscriber);
    void hold_large(Subscriber& subscriber,
                    const std::vector<core::ReadyItem>& items,
                    std::uint64_t body_bytes);
    bool park_behind_keys(model::SubscriptionNo subscription,
                          Subscriber& subscriber,
                          std::vector<core::ReadyItem>& items);
    void deliver(model::SubscriptionNo subscription,
                 std::vector<core::ReadyItem> items,
                 bool weighed);

    HostedSet& data_;
    Bodies& bodies_;
    std::shared_ptr<Mailbox> mailbox_;
    api::DeliveryListener* listener_ = nullptr;
    std::map<model::SubscriptionNo, Subscriber> subscribers_;
    std::set<model::SubscriptionNo> look_;   // may have something and have credit
    std::set<model::SubscriptionNo> later_;  // a settlement was refused: not before again_us_
    std::int64_t again_us_ = 0;
    std::int64_t rests_until_us_ = 0;
    std::int64_t now_us_ = 0;          // of the last run
    std::uint32_t message_bytes_max_;  // this server's ceiling
    std::uint64_t large_bytes_ = 0;    // of what is held, all subscribers
    Settling settling_;
};

}  // namespace penstock::node

// Scheduler: decides which delivery is tried next, how many more the broker may hand out, and when
// outcomes are settled. The unit is the subscription: none waits behind another's endpoint. Plain
// step functions: no I/O, no thread, no clock; time is passed in. Owned by the Dispatcher, on its
// thread. It never retries: the retry policy is in the core.
#pragma once

#include "broker/api/dispatch.h"
#include "broker/model/metric.h"
#include "dispatcher/key_lanes.h"
#include "dispatcher/order_gate.h"
#include "dispatcher/outcomes.h"
#include "dispatcher/pace.h"
#include "sinks/sink.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace penstock::dispatcher {

struct SchedulerLimits {
    std::size_t in_flight_max = 4'096;    // attempts at a time, all subscriptions
    std::size_t in_flight_sure = 4;       // of them, one subscription's beyond dispute
    std::size_t held_max = 262'144;       // deliveries credited, waiting or in flight, all
    std::size_t quiet_held_max = 65'536;  // of them, shared out evenly for who has none here
    // Payload bytes here or asked for. Beyond, a subscription has its sure ones, and one message if
    // that is more.
    std::size_t held_bytes_max = 64 << 20;      // all
    std::size_t quiet_bytes_max = 16 << 20;     // of them, shared out evenly as messages are
    std::size_t lane_bytes_max = 4 << 20;       // one subscription, while all are free
    std::size_t lane_bytes_sure = 64 << 10;     // one subscription's beyond dispute
    std::size_t payload_bytes_first = 1 << 20;  // what a payload may have, before one is known
    std::uint32_t prefetch_max = 1'024;    // asked for beyond the concurrency, one subscription
    std::size_t unsettled_max = 16'384;    // outcomes not durable yet, one subscription
    std::size_t host_in_flight_max = 512;  // attempts at a time at one host and port
    std::size_t keyed_ahead_max = 1'024;   // kept behind their keys beyond the window, one of it
    std::size_t aside_max = 1'024;         // retries put aside beyond the window, one of it
    // Handlers' effects not durable yet: beyond, nothing new starts; attempts in flight may still
    // bring more. What has none of its own on the way is never held up by the others'.
    std::size_t lane_effect_bytes_max = 8 << 20;  // one subscription
    std::size_t effect_bytes_max = 64 << 20;      // all
    OutcomeLimits outcomes;
};

// What all subscriptions of one host and port share.
struct Host {
    std::size_t in_flight = 0;                  // attempts at a time there
    std::deque<model::SubscriptionNo> waiting;  // for a place there, and for nothing else
};

inline constexpr std::int64_t disable_pause_us = 1'000'000;

// A delivery being tried, or a batch in one request. `lane` is the scheduler's own.
struct Flight {
    std::uint64_t ticket = 0;
    std::uint64_t lane = 0;
    std::shared_ptr<const api::Target> target;
    api::Delivery delivery;
    std::vector<api::Delivery> others;  // of the same request, behind it
    std::int64_t started_us = 0;        // monotonic
    model::TimeMs at_ms = 0;
    std::shared_ptr<Host> at_host;  // may be null
    bool probe = false;  // it finds out whether the endpoint is back: in vain, it is no attempt

    // Its deliveries in order, as sinks are given them.
    [[nodiscard]] sinks::Sink::Batch batch() const;
};

struct Grant {
    model::SubscriptionNo subscription;
    std::uint32_t more = 0;

    friend bool operator==(const Grant&, const Grant&) = default;
};

// How an endpoint does, when that has changed.
struct Report {
    model::SubscriptionNo subscription;
    model::PushHealth health;
};

// `lane` tells on_durable() whose it was, should the subscription be forgotten and come back.
struct DueSettlement {
    std::uint64_t lane = 0;
    api::Dispatch::Settlement settlement;
    std::size_t effect_bytes = 0;  // what its effects hold
};

// A settlement of `items` items that became durable, and how those with effects ended.
struct Durable {
    model::SubscriptionNo subscription;
    std::uint64_t lane = 0;
    std::size_t items = 0;
    std::size_t effect_bytes = 0;
    std::vector<model::Sequence> committed;  // the effects took place
    std::vector<model::Sequence> moved;      // their reads had moved: to be handled again at once
    std::vector<model::Sequence> refused;    // they failed after all
};

class Scheduler {
  public:
    explicit Scheduler(const SchedulerLimits& limits) : limits_(limits) {}

    // A target is new or changed; gives back what it was before. What waits for one that is no
    // longer active is handed back as not attempted.
    std::shared_ptr<const api::Target> set_target(api::Target target, std::int64_t now_us);

    // Forgets a target with all that waits for it; attempts in flight end without a trace.
    std::shared_ptr<const api::Target> drop_target(model::SubscriptionNo subscription);

    // Deliveries that were handed out. Those of unknown targets are dropped.
    void take(std::vector<api::Delivery> deliveries, std::int64_t now_us);

    // The next delivery to try, or nullptr. It stays where it is until finish().
    const Flight* start_next(std::int64_t now_us, model::TimeMs now_ms);

    // Lays the subscription's policy over what the sink says.
    void judge(std::uint64_t ticket, sinks::AttemptResult& result) const;

    // The attempt says that its target must go out of service. True once for a target as it is
    // now, and again after disable_pause_us: the broker may have refused.
    bool disable(std::uint64_t ticket);

    // An attempt ended.
    void finish(std::uint64_t ticket, sinks::AttemptResult result, std::int64_t now_us);

    // The attempt of a batch ended: with a result for each of its deliveries, in their order.
    void finish_batch(std::uint64_t ticket,
                      std::vector<sinks::AttemptResult> results,
                      std::int64_t now_us);

    // Credit to grant now.
    std::vector<Grant> grants();

    // Settlements to submit now.
    std::vector<DueSettlement> settlements(std::int64_t now_us);

    void on_durable(const Durable& durable, std::int64_t now_us);

    // What has changed of endpoints since it was asked last. `now_ms`: the same moment in Unix
    // milliseconds.
    std::vector<Report> reports(std::int64_t now_us, model::TimeMs now_ms);

    // When to go on at the latest; nothing: not before something happens.
    [[nodiscard]] std::optional<std::int64_t> wake_us() const;

    // No further start or grant; outcomes are settled without delay. Results that say nothing about
    // the target are dropped from now on: the broker hands those out again.
    void drain() { draining_ = true; }

    [[nodiscard]] std::size_t in_flight() const { return flights_.size(); }

    // Outcomes that are not durable yet.
    [[nodiscard]] std::size_t unsettled() const;

    // Of the subscriptions, the first model::labelled_objects_max by name are told one by one.
    void measure(model::Metrics& metrics) const;

  private:
    // A delivery whose handler read kv rows: until its effects are durable it may have to be
    // handled again. Where order is kept, also one that may be refused.
    struct Committing {
        std::optional<api::Delivery> delivery;  // nothing while it is handled again
        unsigned reruns = 0;
    };

    // One subscription's way through the dispatcher.
    struct Lane {
        explicit Lane(const OutcomeLimits& limits) : outcomes(limits) {}

        std::uint64_t number = 0;
        std::shared_ptr<const api::Target> target;
        std::deque<api::Delivery> waiting;
        std::deque<api::Delivery> retries;  // put aside: retries have had their share
        KeyLanes keys;                      // of a subscription that is ordered by key
        Pace pace;
        Pace::Holding shown;            // as it was reported last
        std::shared_ptr<Host> at_host;  // http only
        bool in_line = false;           // there, for a place
        std::int64_t wake_us = 0;       // time lets the next one through then; 0: not waited for
        std::size_t in_flight = 0;      // requests under way
        std::size_t companions = 0;     // deliveries under way beyond one a request
        std::uint32_t credit = 0;       // granted and not used yet
        std::size_t counted = 0;        // what held() gave when it was counted into held_
        std::size_t bytes = 0;          // of payloads here
        std::size_t credit_bytes = 0;   // of those asked for, as counted into credit_bytes_
        std::uint32_t prefetch = 0;     // asked for beyond the concurrency; grows while it runs dry
        std::size_t payload_bytes = 0;  // usual size of a payload, at least 1; 0: none came yet
        // Deficit round robin: what it may still start this round; below 0 after a large batch.
        std::int64_t deficit = 0;
        bool in_round = false;  // it is in rotation_
        OrderGate gate;         // of a subscription that keeps its order
        std::map<model::Sequence, Committing> committing;
        std::size_t unsure = 0;             // of these: with their delivery
        std::int64_t disable_again_us = 0;  // the broker was told: not before it once more
        Outcomes outcomes;

        [[nodiscard]] bool keeps_order() const { return target->spec.retry.keeps_order; }

        [[nodiscard]] bool by_key() const {
            return target->spec.pace.order_by_key && !keeps_order();
        }

        // What was kept behind its key is let go as it was kept, also where all keep their order
        // since: nobody else would ever let it go.
        [[nodiscard]] bool has_keys() const { return by_key() || !keys.calm(); }

        // What follows an acknowledgement waits for it.
        [[nodiscard]] bool in_order() const { return keeps_order() || by_key(); }

        [[nodiscard]] bool active() const {
            return target->spec.state == model::SubscriptionState::active;
        }

        [[nodiscard]] std::size_t held() const {
            return credit + waiting.size() + retries.size() + keys.waiting() + in_flight +
                   companions;
        }

        // Something of it is here, not credit alone.
        [[nodiscard]] bool busy() const { return held() > credit || bytes > 0; }

        // Deliveries of one request at most.
        [[nodiscard]] std::size_t batch() const {
            return pace.finds_out() ? 1 : target->spec.pace.batch;
        }
    };

    static void measure(const Lane& lane, model::Metrics& metrics);
    [[nodiscard]] bool may_ever_start(const Lane& lane) const;
    [[nodiscard]] bool may_start(const Lane& lane) const;
    [[nodiscard]] bool over_share(const Lane& lane) const;
    [[nodiscard]] bool must_wait(const Lane& lane) const;
    [[nodiscard]] std::size_t usual_bytes(const Lane& lane) const;
    [[nodiscard]] std::size_t byte_share(const Lane& lane) const;
    [[nodiscard]] std::size_t window(const Lane& lane) const;
    void count_held(Lane& lane);
    void hold_bytes(Lane& lane, std::size_t bytes);
    void let_go_bytes(Lane& lane, std::size_t bytes);
    void enlist(model::SubscriptionNo subscription, Lane& lane);
    void rotate();
    void wait_for_time(model::SubscriptionNo subscription, Lane& lane);
    void wake(std::int64_t now_us);
    std::deque<api::Delivery>* next_of(Lane& lane);
    [[nodiscard]] bool is_full(const Lane& lane) const;
    [[nodiscard]] std::optional<std::int64_t> lingers_until_us(const Lane& lane) const;
    void put_aside(Lane& lane, api::Delivery retry);
    void add_others(Lane& lane, std::deque<api::Delivery>& from, Flight& flight);
    const Flight* start(model::SubscriptionNo subscription,
                        Lane& lane,
                        std::deque<api::Delivery>& from,
                        model::TimeMs now_ms);
    std::shared_ptr<Host> host_for(const api::Target& target);
    [[nodiscard]] std::size_t places_at(const Host& host) const;
    void stand_in_line(model::SubscriptionNo subscription, Lane& lane);
    void let_on(Host* host);
    void end_pace(Lane& lane, const Flight& flight, std::vector<sinks::AttemptResult>& results);
    void end_one(Lane& lane,
                 const Flight& flight,
                 const api::Delivery& delivery,
                 sinks::AttemptResult result);
    void tell(Lane& lane,
              const Flight& flight,
              const api::Delivery& delivery,
              sinks::AttemptResult result);
    void begin_keys(Lane& lane);
    void end_key(Lane& lane, const api::Delivery& delivery, bool well);
    bool let_in(Lane& lane, api::Delivery& delivery);
    void give_back(Lane& lane, const api::Delivery& delivery, model::Failure why);
    void give_back_behind(Lane& lane, const api::Delivery& delivery);
    void next_of_key(Lane& lane, const api::Delivery& delivery);
    void hand_back(model::SubscriptionNo subscription, Lane& lane);
    void forget_waiting(Lane& lane);
    void take_one(Lane& lane, api::Delivery delivery);
    void remember_commit(Lane& lane, const api::Delivery& delivery);
    std::optional<api::Delivery> forget_commit(Lane& lane, model::Sequence sequence);
    void handle_again(Lane& lane, model::Sequence sequence);
    void keep_order(Lane& lane, const api::Delivery& delivery, const sinks::AttemptResult& result);

    SchedulerLimits limits_;
    std::map<model::SubscriptionNo, Lane> lanes_;
    std::deque<model::SubscriptionNo> rotation_;  // lanes with something to start, in turn
    std::map<std::uint64_t, Flight> flights_;
    std::set<model::SubscriptionNo> wanting_;    // lanes whose credit may be too low
    std::set<model::SubscriptionNo> gathering_;  // lanes with outcomes to settle
    std::uint64_t last_ticket_ = 0;
    std::uint64_t last_lane_ = 0;
    std::size_t held_ = 0;          // by all lanes, as they were counted
    std::size_t held_bytes_ = 0;    // of payloads here, also of lanes that are gone
    std::size_t credit_bytes_ = 0;  // asked for by busy lanes, as they were counted
    std::size_t effect_bytes_ = 0;  // not durable yet, all lanes
    std::map<std::string, std::weak_ptr<Host>> hosts_;                   // by host and port
    std::set<std::pair<std::int64_t, model::SubscriptionNo>> sleeping_;  // until time lets them on
    std::set<model::SubscriptionNo> changed_;  // lanes whose endpoint may do otherwise than shown
    std::int64_t now_us_ = 0;                  // as it was told last
    bool draining_ = false;
};

}  // namespace penstock::dispatcher

// FakeDispatch: the broker's side of dispatch in memory. It hands out what was published within the
// credit granted and records what is settled; a settlement is durable at once. Used on one thread.
#pragma once

#include "broker/api/dispatch.h"

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

class FakeDispatch final : public api::Dispatch {
  public:
    void attach(api::DeliveryListener& listener) override {
        listener_ = &listener;
        for (const auto& [number, lane] : lanes_) listener.on_target(lane.target);
    }

    void grant(model::SubscriptionNo subscription, std::uint32_t more) override {
        lanes_.at(subscription).credit += more;
        hand_out(lanes_.at(subscription));
    }

    void settle(Settlement settlement, std::function<void(Settled)> done) override {
        settled_items += settlement.items.size();
        if (keep_settlements) settlements.push_back(std::move(settlement));
        if (on_settled) on_settled();
        if (done) done({std::exchange(moved, {}), std::exchange(refused, {})});
    }

    void read_kv(model::SubscriptionNo,
                 std::string key,
                 std::function<void(api::KvRow)> answer) override {
        answer(kv[key]);
    }

    void disable(model::SubscriptionNo subscription, std::string reason) override {
        disabled.insert_or_assign(subscription, std::move(reason));
        ++disable_calls;
    }

    void report(model::SubscriptionNo subscription, model::PushHealth health) override {
        reported.insert_or_assign(subscription, std::move(health));
    }

    void feed(model::SubscriptionNo subscription,
              model::Sequence sequence,
              model::Generation,
              std::function<void(model::Failure)> answer) override {
        fed.emplace_back(subscription, sequence);
        if (feed_answers) answer(feed_result);
    }

    // A subscription the dispatcher hears of now, or at attach().
    void add(api::Target target) {
        Lane lane;
        lane.target = target;
        lanes_.insert_or_assign(target.subscription, std::move(lane));
        if (listener_ != nullptr) listener_->on_target(std::move(target));
    }

    // A message for a subscription; it goes out when there is credit.
    void publish(model::SubscriptionNo subscription, const std::string& payload) {
        Lane& lane = lanes_.at(subscription);
        api::Delivery delivery;
        delivery.subscription = subscription;
        delivery.sequence = ++lane.last_sequence;
        delivery.generation = 1;
        delivery.message = model::MessageId(delivery.sequence);
        delivery.payload = payload;
        lane.ready.push_back(std::move(delivery));
        hand_out(lane);
    }

    // Items settled for a subscription, in the order they came.
    [[nodiscard]] std::vector<model::SettleItem> items(model::SubscriptionNo subscription) const {
        std::vector<model::SettleItem> all;
        for (const Settlement& settlement : settlements) {
            if (settlement.subscription != subscription) continue;
            all.insert(all.end(), settlement.items.begin(), settlement.items.end());
        }
        return all;
    }

    std::vector<Settlement> settlements;
    bool keep_settlements = true;
    std::size_t settled_items = 0;
    std::function<void()> on_settled;
    std::vector<std::pair<model::SubscriptionNo, model::Sequence>> fed;
    model::Failure feed_result = model::Failure::none;
    bool feed_answers = true;
    std::vector<std::size_t> moved;    // items of the next settlement whose reads have moved
    std::vector<std::size_t> refused;  // and whose effects are not possible
    std::map<std::string, api::KvRow> kv;
    std::map<model::SubscriptionNo, std::string> disabled;
    std::size_t disable_calls = 0;
    std::map<model::SubscriptionNo, model::PushHealth> reported;

  private:
    struct Lane {
        api::Target target;
        std::uint32_t credit = 0;
        model::Sequence last_sequence = 0;
        std::deque<api::Delivery> ready;
    };

    void hand_out(Lane& lane) {
        std::vector<api::Delivery> out;
        while (lane.credit > 0 && !lane.ready.empty()) {
            out.push_back(std::move(lane.ready.front()));
            lane.ready.pop_front();
            lane.credit -= 1;
        }
        if (!out.empty()) listener_->on_deliveries(std::move(out));
    }

    api::DeliveryListener* listener_ = nullptr;
    std::map<model::SubscriptionNo, Lane> lanes_;
};

}  // namespace penstock::testing

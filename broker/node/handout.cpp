#include "broker/node/handout.h"

#include "broker/base/check.h"
#include "broker/base/log.h"
#include "broker/base/planted.h"
#include "broker/model/account_name.h"
#include "broker/node/node.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>
#include <variant>

namespace penstock::node {

namespace {

constexpr std::size_t hand_out_max = 256;  // one subscription, one turn
constexpr std::uint32_t scan_max = 4'096;  // sequences looked at for it
// A set that refuses, because its lead is being handed over, may do so for a while.
constexpr std::int64_t refused_pause_us = 10'000;
constexpr std::uint64_t credit_max = 100'000;  // more makes no sense: it would all be in memory

model::Failure failure_of(const model::Reply& reply) {
    const auto* refusal = std::get_if<model::Refusal>(&reply);
    if (refusal == nullptr) return model::Failure::none;
    if (refusal->reason == model::Reason::queue_full) return model::Failure::queue_full;
    if (refusal->reason == model::Reason::queue_not_found) return model::Failure::queue_gone;
    return model::Failure::exhausted_resources;
}

}  // namespace

void Handout::attach(api::DeliveryListener& listener) {
    listener_ = &listener;
    for (const model::SubscriptionNo subscription : core::all_subscriptions(data_.rows())) {
        changed(subscription);
    }
}

void Handout::detach() {
    for (const auto& [subscription, subscriber] : std::exchange(subscribers_, {})) {
        listener_->on_target_gone(subscription);
    }
    large_bytes_ = 0;
    look_.clear();
    later_.clear();
    rests_until_us_ = 0;
    listener_ = nullptr;
}

void Handout::changed(model::SubscriptionNo subscription) {
    if (listener_ == nullptr) return;
    auto info = core::subscription_info(data_.rows(), subscription);
    if (!info) {
        const auto gone = subscribers_.find(subscription);
        if (gone != subscribers_.end()) {
            forget_held(gone->second);
            subscribers_.erase(gone);
            listener_->on_target_gone(subscription);
        }
        look_.erase(subscription);
        return;
    }
    const bool known = subscribers_.contains(subscription);
    Subscriber& subscriber = subscribers_[subscription];
    // Whoever took it out of service, it is never silent.
    if (known && info->spec.state == model::SubscriptionState::disabled &&
        subscriber.state == model::SubscriptionState::active) {
        log_line(LogLevel::warn,
                 "node",
                 "disabled subscription=" + info->topic_name + "/" + info->name + " reason=\"" +
                     info->spec.state_reason + "\"");
    }
    subscriber.topic = info->topic;
    subscriber.state = info->spec.state;
    load_scripts(subscriber, *info);
    look_.insert(subscription);
    if (info->spec.sink == model::SinkKind::queue)
        info->spec.endpoint = model::own_name(info->spec.endpoint);
    listener_->on_target(api::Target{subscription,
                                     std::string(model::own_name(info->topic_name)),
                                     std::move(info->name),
                                     std::move(info->spec),
                                     subscriber.scripts,
                                     std::string(model::account_of(info->topic_name))});
}

// The scripts in use; those that did not change are not read again.
void Handout::load_scripts(Subscriber& subscriber, const core::SubscriptionInfo& info) const {
    for (std::size_t at = 0; at < info.spec.scripts.size(); ++at) {
        const auto role = static_cast<model::ScriptRole>(at + 1);
        const std::uint32_t version = info.spec.scripts[at];
        const auto known = subscriber.scripts.find(role);
        if (known != subscriber.scripts.end() && known->second->version == version) continue;
        subscriber.scripts.erase(role);
        if (version == 0) continue;
        auto script = core::script_of(data_.rows(), info.subscription, role, version);
        check(script.has_value(), "a script in use is kept");
        subscriber.scripts.emplace(role, std::make_shared<const model::Script>(std::move(*script)));
    }
}

void Handout::disable(model::SubscriptionNo subscription, std::string reason) {
    model::DisableSubscription command{subscription, std::move(reason)};
    data_.submit(Submission{std::move(command), {}, nullptr, {}});
}

void Handout::report(model::SubscriptionNo subscription, model::PushHealth health) {
    const auto found = subscribers_.find(subscription);
    if (found != subscribers_.end()) found->second.health = std::move(health);
}

model::PushHealth Handout::health(model::SubscriptionNo subscription) const {
    const auto found = subscribers_.find(subscription);
    return found == subscribers_.end() ? model::PushHealth{} : found->second.health;
}

void Handout::grant(model::SubscriptionNo subscription, std::uint32_t more) {
    const auto found = subscribers_.find(subscription);
    if (found == subscribers_.end()) return;
    found->second.credit = std::min(found->second.credit + more, credit_max);
    look_.insert(subscription);
}

void Handout::ready(model::SubscriptionNo subscription) {
    if (subscribers_.contains(subscription)) look_.insert(subscription);
}

void Handout::settled(model::SubscriptionNo subscription,
                      const std::vector<model::SettleItem>& items,
                      bool refused) {
    const auto found = subscribers_.find(subscription);
    if (found == subscribers_.end()) return;
    Subscriber& subscriber = found->second;
    for (const model::SettleItem& item : items) {
        if (!release(subscriber, item.sequence)) continue;
        // Not settled after all: it is looked at again.
        if (refused) subscriber.fresh = std::min(subscriber.fresh, item.sequence);
    }
    look_.insert(subscription);
    if (refused) {
        later_.insert(subscription);
        again_us_ = now_us_ + refused_pause_us;
    }
}

void Handout::feed(model::SubscriptionNo subscription,
                   model::Sequence sequence,
                   model::Generation generation,
                   std::function<void(model::Failure)> answer) {
    auto done = [this, subscription, sequence, answer = std::move(answer)](
                    const model::Reply& reply) {
        const model::Failure failure = failure_of(reply);
        if (failure == model::Failure::none) {
            if (const auto found = subscribers_.find(subscription); found != subscribers_.end()) {
                release(found->second, sequence);
            }
            look_.insert(subscription);
        }
        if (answer) answer(failure);
    };
    const model::FeedQueue command{subscription, sequence, generation};
    data_.submit(Submission{command, {}, nullptr, std::move(done)});
}

void Handout::give_back(model::SubscriptionNo subscription, model::Sequence sequence) {
    const auto found = subscribers_.find(subscription);
    if (found == subscribers_.end()) return;
    release(found->second, sequence);
    grant(subscription, 1);
}

void Handout::defer(model::SubscriptionNo subscription,
                    model::Sequence sequence,
                    model::Generation generation,
                    std::string why) {
    model::SettleItem item;
    item.sequence = sequence;
    item.generation = generation;
    item.verdict = model::Verdict::not_attempted;
    item.failure = model::Failure::sealed;
    item.excerpt = std::move(why);
    api::Dispatch::Settlement settlement;
    settlement.subscription = subscription;
    settlement.items.push_back(std::move(item));
    settling_.add(std::move(settlement), {});
    grant(subscription, 1);
}

bool Handout::rest(std::int64_t until_us) {
    rests_until_us_ = until_us;
    return std::all_of(subscribers_.begin(), subscribers_.end(), [](const auto& subscriber) {
        return subscriber.second.held.empty();
    });
}

bool Handout::run(std::int64_t now_us) {
    now_us_ = now_us;
    if (now_us < rests_until_us_) return false;
    if (now_us >= again_us_) later_.clear();
    bool more = false;
    const std::set<model::SubscriptionNo> look = std::exchange(look_, later_);
    for (const model::SubscriptionNo subscription : look) {
        if (later_.contains(subscription)) continue;
        const auto found = subscribers_.find(subscription);
        if (found == subscribers_.end()) continue;
        if (!hand_out(subscription, found->second)) continue;
        look_.insert(subscription);
        more = true;
    }
    return more;
}

std::optional<std::int64_t> Handout::next_us() const {
    // Whatever it was that rested, there may be something to hand out behind it.
    if (now_us_ < rests_until_us_) return rests_until_us_;
    if (later_.empty()) return {};
    return again_us_;
}

bool Handout::release(Subscriber& subscriber, model::Sequence sequence) {
    const auto found = subscriber.held.find(sequence);
    if (found == subscriber.held.end()) return false;
    if (found->second.retry) --subscriber.held_retries;
    large_bytes_ -= found->second.large_bytes;
    subscriber.large_bytes -= found->second.large_bytes;
    if (const std::uint32_t key = found->second.parked_key; key != 0) {
        const auto parking = subscriber.parking.find(key);
        if (--parking->second == 0) subscriber.parking.erase(parking);
    }
    subscriber.held.erase(found);
    return true;
}

Handout::Taken Handout::take(model::SubscriptionNo subscription,
                             Subscriber& subscriber,
                             std::size_t wanted,
                             std::size_t limit) {
    const auto most = static_cast<std::uint32_t>(limit);
    // Retries may wait long at the dispatcher: they leave half to what is fresh.
    const std::size_t half = (subscriber.held.size() + subscriber.credit + 1) / 2;
    const auto due_first = static_cast<std::uint32_t>(subscriber.held_retries < half ? half : 0);
    const auto ready_from = [&](model::Sequence fresh) {
        return core::ready_deliveries(data_.rows(), subscription, fresh, most, scan_max, due_first);
    };
    core::ReadyPage page = ready_from(subscriber.fresh);
    if (page.generation != subscriber.generation) {
        subscriber.generation = page.generation;
        forget_held(subscriber);
        subscriber.fresh = 0;
        page = ready_from(0);
    }
    Taken taken;
    taken.more = page.more;
    model::Sequence left = std::numeric_limits<model::Sequence>::max();
    for (core::ReadyItem& item : page.items) {
        if (subscriber.held.contains(item.sequence)) continue;
        const bool retry =
            item.attempt > 1 || item.sequence < subscriber.fresh || item.sequence >= page.fresh;
        if (taken.items.size() == wanted) {
            taken.more = true;
            // A retry is found again wherever fresh ones begin.
            if (!retry) left = std::min(left, item.sequence);
            continue;
        }
        const bool first_look = subscriber.fresh == 0;
        if (planted(K19) && first_look) item.attempt = 1;
        subscriber.held.emplace(item.sequence, Held{retry});
        subscriber.held_retries += retry ? 1 : 0;
        if (!planted(K29) || !first_look) taken.items.push_back(std::move(item));
    }
    subscriber.fresh = std::max(subscriber.fresh, std::min(page.fresh, left));
    return taken;
}

bool Handout::hand_out(model::SubscriptionNo subscription, Subscriber& subscriber) {
    if (subscriber.credit == 0 || subscriber.state != model::SubscriptionState::active) {
        return false;
    }
    std::uint64_t wanted = std::min<std::uint64_t>(subscriber.credit, hand_out_max);
    const std::uint64_t large = large_body_bytes(subscriber);
    if (large > 0) {
        const std::uint64_t room =
            held_large_bytes_max - std::min(held_large_bytes_max, large_bytes_);
        // What others hold must not leave it one message a settlement.
        const std::uint64_t sure = subscriber.large_bytes < large ? 1 : 0;
        wanted = std::min(wanted, std::max(room / large, sure));
        if (wanted == 0) return false;  // it is looked at when something of it is read or settled
    }
    // Retries that are held come first and again, until they are settled.
    Taken taken = take(subscription, subscriber, wanted, wanted + subscriber.held_retries);
    // A held one may have become a retry since: then there must be room for all of them.
    if (taken.items.empty() && taken.more) {
        taken = take(subscription, subscriber, wanted, wanted + subscriber.held.size());
    }
    const bool parked = park_behind_keys(subscription, subscriber, taken.items);
    subscriber.credit -= taken.items.size();
    const bool more = parked || (taken.more && subscriber.credit > 0);
    hold_large(subscriber, taken.items, large);
    if (!taken.items.empty()) deliver(subscription, std::move(taken.items), large > 0);
    return more;
}

std::uint64_t Handout::large_body_bytes(const Subscriber& subscriber) const {
    if (message_bytes_max_ <= model::message_bytes_usual_most) return 0;
    const auto topic = core::topic_info(data_.rows(), subscriber.topic);
    const std::uint64_t bytes = topic ? topic->attributes.message_bytes_max : 0;
    return bytes <= model::message_bytes_usual_most ? 0 : bytes;
}

// Until they are read each counts as the largest that there may be.
void Handout::hold_large(Subscriber& subscriber,
                         const std::vector<core::ReadyItem>& items,
                         std::uint64_t body_bytes) {
    for (const core::ReadyItem& item : items) {
        subscriber.held.at(item.sequence).large_bytes = body_bytes;
        subscriber.large_bytes += body_bytes;
        large_bytes_ += body_bytes;
    }
}

void Handout::weighed(model::SubscriptionNo subscription, const Weights& weights) {
    const auto found = subscribers_.find(subscription);
    if (found == subscribers_.end()) return;
    Subscriber& subscriber = found->second;
    for (const auto& [sequence, bytes] : weights) {
        const auto held = subscriber.held.find(sequence);
        if (held == subscriber.held.end() || held->second.large_bytes == 0) continue;
        const std::uint64_t most = std::exchange(held->second.large_bytes, bytes);
        for (std::uint64_t* sum : {&subscriber.large_bytes, &large_bytes_}) {
            *sum += bytes;
            *sum -= most;
        }
    }
    look_.insert(subscription);
}

void Handout::forget_held(Subscriber& subscriber) {
    large_bytes_ -= std::exchange(subscriber.large_bytes, 0);
    subscriber.held.clear();
    subscriber.held_retries = 0;
    subscriber.parking.clear();
}

// Messages whose key waits for an earlier one are not handed out: the core notes that they wait.
bool Handout::park_behind_keys(model::SubscriptionNo subscription,
                               Subscriber& subscriber,
                               std::vector<core::ReadyItem>& items) {
    api::Dispatch::Settlement settlement;
    settlement.subscription = subscription;
    std::erase_if(items, [&](const core::ReadyItem& item) {
        // Until what is being set aside stands in the rows they do not tell that it comes first.
        if (!item.behind_key && !subscriber.parking.contains(item.key)) return false;
        subscriber.held.at(item.sequence).parked_key = item.key;
        ++subscriber.parking[item.key];
        model::SettleItem parked;
        parked.sequence = item.sequence;
        parked.generation = item.generation;
        parked.verdict = model::Verdict::not_attempted;
        parked.failure = model::Failure::key_waits;
        settlement.items.push_back(std::move(parked));
        return true;
    });
    if (settlement.items.empty()) return false;
    settling_.add(std::move(settlement), {});
    return true;
}

void Handout::deliver(model::SubscriptionNo subscription,
                      std::vector<core::ReadyItem> items,
                      bool weighed) {
    std::vector<model::MessageId> messages;
    for (const core::ReadyItem& item : items) messages.push_back(item.body);
    auto fetched = [subscription,
                    weighed,
                    set = data_.set(),
                    items = std::move(items),
                    listener = listener_,
                    mailbox = mailbox_](std::vector<FetchedBody> bodies) {
        std::vector<api::Delivery> deliveries;
        Weights weights;
        for (std::size_t at = 0; at < items.size(); ++at) {
            const core::ReadyItem& item = items[at];
            auto message = message_of(bodies[at]);
            if (is_closed(bodies[at])) {
                mailbox->post([subscription, item, why = bodies[at].error().detail](Node& node) {
                    node.defer_delivery(subscription, item.sequence, item.generation, why);
                });
                continue;
            }
            if (!message) {
                mailbox->post([subscription, item](Node& node) {
                    node.quarantine_delivery(subscription, item.sequence, item.message);
                });
                continue;
            }
            if (weighed) weights.emplace_back(item.sequence, message->payload.size());
            deliveries.push_back(api::Delivery{subscription,
                                               item.sequence,
                                               item.generation,
                                               item.attempt,
                                               item.message,
                                               bodies[at]->time_ms,
                                               std::move(message->meta),
                                               std::move(message->payload),
                                               item.replay});
        }
        if (!deliveries.empty()) listener->on_deliveries(std::move(deliveries));
        if (weights.empty()) return;
        mailbox->post([set, subscription, weights = std::move(weights)](Node& node) {
            DataDesk* desk = node.desk(set);
            if (desk != nullptr) desk->handout().weighed(subscription, weights);
        });
    };
    bodies_.fetch_for_hand_out(messages, std::move(fetched));
}

std::size_t Handout::held(model::SubscriptionNo subscription) const {
    const auto found = subscribers_.find(subscription);
    return found == subscribers_.end() ? 0 : found->second.held.size();
}

}  // namespace penstock::node

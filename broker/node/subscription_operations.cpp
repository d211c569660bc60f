// Operations on subscriptions as objects.
#include "broker/api/names.h"
#include "broker/base/log.h"
#include "broker/node/object_digest.h"
#include "broker/node/operations.h"
#include "broker/node/push_rules.h"

#include <algorithm>
#include <utility>

namespace penstock::node {

namespace {

constexpr std::uint32_t page_limit_max = 1'000;
constexpr std::size_t filters_max = 10'000;
constexpr std::uint32_t dead_letter_retention_s = 1'296'000;

void apply(const api::SetSubscription& change, model::SubscriptionSpec& spec) {
    const auto set = [](const auto& from, auto& to) {
        if (from) to = *from;
    };
    set(change.retry, spec.retry);
    set(change.format, spec.format);
    set(change.filter_tags, spec.filter_tags);
    set(change.binding_keys, spec.binding_keys);
    set(change.endpoint, spec.endpoint);
    set(change.concurrency, spec.concurrency);
    set(change.timeout_ms, spec.timeout_ms);
    set(change.state, spec.state);
    set(change.headers, spec.push.headers);
    set(change.authorization, spec.push.authorization);
    set(change.tls.ca, spec.push.tls.ca);
    set(change.tls.client, spec.push.tls.client);
    if (change.state) spec.state_reason.clear();
    model::apply(change.pace, spec.pace);
}

// A queue that takes nothing takes nothing of any key: there all messages keep their order.
void keep_order_of_queue(model::SubscriptionSpec& spec) {
    if (spec.sink == model::SinkKind::queue && spec.pace.order_by_key) {
        spec.retry.keeps_order = true;
    }
}

// Only what is asked for is judged: one of before may have been given another format.
Refused check_format(const std::optional<model::ContentFormat>& asked, model::SinkKind sink) {
    const bool fits =
        sink != model::SinkKind::queue ||
        asked.value_or(model::ContentFormat::simplified) == model::ContentFormat::simplified;
    if (fits) return {};
    return model::Refusal{
        model::Reason::invalid_parameter, "format", "a queue takes the bare message: simplified"};
}

}  // namespace

Outcome<api::SubscriptionView> Operations::view_subscription(
    model::SubscriptionNo subscription) const {
    auto info = core::subscription_info(desk_.data.rows(), subscription);
    if (!info) {
        return model::Refusal{model::Reason::subscription_not_found, {}, "it was deleted"};
    }
    api::SubscriptionView view;
    view.number = subscription.value;
    view.topic = std::move(info->topic_name);
    view.name = std::move(info->name);
    view.dead_letter_queue = desk_.names.name_of(info->spec.dead_letter.number);
    view.digest = object_digest(subscription, info->spec);
    view.spec = std::move(info->spec);
    view.created_ms = info->created_ms;
    view.modified_ms = info->modified_ms;
    view.backlog = info->backlog;
    view.waiting = info->waiting;
    view.dropped = info->dropped;
    view.discarded = info->discarded;
    view.health = desk_.handout.health(subscription);
    // A pause that is over is not reported as such while nothing waits.
    const bool over = view.health.until_ms <= desk_.clock.wall_ms();
    if (over && view.health.hold == model::Hold::retry_after) {
        view.health.hold = model::Hold::none;
        view.health.until_ms = 0;
        view.health.reason.clear();
    }
    return view;
}

Refused Operations::resolve_queues(const api::Subscribe& request, model::SubscriptionSpec& spec) {
    if (spec.sink == model::SinkKind::queue) {
        auto queue = desk_.names.queue(spec.endpoint);
        if (!queue) return std::move(queue.error());
        spec.queue = place_of(*queue);
        spec.endpoint = queue->name;
    }
    if (request.dead_letter == api::DeadLetterChoice::named) {
        auto queue = desk_.names.queue(request.dead_letter_queue);
        if (!queue) {
            return model::Refusal{model::Reason::dead_letter_not_found,
                                  request.dead_letter_queue,
                                  "there is no such queue"};
        }
        spec.dead_letter = place_of(*queue);
    }
    return {};
}

void Operations::run(const CallPtr& call, api::Subscribe request) {
    if (auto refused = check_space()) return refuse(call, std::move(*refused));
    if (auto refused = check_name("name", request.name)) return refuse(call, std::move(*refused));
    auto topic = desk_.names.topic(request.topic);
    if (!topic) return refuse(call, topic.error());
    const auto info = core::topic_info(desk_.data.rows(), topic->number);
    if (!info) return refuse(call, {model::Reason::topic_not_found, request.topic, "deleted"});
    model::SubscriptionSpec spec = request.spec;
    spec.queue = {};
    spec.scripts = {};
    spec.state_reason.clear();
    spec.dead_letter = {};
    keep_order_of_queue(spec);
    if (auto refused = check_subscription(spec, info->attributes.filter)) {
        return refuse(call, std::move(*refused));
    }
    if (auto refused = resolve_queues(request, spec)) return refuse(call, std::move(*refused));
    if (auto refused = check_functions(*call, request, spec)) {
        return refuse(call, std::move(*refused));
    }
    const bool automatic = request.dead_letter == api::DeadLetterChoice::automatic;
    const std::string dead_letter =
        automatic ? api::automatic_dead_letter_name(topic->name, request.name) : std::string();
    auto number = std::make_shared<model::SubscriptionNo>();
    Lifecycle::Creation creation;
    creation.call = call;
    // The queue first: the subscription names it.
    if (automatic) creation.names.push_back({model::ObjectKind::dead_letter_queue, dead_letter});
    creation.names.push_back({model::ObjectKind::subscription, topic->name + "/" + request.name});
    creation.commands = [number,
                         spec,
                         dead_letter,
                         most = desk_.options.message_bytes_max,
                         topic = topic->number,
                         name = request.name,
                         scripts = std::move(request.scripts)](
                            const std::vector<model::ObjectNo>& numbers) {
        std::vector<model::Command> commands;
        model::SubscriptionSpec complete = spec;
        if (!dead_letter.empty()) {
            model::QueueAttributes attributes;
            attributes.retention_s = dead_letter_retention_s;
            attributes.message_bytes_max = most;
            complete.dead_letter = numbers.front();
            commands.emplace_back(model::CreateQueue{
                numbers.front(), dead_letter, model::QueueKind::automatic_dead_letter, attributes});
        }
        *number = numbers.back();
        commands.emplace_back(model::Subscribe{*number, topic, name, complete, scripts});
        return commands;
    };
    creation.bindings =
        [this, dead_letter = spec.dead_letter](const std::vector<model::ObjectNo>& numbers) {
            return binding(dead_letter, numbers.back(), false);
        };
    creation.created = [this, call, number] {
        answer(call, view_subscription(*number));
    };
    desk_.lifecycle.create(std::move(creation));
}

void Operations::run(const CallPtr& call, const api::ListSubscriptions& request) {
    if (request.page.limit > page_limit_max) {
        return refuse(call, out_of_range("limit", 0, page_limit_max));
    }
    auto topic = desk_.names.topic(request.topic);
    if (!topic) return refuse(call, topic.error());
    std::vector<api::SubscriptionView> found;
    for (const model::SubscriptionNo number :
         core::subscriptions_of(desk_.data.rows(), topic->number)) {
        auto view = view_subscription(number);
        if (!view || !desk_.names.subscription(topic->name, view->name)) continue;
        if (view->name.find(request.search) == std::string::npos) continue;
        found.push_back(std::move(*view));
    }
    std::sort(found.begin(), found.end(), [](const auto& left, const auto& right) {
        return left.name < right.name;
    });
    api::SubscriptionPage page;
    page.total = found.size();
    for (std::size_t at = request.page.offset;
         at < found.size() && page.items.size() < request.page.limit;
         ++at) {
        page.items.push_back(std::move(found[at]));
    }
    answer<api::SubscriptionPage>(call, std::move(page));
}

void Operations::run(const CallPtr& call, const api::GetSubscription& request) {
    auto subscription = desk_.names.subscription(request.topic, request.name);
    if (!subscription) return refuse(call, subscription.error());
    answer(call, view_subscription(subscription->number));
}

void Operations::run(const CallPtr& call,
                     const api::SetSubscription& request,
                     const Changes::Turn& turn) {
    auto subscription = desk_.names.subscription(request.topic, request.name);
    if (!subscription) return refuse(call, subscription.error());
    const model::SubscriptionNo number = subscription->number;
    auto info = core::subscription_info(desk_.data.rows(), number);
    if (!info)
        return refuse(call, {model::Reason::subscription_not_found, request.name, "deleted"});
    model::SubscriptionSpec spec = std::move(info->spec);
    if (request.pace.order_by_key.value_or(spec.pace.order_by_key) != spec.pace.order_by_key) {
        return refuse(call,
                      {model::Reason::invalid_parameter,
                       "order_by_key",
                       "it is chosen when the subscription is made"});
    }
    if (auto refused = check_format(request.format, spec.sink)) {
        return refuse(call, std::move(*refused));
    }
    apply(request, spec);
    keep_order_of_queue(spec);
    const auto topic = core::topic_info(desk_.data.rows(), info->topic);
    const auto filter = topic ? topic->attributes.filter : model::FilterKind::tags;
    if (request.signing) {
        auto refused = change_signing(*request.signing, desk_.clock.wall_ms(), spec.push);
        if (refused) return refuse(call, std::move(*refused));
    }
    if (auto refused = check_subscription(spec, filter)) return refuse(call, std::move(*refused));
    if (request.endpoint && spec.sink == model::SinkKind::queue) {
        auto queue = desk_.names.queue(spec.endpoint);
        if (!queue) return refuse(call, queue.error());
        spec.queue = place_of(*queue);
        spec.endpoint = queue->name;
    }
    submit(call, model::SetSubscription{number, std::move(spec)}, [this, call, turn, number] {
        answer(call, view_subscription(number));
    });
}

std::optional<core::NameInfo> Operations::made_again(const core::FedQueue& fed) const {
    if (!core::was_released(desk_.names.rows(), fed.queue.number)) return {};
    auto queue = desk_.names.queue(fed.name);
    if (!queue) return {};
    return std::move(*queue);
}

void Operations::feed_again(model::SubscriptionNo subscription) {
    auto begun = [this, subscription](const Changes::Turn& turn) {
        if (!desk_.data.leading()) return;
        auto info = core::subscription_info(desk_.data.rows(), subscription);
        if (!info || info->spec.sink != model::SinkKind::queue) return;
        const auto queue = made_again({subscription, info->spec.queue, info->spec.endpoint});
        if (!queue) return;
        log_line(LogLevel::info,
                 "node",
                 "event=fed_again subscription=" + desk_.names.name_of(subscription) +
                     " queue=" + queue->name);
        info->spec.queue = place_of(*queue);
        model::SetSubscription change{subscription, std::move(info->spec)};
        desk_.data.submit(Submission{std::move(change), {}, nullptr, [turn](const model::Reply&) {
                                     }});
    };
    // Too many change it: the next sweep finds it again.
    (void)desk_.changes.enter(subscription, nullptr, std::move(begun));
}

void Operations::sweep_fed_queues() {
    const core::FedQueuesPage page = core::fed_queues(desk_.data.rows(), fed_from_);
    fed_from_ = page.last;
    for (const core::FedQueue& fed : page.items) {
        if (made_again(fed)) feed_again(fed.subscription);
    }
}

void Operations::remove_dead_letter_queue(const std::string& topic, const std::string& name) {
    auto queue = desk_.names.queue(api::automatic_dead_letter_name(topic, name));
    Letters letters;
    if (!queue || !is_spent(queue->number, letters)) return;
    desk_.lifecycle.remove({nullptr, queue->number, queue->kind, {}});
}

void Operations::run(const CallPtr& call,
                     const api::Unsubscribe& request,
                     const Changes::Turn& turn) {
    auto subscription = desk_.names.subscription(request.topic, request.name);
    if (!subscription) return refuse(call, subscription.error());
    const auto info = core::subscription_info(desk_.data.rows(), subscription->number);
    const auto bound = info ? binding(info->spec.dead_letter, subscription->number, false)
                            : std::vector<Lifecycle::Binding>();
    Lifecycle::Removal removal{call, subscription->number, subscription->kind, {}};
    removal.removed = [this, call, turn, bound, request] {
        unbind(bound);
        remove_dead_letter_queue(request.topic, request.name);
        answer<api::Nothing>(call, api::Nothing{});
    };
    if (!desk_.lifecycle.remove(std::move(removal))) {
        refuse(call, {model::Reason::subscription_not_found, request.name, "it is being deleted"});
    }
}

Refused Operations::check_publish(model::TopicNo topic,
                                  const std::vector<model::BodyInfo>& messages) {
    auto filter = filters_.find(topic);
    if (filter == filters_.end()) {
        const auto info = core::topic_info(desk_.data.rows(), topic);
        if (!info) return model::Refusal{model::Reason::topic_not_found, {}, "it was deleted"};
        if (filters_.size() >= filters_max) filters_.clear();
        filter = filters_.emplace(topic, info->attributes.filter).first;
    }
    if (filter->second == model::FilterKind::tags) return {};
    for (const model::BodyInfo& message : messages) {
        if (!message.meta.routing_key.empty()) continue;
        return model::Refusal{model::Reason::filter_kind_mismatch,
                              "routingKey",
                              "the topic matches by routing key: give one"};
    }
    return {};
}

}  // namespace penstock::node

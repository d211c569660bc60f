#include "broker/node/object_figures.h"

#include "broker/core/letter_query.h"

#include <algorithm>
#include <utility>

namespace penstock::node {

namespace {

double number(std::uint64_t value) {
    return static_cast<double>(value);
}

// 0: there is none.
double age_s(model::TimeMs oldest_ms, model::TimeMs now_ms) {
    if (oldest_ms == 0) return 0;
    return static_cast<double>(std::max<model::TimeMs>(now_ms - oldest_ms, 0)) / 1e3;
}

}  // namespace

void ObjectFigures::look(const NamesOf& names_of, const DeskOf& desk_of, model::TimeMs now_ms) {
    queues_.clear();
    subscriptions_.clear();
    sum_ = {};
    look_at_queues(names_of(model::ObjectKind::queue), false, desk_of, now_ms);
    look_at_queues(names_of(model::ObjectKind::dead_letter_queue), true, desk_of, now_ms);
    look_at_subscriptions(names_of(model::ObjectKind::subscription), desk_of, now_ms);
}

// A node with more queues than are told to it does not add them up.
void ObjectFigures::look_at_queues(const core::NamePage& names,
                                   bool dead_letters,
                                   const DeskOf& desk_of,
                                   model::TimeMs now_ms) {
    const bool users = !dead_letters;
    if (users) summed_ = names.total <= FirstNames::names_max;
    std::size_t told = 0;
    for (const core::NameInfo& name : names.items) {
        if (told == model::labelled_objects_max && !(users && summed_)) return;
        DataDesk* desk = desk_of(name.set);
        if (desk == nullptr) continue;
        const auto info = core::queue_info(desk->set().rows(), name.number);
        if (!info) continue;
        if (users) {
            sum_.active += info->counts.active;
            sum_.inactive += info->counts.inactive;
            sum_.delayed += info->counts.delayed;
        }
        if (told == model::labelled_objects_max) continue;
        ++told;
        queues_.push_back({name.name,
                           info->counts,
                           age_s(info->counts.oldest_ms, now_ms),
                           info->attributes.transaction.has_value()});
    }
}

void ObjectFigures::look_at_subscriptions(const core::NamePage& names,
                                          const DeskOf& desk_of,
                                          model::TimeMs now_ms) {
    for (const core::NameInfo& name : names.items) {
        if (subscriptions_.size() == model::labelled_objects_max) return;
        DataDesk* desk = desk_of(name.set);
        if (desk == nullptr) continue;
        const model::Rows& rows = desk->set().rows();
        const auto info = core::subscription_info(rows, name.number);
        if (!info) continue;
        Subscription told{name.name, info->backlog, info->waiting, 0, true};
        told.active = info->spec.state == model::SubscriptionState::active;
        if (info->backlog > 0) {
            told.oldest_s = age_s(core::oldest_open_ms(rows, name.number), now_ms);
        }
        subscriptions_.push_back(std::move(told));
    }
}

void ObjectFigures::measure_sums(model::Metrics& metrics) const {
    if (!summed_) return;
    const auto depth = [&](const char* state, std::uint64_t messages) {
        metrics.gauge("penstock_queue_messages",
                      "Messages in the queues that this node serves; absent above 500 queues.",
                      number(messages),
                      {{"state", state}});
    };
    depth("visible", sum_.active);
    depth("leased", sum_.inactive);
    depth("delayed", sum_.delayed);
}

void ObjectFigures::measure(model::Metrics& metrics) const {
    measure_sums(metrics);
    for (const Queue& queue : queues_) {
        const auto depth = [&](const char* state, std::uint64_t messages) {
            metrics.gauge("penstock_queue_depth",
                          "Messages of a queue, also of a dead-letter queue, by their state.",
                          number(messages),
                          {{"queue", queue.name}, {"state", state}});
        };
        depth("visible", queue.counts.active);
        depth("leased", queue.counts.inactive);
        depth("delayed", queue.counts.delayed);
        metrics.gauge("penstock_queue_oldest_age_seconds",
                      "Age of a queue's oldest message that is not consumed; 0: there is none.",
                      queue.oldest_s,
                      {{"queue", queue.name}});
        if (!queue.transactional) continue;
        depth("prepared", queue.counts.prepared);
        const auto ended = [&](const char* outcome, std::uint64_t messages) {
            metrics.counter("penstock_queue_transactions",
                            "Transactional messages of a queue, by how they ended.",
                            messages,
                            {{"queue", queue.name}, {"outcome", outcome}});
        };
        ended("committed", queue.counts.committed);
        ended("rolled_back", queue.counts.rolled_back);
        ended("unconfirmed", queue.counts.unconfirmed);
    }
    for (const Subscription& one : subscriptions_) {
        const auto depth = [&](const char* state, std::uint64_t messages) {
            metrics.gauge("penstock_subscription_depth",
                          "Messages a subscription is not done with; waiting: failed before.",
                          number(messages),
                          {{"subscription", one.name}, {"state", state}});
        };
        depth("fresh", one.backlog - std::min(one.waiting, one.backlog));
        depth("waiting", one.waiting);
        metrics.gauge("penstock_subscription_active",
                      "1 while a subscription is neither paused nor disabled.",
                      one.active ? 1 : 0,
                      {{"subscription", one.name}});
        metrics.gauge("penstock_subscription_oldest_age_seconds",
                      "Age of the oldest message a subscription is not done with; 0: none.",
                      one.oldest_s,
                      {{"subscription", one.name}});
    }
}

}  // namespace penstock::node

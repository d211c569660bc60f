// Operations on topics as objects.
#include "broker/node/level_check.h"
#include "broker/node/object_digest.h"
#include "broker/node/operations.h"

#include <utility>

namespace penstock::node {

namespace {

constexpr std::uint32_t page_limit_max = 1'000;

}  // namespace

Outcome<api::TopicView> Operations::view_topic(model::TopicNo topic) const {
    auto info = core::topic_info(desk_.data.rows(), topic);
    if (!info) return model::Refusal{model::Reason::topic_not_found, {}, "it was deleted"};
    api::TopicView view;
    view.number = topic.value;
    view.name = std::move(info->name);
    view.attributes = info->attributes;
    view.digest = object_digest(topic, info->attributes);
    view.created_ms = info->created_ms;
    view.modified_ms = info->modified_ms;
    view.messages = info->messages;
    view.subscriptions = info->subscriptions;
    return view;
}

void Operations::run(const CallPtr& call, const api::CreateTopic& request) {
    if (auto refused = check_space()) return refuse(call, std::move(*refused));
    if (auto refused = check_stored_name("name", request.name)) {
        return refuse(call, std::move(*refused));
    }
    const std::uint32_t ceiling = desk_.options.message_bytes_max;
    if (auto refused = check_topic(request.attributes, ceiling)) {
        return refuse(call, std::move(*refused));
    }
    if (auto refused = check_rate_level(desk_.data, request.attributes.messages_per_s)) {
        return refuse(call, std::move(*refused));
    }
    auto number = std::make_shared<model::TopicNo>();
    Lifecycle::Creation creation;
    creation.call = call;
    creation.names = {{model::ObjectKind::topic, request.name}};
    creation.commands = [number, request](const std::vector<model::ObjectNo>& numbers) {
        *number = numbers.front();
        return std::vector<model::Command>{
            model::CreateTopic{*number, request.name, request.attributes}};
    };
    creation.created = [this, call, number, name = request.name] {
        desk_.rates.look({*number, model::ObjectKind::topic, desk_.data.set(), name});
        answer(call, view_topic(*number));
    };
    desk_.lifecycle.create(std::move(creation));
}

void Operations::run(const CallPtr& call, const api::ListTopics& request) {
    if (request.page.limit > page_limit_max) {
        return refuse(call, out_of_range("limit", 0, page_limit_max));
    }
    const auto found = core::list_names(desk_.names.rows(),
                                        model::ObjectKind::topic,
                                        request.search,
                                        request.page.offset,
                                        request.page.limit,
                                        request.account);
    api::NamePage result;
    result.total = found.total;
    for (const core::NameInfo& info : found.items) {
        result.items.push_back({info.number.value, info.name});
    }
    answer<api::NamePage>(call, std::move(result));
}

void Operations::run(const CallPtr& call, const api::GetTopic& request) {
    auto topic = desk_.names.topic(request.name);
    if (!topic) return refuse(call, topic.error());
    answer(call, view_topic(topic->number));
}

void Operations::run(const CallPtr& call, const api::SetTopic& request, const Changes::Turn& turn) {
    auto topic = desk_.names.topic(request.name);
    if (!topic) return refuse(call, topic.error());
    auto info = core::topic_info(desk_.data.rows(), topic->number);
    if (!info) return refuse(call, {model::Reason::topic_not_found, request.name, "deleted"});
    model::TopicAttributes attributes = info->attributes;
    // What it has it may keep: the ceiling may have been higher once.
    const std::uint32_t kept = request.message_bytes_max ? 0 : attributes.message_bytes_max;
    const std::uint32_t ceiling = std::max(desk_.options.message_bytes_max, kept);
    if (request.message_bytes_max) attributes.message_bytes_max = *request.message_bytes_max;
    if (request.retention_s) attributes.retention_s = *request.retention_s;
    if (request.messages_per_s) attributes.messages_per_s = *request.messages_per_s;
    if (auto refused = check_topic(attributes, ceiling)) return refuse(call, std::move(*refused));
    if (auto refused = check_rate_level(desk_.data, request.messages_per_s.value_or(0))) {
        return refuse(call, std::move(*refused));
    }
    submit(call, model::SetTopic{topic->number, attributes}, [this, call, turn, object = *topic] {
        desk_.rates.look(object);
        answer(call, view_topic(object.number));
    });
}

void Operations::run(const CallPtr& call,
                     const api::DeleteTopic& request,
                     const Changes::Turn& turn) {
    auto topic = desk_.names.topic(request.name);
    if (!topic) return refuse(call, topic.error());
    if (!core::subscriptions_of(desk_.data.rows(), topic->number).empty()) {
        return refuse(call,
                      {model::Reason::topic_has_subscriptions,
                       request.name,
                       "unsubscribe all of them first"});
    }
    Lifecycle::Removal removal{call, topic->number, topic->kind, {}};
    removal.removed = [this, call, turn] {
        answer<api::Nothing>(call, api::Nothing{});
    };
    if (!desk_.lifecycle.remove(std::move(removal))) {
        refuse(call, {model::Reason::topic_not_found, request.name, "it is being deleted"});
    }
}

}  // namespace penstock::node

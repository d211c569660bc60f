#include "broker/node/names.h"

#include "broker/api/names.h"

#include <utility>

namespace penstock::node {

namespace {

constexpr std::size_t found_max = 10'000;

}  // namespace

std::optional<SubscriptionName> split_subscription(std::string_view full) {
    const std::size_t slash = full.find('/');
    if (slash == std::string_view::npos || full.find('/', slash + 1) != std::string_view::npos) {
        return {};
    }
    return SubscriptionName{std::string(full.substr(0, slash)),
                            std::string(full.substr(slash + 1))};
}

Outcome<core::NameInfo> Names::find(model::ObjectKind kind,
                                    std::string_view name,
                                    model::Reason missing) {
    if (found_at_ != set_.applied()) found_.clear();
    found_at_ = set_.applied();
    std::pair<model::ObjectKind, std::string> key(kind, name);
    if (const auto found = found_.find(key); found != found_.end()) return found->second;
    auto info = core::find_name(rows(), kind, name);
    if (!info) {
        std::string subject(name);
        return model::Refusal{missing, std::move(subject), "there is no such name"};
    }
    if (found_.size() >= found_max) found_.clear();
    found_.emplace(std::move(key), *info);
    return std::move(*info);
}

Outcome<core::NameInfo> Names::queue(std::string_view name) {
    auto own = find(model::ObjectKind::queue, name, model::Reason::queue_not_found);
    if (own) return own;
    return find(model::ObjectKind::dead_letter_queue, name, model::Reason::queue_not_found);
}

Outcome<core::NameInfo> Names::dead_letter_queue(std::string_view name) {
    const auto parts = split_subscription(name);
    if (!parts) return queue(name);
    return queue(api::automatic_dead_letter_name(parts->topic, parts->name));
}

Outcome<core::NameInfo> Names::topic(std::string_view name) {
    return find(model::ObjectKind::topic, name, model::Reason::topic_not_found);
}

Outcome<core::NameInfo> Names::subscription(std::string_view topic, std::string_view name) {
    std::string full(topic);
    full.append("/").append(name);
    return find(model::ObjectKind::subscription, full, model::Reason::subscription_not_found);
}

std::string Names::name_of(model::ObjectNo number) const {
    if (number.value == 0) return {};
    const auto info = core::find_number(rows(), number);
    return info ? info->name : std::string();
}

}  // namespace penstock::node

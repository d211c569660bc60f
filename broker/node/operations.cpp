#include "broker/node/operations.h"

#include "broker/base/check.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

namespace penstock::node {

template <class Change>
Outcome<core::NameInfo> Operations::object_of(const Change& change) {
    if constexpr (requires { change.topic; }) {
        return desk_.names.subscription(change.topic, change.name);
    } else if constexpr (std::is_same_v<Change, api::SetTopic> ||
                         std::is_same_v<Change, api::DeleteTopic>) {
        return desk_.names.topic(change.name);
    } else {
        return desk_.names.queue(change.name);
    }
}

template <class Change>
void Operations::in_turn(const CallPtr& call, Change change) {
    auto object = object_of(change);
    if (!object) return refuse(call, object.error());
    auto begun = [this, call, number = object->number, change = std::move(change)](
                     const Changes::Turn& turn) {
        // Rows of a set that another node leads, or that is being replaced, prove nothing.
        if (!desk_.data.leading()) {
            return refuse(call, {model::Reason::unavailable, {}, "the set's leader has changed"});
        }
        auto now = object_of(change);
        if (!now) return refuse(call, now.error());
        // Deleted and made again meanwhile: that one has a line of its own.
        if (now->number != number) return in_turn(call, change);
        if (auto refused = check_expected(*now, change.expected)) {
            return refuse(call, std::move(*refused));
        }
        run(call, change, turn);
    };
    if (!desk_.changes.enter(object->number, call, std::move(begun))) {
        refuse(call, {model::Reason::overloaded, object->name, "too many changes of it wait"});
    }
}

Refused Operations::check_expected(const core::NameInfo& object,
                                   const api::Expected& expected) const {
    if (!expected) return {};
    const auto compare = [&](const auto& view) -> Refused {
        if (!view) return view.error();
        const bool known =
            std::find(expected->begin(), expected->end(), view->digest) != expected->end();
        if (known) return {};
        return model::Refusal{
            model::Reason::precondition_failed, object.name, "it was changed meanwhile"};
    };
    switch (object.kind) {
        case model::ObjectKind::topic:
            return compare(view_topic(object.number));
        case model::ObjectKind::subscription:
            return compare(view_subscription(object.number));
        case model::ObjectKind::queue:
        case model::ObjectKind::dead_letter_queue:
            break;
    }
    return compare(view_queue(object.number));
}

void Operations::start(const CallPtr& call, api::Request request, PreparedBodies bodies) {
    std::visit(
        [&](auto& typed) {
            using Type = std::decay_t<decltype(typed)>;
            if constexpr (std::is_same_v<Type, api::GetStatus> ||
                          std::is_same_v<Type, api::GetCluster> ||
                          std::is_same_v<Type, api::InitCluster> ||
                          std::is_same_v<Type, api::ChangeCluster> ||
                          std::is_same_v<Type, api::ListBackupSets> ||
                          std::is_same_v<Type, api::ChangeBackup> ||
                          std::is_same_v<Type, api::GetBackup> ||
                          std::is_same_v<Type, api::ReadBackup>) {
                check(false, "the node answers what is asked of itself");
            } else if constexpr (std::is_same_v<Type, api::SendMessages> ||
                                 std::is_same_v<Type, api::EditDeadLetter> ||
                                 std::is_same_v<Type, api::PublishMessages>) {
                run(call, std::move(typed), std::move(bodies));
            } else if constexpr (requires { typed.expected; }) {
                in_turn(call, std::move(typed));
            } else {
                run(call, std::move(typed));
            }
        },
        request);
}

Refused Operations::check_space() const {
    if (desk_.background.space() == storage::SpaceLevel::normal) return {};
    return model::Refusal{model::Reason::disk_full,
                          {},
                          "the disk is filled up to its reserve; receives, deletes and settles go "
                          "on and free space"};
}

void Operations::submit(const CallPtr& call, model::Command command, std::function<void()> done) {
    const auto replied = [this, call, done = std::move(done)](model::Reply reply) {
        if (auto* refusal = std::get_if<model::Refusal>(&reply)) {
            refuse(call, std::move(*refusal));
            return;
        }
        done();
    };
    desk_.data.submit(Submission{std::move(command), {}, call, replied});
}

std::vector<Lifecycle::Binding> Operations::binding(const model::Place& dead_letter,
                                                    model::ObjectNo source,
                                                    bool from_queue) const {
    const bool ours = dead_letter.set == model::SetId{} || dead_letter.set == desk_.data.set();
    if (dead_letter.number.value == 0 || ours) return {};
    return {{dead_letter.set, {dead_letter.number, {desk_.data.set(), source}, from_queue, true}}};
}

void Operations::unbind(const std::vector<Lifecycle::Binding>& bindings) {
    for (Lifecycle::Binding binding : bindings) {
        binding.command.bound = false;
        desk_.submit_to(binding.set, Submission{binding.command, {}, nullptr, {}});
    }
}

void Operations::rebind(const CallPtr& call,
                        std::vector<Lifecycle::Binding> before,
                        std::vector<Lifecycle::Binding> after,
                        std::function<void()> then) {
    const auto same = [](const auto& left, const auto& right) {
        return left.set == right.set && left.command == right.command;
    };
    if (std::equal(before.begin(), before.end(), after.begin(), after.end(), same)) return then();
    if (after.empty()) {
        unbind(before);
        return then();
    }
    const auto bound =
        [this, call, before = std::move(before), then = std::move(then)](model::Reply reply) {
            if (auto* refusal = std::get_if<model::Refusal>(&reply)) {
                return refuse(call, std::move(*refusal));
            }
            unbind(before);
            then();
        };
    desk_.submit_to(after.front().set, Submission{after.front().command, {}, nullptr, bound});
}

}  // namespace penstock::node

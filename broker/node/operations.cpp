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
                        model::Command change,
                        std::function<void()> done) {
    const auto same = [](const auto& left, const auto& right) {
        return left.set == right.set && left.command == right.command;
    };
    if (std::equal(before.begin(), before.end(), after.begin(), after.end(), same)) {
        return submit(call, std::move(change), std::move(done));
    }
    const auto changed = [this, call, before = std::move(before), after, done = std::move(done)](
                             model::Reply reply) {
        auto* refusal = std::get_if<model::Refusal>(&reply);
        if (refusal == nullptr) {
            unbind(before);
            return done();
        }
        // Where nobody knows whether it was changed neither goes while it may be needed.
        if (refusal->reason != model::Reason::unknown_outcome) unbind(after);
        refuse(call, std::move(*refusal));
    };
    const auto bound =
        [this, call, after, change = std::move(change), changed](model::Reply reply) {
            auto* refusal = std::get_if<model::Refusal>(&reply);
            if (refusal == nullptr) {
                return desk_.data.submit(Submission{change, {}, call, changed});
            }
            if (refusal->reason == model::Reason::unknown_outcome) unbind(after);
            refuse(call, std::move(*refusal));
        };
    if (after.empty()) return bound(model::Done{});
    desk_.submit_to(after.front().set, Submission{after.front().command, {}, nullptr, bound});
}

// An unbinding that its set never got, as that had no leader or the one who asked for it was gone,
// is made up for.
void Operations::sweep_bindings() {
    constexpr std::size_t bindings_per_sweep = 1'000;
    const auto bindings =
        core::dead_letter_bindings(desk_.data.rows(), bindings_from_, bindings_per_sweep);
    for (const core::DeadLetterBinding& one : bindings) {
        if (!core::was_released(desk_.names.rows(), one.source)) continue;
        const model::BindDeadLetter gone{one.queue, one.source, false, false};
        desk_.data.submit(Submission{gone, {}, nullptr, {}});
    }
    const bool all = bindings.size() < bindings_per_sweep;
    bindings_from_ = all ? core::DeadLetterBinding{} : bindings.back();
}

}  // namespace penstock::node

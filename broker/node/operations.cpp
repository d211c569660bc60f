#include "broker/node/operations.h"

#include "broker/base/check.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

namespace penstock::node {

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

#include "broker/node/operations.h"

#include "broker/base/check.h"

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
                          std::is_same_v<Type, api::InitCluster>) {
                check(false, "the node answers what is asked of itself");
            } else if constexpr (std::is_same_v<Type, api::SendMessages> ||
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

}  // namespace penstock::node

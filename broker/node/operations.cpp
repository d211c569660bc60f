#include "broker/node/operations.h"

#include <type_traits>
#include <utility>
#include <variant>

namespace penstock::node {

void Operations::start(const CallPtr& call, api::Request request, PreparedBodies bodies) {
    std::visit(
        [&](auto& typed) {
            using Type = std::decay_t<decltype(typed)>;
            if constexpr (std::is_same_v<Type, api::SendMessages> ||
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

void Operations::run(const CallPtr& call, const api::GetStatus& /*request*/) {
    answer<api::ServerStatus>(call, desk_.status());
}

}  // namespace penstock::node

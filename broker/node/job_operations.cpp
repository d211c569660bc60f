// Operations on jobs: starting a replay, showing and steering redrives and replays.
#include "broker/core/jobs.h"
#include "broker/core/peek_query.h"
#include "broker/node/operations.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace penstock::node {

namespace {

// Messages between the filter's times that the topic still has.
std::uint64_t retained_between(const model::Rows& rows,
                               model::TopicNo topic,
                               const model::MessageFilter& filter) {
    constexpr model::TimeMs end_of_time = model::TimeMs{1} << 60;
    const auto first = core::position_at(rows, topic, filter.from_ms);
    const auto end =
        core::position_at(rows, topic, filter.before_ms > 0 ? filter.before_ms : end_of_time);
    return end > first ? end - first : 0;
}

}  // namespace

void Operations::start_job(const CallPtr& call, model::Command command) {
    const auto done = [this, call](model::Reply reply) {
        if (auto* refusal = std::get_if<model::Refusal>(&reply)) {
            refuse(call, std::move(*refusal));
            return;
        }
        const auto& started = std::get<model::Started>(reply);
        answer<api::JobStarted>(call, api::JobStarted{started.items, started.job});
    };
    desk_.data.submit(Submission{std::move(command), {}, call, done});
}

Outcome<core::NameInfo> Operations::job_owner(model::JobKind kind, const std::string& name) {
    if (kind == model::JobKind::redrive) return desk_.names.dead_letter_queue(name);
    const auto parts = split_subscription(name);
    return parts ? desk_.names.subscription(parts->topic, parts->name)
                 : desk_.names.subscription(name, {});
}

Outcome<api::JobView> Operations::view_job(const core::NameInfo& owner) const {
    const model::Rows& rows = desk_.data.rows();
    const auto row = core::job_of(rows, owner.number);
    if (!row || row->state == model::JobState::none) {
        return model::Refusal{model::Reason::message_not_found,
                              owner.name,
                              "no redrive or replay of it was ever started"};
    }
    api::JobView view;
    view.kind = model::to_text(row->kind);
    // One that began with nothing to look at is ended by a cancel (JobFeeder), and done all the
    // same.
    const bool nothing_left = row->state == model::JobState::cancelled && row->next >= row->end;
    view.state = model::to_text(nothing_left ? model::JobState::done : row->state);
    view.object = owner.name;
    view.number = row->number;
    view.filter = row->filter;
    view.rate_per_s = row->rate_per_s;
    view.total = row->end - row->first;
    view.looked_at = std::max(row->next, row->first) - row->first;
    view.taken = row->taken;
    view.open = row->open;
    view.failed = row->failed;
    view.started_ms = row->started_ms;
    view.ended_ms = row->ended_ms;
    view.now_ms = std::max(core::progress(rows).time_ms, row->started_ms);
    return view;
}

void Operations::run(const CallPtr& call, api::ReplayMessages request) {
    if (auto refused = check_job(request.filter, request.rate_per_s)) {
        return refuse(call, std::move(*refused));
    }
    if (!request.filter.failures.empty() || request.filter.status_max != 0) {
        return refuse(call,
                      {model::Reason::invalid_parameter,
                       "reason",
                       "only dead letters have a reason and a status"});
    }
    auto subscription = desk_.names.subscription(request.topic, request.name);
    if (!subscription) return refuse(call, subscription.error());
    const model::Rows& rows = desk_.data.rows();
    if (request.preview) {
        const auto info = core::subscription_info(rows, subscription->number);
        const std::uint64_t messages =
            info ? retained_between(rows, info->topic, request.filter) : 0;
        return answer<api::JobStarted>(call, api::JobStarted{messages, 0});
    }
    start_job(call,
              model::Replay{subscription->number, std::move(request.filter), request.rate_per_s});
}

void Operations::run(const CallPtr& call, const api::GetJob& request) {
    auto owner = job_owner(request.kind, request.name);
    if (!owner) return refuse(call, owner.error());
    answer<api::JobView>(call, view_job(*owner));
}

void Operations::run(const CallPtr& call, const api::ChangeJob& request) {
    auto owner = job_owner(request.kind, request.name);
    if (!owner) return refuse(call, owner.error());
    submit(call, model::ChangeJob{owner->number, request.action}, [this, call, owner = *owner] {
        answer<api::JobView>(call, view_job(owner));
    });
}

}  // namespace penstock::node

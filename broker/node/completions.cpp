#include "broker/node/completions.h"

#include <boost/asio/post.hpp>

namespace penstock::node {

void Completions::add(const boost::asio::any_io_executor& executor, Job job) {
    for (Group& group : groups_) {
        if (group.executor == executor) {
            group.jobs.push_back(std::move(job));
            return;
        }
    }
    groups_.push_back(Group{executor, {}});
    groups_.back().jobs.push_back(std::move(job));
}

void Completions::answer(const CallPtr& call, std::any outcome) {
    if (!call || !call->claim()) return;
    add(call->executor(),
        [call, outcome = std::move(outcome)]() mutable { call->answer(std::move(outcome)); });
}

void Completions::refuse(const CallPtr& call, model::Refusal why) {
    if (call) answer(call, call->refusal(std::move(why)));
}

void Completions::flush() {
    // Jobs that run here may add further ones: those wait for the next flush.
    std::vector<Group> groups = std::exchange(groups_, {});
    for (Group& group : groups) {
        auto run = [jobs = std::move(group.jobs)] {
            for (const Job& job : jobs) job();
        };
        if (group.executor) {
            boost::asio::post(group.executor, std::move(run));
        } else {
            run();
        }
    }
}

}  // namespace penstock::node

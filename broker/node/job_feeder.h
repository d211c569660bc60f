// JobFeeder: moves on the jobs whose filters ask for bodies, which the core never sees: on the
// leader it reads a page of them, picks the messages that are meant, and says so in a StepJob. It
// keeps nothing that matters: the core signals such a job again and again until it has moved, so a
// new leader goes on where the last one stopped. Owned by the DataDesk, broker thread only.
#pragma once

#include "broker/core/jobs.h"
#include "broker/node/bodies.h"
#include "broker/node/hosted_set.h"

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

namespace penstock::node {

inline constexpr std::uint32_t job_page_usual = 64;  // bodies of 1 MiB

class JobFeeder {
  public:
    // Reads bodies; what it calls runs on the broker thread.
    using FetchBodies =
        std::function<void(const std::vector<model::MessageId>& bodies, Bodies::Fetched fetched)>;

    // `page_max`: bodies in memory at a time, of one job.
    JobFeeder(HostedSet& data, std::uint32_t page_max, FetchBodies fetch)
        : data_(data), page_max_(page_max), fetch_(std::move(fetch)) {}

    // The object's job is to go on. Nothing happens while its last page is under way.
    void wake(model::ObjectNo object);

    // Another node leads: what is under way is forgotten.
    void rest();

  private:
    struct Look {
        model::ObjectNo object;
        core::JobRow row;
        core::JobPage page;
        std::uint64_t allowed = 0;
        std::uint64_t lead = 0;
    };

    // Ends a job with nothing (left) to look at.
    void end(model::ObjectNo object);

    // Whether the job has left the place that was looked at.
    [[nodiscard]] bool moved(const Look& look) const;

    void pick(const Look& look, const std::vector<FetchedBody>& bodies);

    HostedSet& data_;
    std::uint32_t page_max_;
    FetchBodies fetch_;
    std::set<model::ObjectNo> busy_;
    std::uint64_t lead_ = 0;  // tells answers of an earlier leadership apart
};

}  // namespace penstock::node

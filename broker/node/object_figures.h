// ObjectFigures: depth and age of the queues and subscriptions that this node serves, in figures.
// They cost a few rows each: only model::labelled_objects_max of a kind, dead-letter queues counted
// apart, are told one by one. Owned by the asker, broker thread only; never fails.
#pragma once

#include "broker/model/metric.h"
#include "broker/node/data_desk.h"
#include "broker/node/first_names.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace penstock::node {

class ObjectFigures {
  public:
    // The desk of a set that this node serves; null: another node does.
    using DeskOf = std::function<DataDesk*(model::SetId set)>;

    // The first names of a kind.
    using NamesOf = std::function<const core::NamePage&(model::ObjectKind kind)>;

    // As it is now; `now_ms` Unix time.
    void look(const NamesOf& names_of, const DeskOf& desk_of, model::TimeMs now_ms);

    void measure(model::Metrics& metrics) const;

  private:
    struct Queue {
        std::string name;
        core::QueueCounts counts;
        double oldest_s = 0;
        bool transactional = false;
    };

    struct Subscription {
        std::string name;
        std::uint64_t backlog = 0;
        std::uint64_t waiting = 0;
        double oldest_s = 0;
        bool active = true;
    };

    void look_at_queues(const core::NamePage& names,
                        bool dead_letters,
                        const DeskOf& desk_of,
                        model::TimeMs now_ms);
    void look_at_subscriptions(const core::NamePage& names,
                               const DeskOf& desk_of,
                               model::TimeMs now_ms);
    void measure_sums(model::Metrics& metrics) const;

    std::vector<Queue> queues_;
    std::vector<Subscription> subscriptions_;
    core::QueueCounts sum_;
    bool summed_ = false;  // not too many queues
};

}  // namespace penstock::node

// Names: from names to numbers and back, read from the rows of set 0. Keeps what it found until
// set 0 changes. Owned by the Node, broker thread only.
#pragma once

#include "broker/core/names_query.h"
#include "broker/model/refusal.h"
#include "broker/node/hosted_set.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::node {

template <class T>
using Outcome = model::Outcome<T>;

// "TOPIC/NAME" in its two parts; nothing when there is no single slash.
struct SubscriptionName {
    std::string topic;
    std::string name;
};

std::optional<SubscriptionName> split_subscription(std::string_view full);

// Where a named object is, as a command of any set may name it.
inline model::Place place_of(const core::NameInfo& name) {
    return {name.set, name.number};
}

class Names {
  public:
    explicit Names(const HostedSet& set) : set_(set) {}

    // Also finds automatic dead-letter queues. queue_not_found.
    Outcome<core::NameInfo> queue(std::string_view name);

    // As queue(); "TOPIC/NAME" is the automatic dead-letter queue of that subscription.
    Outcome<core::NameInfo> dead_letter_queue(std::string_view name);
    Outcome<core::NameInfo> topic(std::string_view name);
    Outcome<core::NameInfo> subscription(std::string_view topic, std::string_view name);

    // The name behind a number, also while it is reserved or hidden; empty: none.
    [[nodiscard]] std::string name_of(model::ObjectNo number) const;

    [[nodiscard]] const model::Rows& rows() const { return set_.rows(); }

  private:
    Outcome<core::NameInfo> find(model::ObjectKind kind,
                                 std::string_view name,
                                 model::Reason missing);

    const HostedSet& set_;
    model::LogIndex found_at_ = 0;  // entry of set 0 that what was found is from
    std::map<std::pair<model::ObjectKind, std::string>, core::NameInfo> found_;
};

}  // namespace penstock::node

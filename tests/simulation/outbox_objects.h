// The objects of the outbox simulation, by number, and in which set they are. Values.
#pragma once

#include "broker/model/objects.h"

namespace penstock::simulation {

// set 1
inline constexpr model::TopicNo topic{10};
inline constexpr model::SubscriptionNo ordered{11};
inline constexpr model::SubscriptionNo plainly{12};
inline constexpr model::SubscriptionNo function{13};
inline constexpr model::SubscriptionNo dooming{14};
inline constexpr model::QueueNo letters_here{15};      // of `plainly` and `dooming`
inline constexpr model::QueueNo letters_of_queue{16};  // of in_order
inline constexpr model::QueueNo echoes{17};

// set 2
inline constexpr model::QueueNo in_order{20};
inline constexpr model::QueueNo outputs{21};
inline constexpr model::QueueNo doomed{22};

// set 3
inline constexpr model::QueueNo plain{30};
inline constexpr model::QueueNo letters_far{31};  // of `ordered` and `function`
inline constexpr model::TopicNo echo{32};
inline constexpr model::SubscriptionNo echoing{33};

inline model::Place at(std::uint16_t set, model::ObjectNo number) {
    return {model::SetId{set}, number};
}

inline model::QueueAttributes holding(std::uint64_t messages) {
    model::QueueAttributes attributes;
    attributes.messages_max = messages;
    return attributes;
}

}  // namespace penstock::simulation

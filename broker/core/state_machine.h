// StateMachine: what a replicated set computes. Pure: same entries, same rows, same effects on
// every replica. No clock, randomness, I/O, threads or unordered iteration; writes leave as
// Effects. Broker thread only.
#pragma once

#include "broker/model/entry.h"

#include <memory>

namespace penstock::core {

class StateMachine {
  public:
    virtual ~StateMachine() = default;

    // Applies one entry. `rows` shows every earlier entry's batch. Entries come once and in order.
    virtual model::Effects apply(const model::Entry& entry, const model::Rows& rows) = 0;

    // Forgets what is cached from rows; never changes what a later apply answers.
    virtual void drop_caches() = 0;
};

std::unique_ptr<StateMachine> make_name_set();
std::unique_ptr<StateMachine> make_data_set();

}  // namespace penstock::core

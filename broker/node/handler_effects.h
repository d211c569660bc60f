// HandlerEffects: turns what a handler wants to happen with its acknowledgement into what an entry
// can carry: names become numbers, messages become bodies, limits are checked. Owned by the
// Handout, broker thread only.
#pragma once

#include "broker/api/dispatch.h"
#include "broker/node/hosted_set.h"
#include "broker/node/names.h"
#include "broker/node/validation.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string_view>

namespace penstock::node {

// Together, of one message's outputs.
inline constexpr std::uint64_t outputs_bytes_max = 1U << 20;

class HandlerEffects {
  public:
    // `check_space` refuses while the disk is below its reserve.
    // `sealed_only`: outputs that are not sealed are refused.
    HandlerEffects(Names& names,
                   HostedSet& data,
                   std::function<Refused()> check_space,
                   bool sealed_only = false)
        : names_(names),
          data_(data),
          check_space_(std::move(check_space)),
          sealed_only_(sealed_only) {}

    // Appends to `commit` and `bodies`; ordinals count from the first body of `bodies`. A refusal
    // (no such topic, too many outputs, no space ...) leaves both as they were. The names that it
    // publishes to are those of the subscription's account.
    Refused prepare(api::HandlerEffects effects,
                    model::SubscriptionNo subscription,
                    model::HandlerCommit& commit,
                    PreparedBodies& bodies);

  private:
    Refused check(const api::HandlerEffects& effects) const;
    Outcome<model::Output> resolve(const api::HandlerOutput& output, std::string_view account);

    Names& names_;
    HostedSet& data_;
    std::function<Refused()> check_space_;
    bool sealed_only_;
};

}  // namespace penstock::node

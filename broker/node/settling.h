// Settling: makes Settle commands of the settlements that the dispatcher hands in during a turn:
// one command for several settlements of a subscription, with their attempts and the outputs of
// their handlers as bodies. Owned by the Handout, broker thread only.
#pragma once

#include "broker/api/dispatch.h"
#include "broker/node/handler_effects.h"
#include "broker/node/hosted_set.h"
#include "broker/node/options.h"

#include <functional>
#include <map>
#include <vector>

namespace penstock::node {

class Settling {
  public:
    using Done = std::function<void(api::Dispatch::Settled)>;

    // Called for every command once it is applied, or not to be: the items that stand settled now,
    // or with `refused` that none does.
    using Applied = std::function<void(model::SubscriptionNo subscription,
                                       const std::vector<model::SettleItem>& items,
                                       bool refused)>;

    Settling(HostedSet& data, HandlerEffects effects, TrackMode track, Applied applied)
        : data_(data), effects_(std::move(effects)), track_(track), applied_(std::move(applied)) {}

    void add(api::Dispatch::Settlement settlement, Done done);

    // Submits what came since the last call.
    void submit();

  private:
    struct Part {
        api::Dispatch::Settlement settlement;
        Done done;
        std::vector<std::size_t> refused;  // items that are so before the command is made
    };

    // What of a command belongs to one settlement.
    struct Share {
        std::size_t first = 0;
        std::size_t count = 0;
        Done done;
        std::vector<std::size_t> refused;
    };

    // A command being put together.
    struct Batch {
        model::Settle command;
        std::vector<model::Attempt> attempts;
        PreparedBodies outputs;
        std::vector<Share> shares;
    };

    void append(Batch& batch, Part part);
    void prepare(Batch& batch, Part& part, api::HandlerEffects effects);
    void submit(Batch batch);
    void applied(model::SubscriptionNo subscription,
                 std::vector<model::SettleItem> items,
                 const std::vector<Share>& shares,
                 const model::Reply& reply);

    HostedSet& data_;
    HandlerEffects effects_;
    TrackMode track_;
    Applied applied_;
    std::map<model::SubscriptionNo, std::vector<Part>> parts_;
};

}  // namespace penstock::node

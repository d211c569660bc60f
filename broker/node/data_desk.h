// DataDesk: one data set on this node and all that works on it: its requests, its receives, its
// hand-outs, the lifecycle of its objects. Where another node leads the set it only follows: it
// answers nothing and hands nothing out. Owned by the Node, broker thread only.
#pragma once

#include "broker/node/changes.h"
#include "broker/node/checking.h"
#include "broker/node/handout.h"
#include "broker/node/job_feeder.h"
#include "broker/node/lifecycle.h"
#include "broker/node/operations.h"
#include "broker/node/outbox.h"
#include "broker/node/rates.h"
#include "broker/node/receiving.h"

#include <functional>
#include <memory>

namespace penstock::node {

// What the desks of a node share; owned by the Node, outlives them.
struct Shared {
    const HostedSet& names_set;
    Names& names;
    Bodies& bodies;
    Completions& completions;
    storage::LogStore& store;
    Background& background;
    std::shared_ptr<Mailbox> mailbox;
    const Clock& clock;
    const EvenTime& time;  // that entries are stamped with
    const NodeOptions& options;
    SubmitTo submit;
    std::function<void(const CallPtr&)> resumed;
};

class DataDesk {
  public:
    DataDesk(Shared& shared, std::unique_ptr<HostedSet> set);

    [[nodiscard]] HostedSet& set() { return *set_; }

    [[nodiscard]] const HostedSet& set() const { return *set_; }

    [[nodiscard]] Operations& operations() { return operations_; }

    [[nodiscard]] Receiving& receiving() { return receiving_; }

    [[nodiscard]] const Receiving& receiving() const { return receiving_; }

    [[nodiscard]] Checking& checking() { return checking_; }

    [[nodiscard]] Handout& handout() { return handout_; }

    [[nodiscard]] OutboxSender& outbox() { return outbox_; }

    [[nodiscard]] const OutboxSender& outbox() const { return outbox_; }

    [[nodiscard]] bool serving() const { return serving_; }

    // Who is told of deliveries while this node leads the set; may be told before that.
    void attach(api::DeliveryListener& listener);

    // Wakes and hands out after a turn's entries.
    void take(const TurnEffects& effects);

    // Begins to serve when this node has come to lead the set, ends when it does so no longer.
    // `init` is what a set is told first.
    void look_at_leadership(const model::InitSet& init);

    // Finishes or undoes what a leader that is gone has left half done.
    void recover();

    // Once a minute: empty dead-letter queues without a subscription, objects left half done.
    void sweep();

  private:
    void tell_of(const std::vector<model::Unconfirmed>& ended);

    Shared& shared_;
    std::unique_ptr<HostedSet> set_;
    Lifecycle lifecycle_;
    std::shared_ptr<Changes> changes_;
    Rates rates_;
    Receiving receiving_;
    Checking checking_;
    Handout handout_;
    Desk desk_;
    Operations operations_;
    OutboxSender outbox_;
    JobFeeder feeder_;
    api::DeliveryListener* listener_ = nullptr;
    bool serving_ = false;
};

}  // namespace penstock::node

// Node: one broker: a set of names and a data set on one disk, and everything a request or a
// delivery meets on its way through them. Plain step functions against Clock, Disk and Random:
// no thread of its own, no socket. Driven by BrokerThread, or step by step by tests.
//
// call(), cancel(), grant(), settle(), feed(), key_of(), ready() come from any thread: they put
// a letter into the mailbox. All else belongs to the one thread that steps. A failed write, sync or
// row store is final: step() answers the Error and must not be called again; what was answered
// before is durable, what was not is not answered.
#pragma once

#include "broker/api/broker.h"
#include "broker/api/dispatch.h"
#include "broker/base/clock.h"
#include "broker/base/disk.h"
#include "broker/base/random.h"
#include "broker/node/background.h"
#include "broker/node/handout.h"
#include "broker/node/lifecycle.h"
#include "broker/node/operations.h"
#include "broker/node/receiving.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace penstock::node {

// Opens the rows of a set in a folder.
using OpenRows =
    std::function<Result<std::unique_ptr<storage::RowStore>>(const std::string& folder)>;

class Node final : public api::Broker, public api::Dispatch {
  public:
    struct World {
        Disk& disk;
        const Clock& clock;
        Random& random;
        Offload& offload;  // Kind::stepped: bodies are read at once
        OpenRows open_rows;
    };

    Node(World world, NodeOptions options);
    ~Node() override;

    // Opens rows and log, replays, and submits what a first start needs. Error{damaged|io|invalid}
    // names file and what to do.
    Result<void> open();

    // One turn: takes what came in, forms entries, syncs once, applies, answers, hands out. True
    // when there is more to do at once.
    Result<bool> step();

    // Monotonic microseconds at which step() has something to do even if no letter comes.
    [[nodiscard]] std::int64_t next_wake_us() const;

    // Sleeps until a letter comes or next_wake_us(), `at_most_us` at the longest.
    void wait(std::int64_t at_most_us);

    // Any other thread, now and then: when the stepping thread has hung (in a sync) for longer than
    // a request may take, answers the calls it cannot.
    void relieve();

    // No new calls; what waits is answered `unavailable`, then rows are flushed.
    Result<void> close();

    // The key a first start without `dev` made; nothing otherwise.
    [[nodiscard]] const std::optional<RootKey>& first_start_key() const { return first_key_; }

    // api::Broker
    std::shared_ptr<api::Cancellation> call(const api::Principal& principal,
                                            api::Request request,
                                            boost::asio::any_io_executor executor,
                                            Answer answer) override;
    [[nodiscard]] std::optional<api::AccessKey> key_of(std::string_view key_id) const override;

    [[nodiscard]] bool ready() const override { return ready_.load(); }

    // api::Dispatch
    void attach(api::DeliveryListener& listener) override;
    void grant(model::SubscriptionNo subscription, std::uint32_t more) override;
    void settle(Settlement settlement, std::function<void(Moved)> done) override;
    void read_kv(model::SubscriptionNo subscription,
                 std::string key,
                 std::function<void(api::KvRow)> answer) override;
    void disable(model::SubscriptionNo subscription, std::string reason) override;
    void feed(model::SubscriptionNo subscription,
              model::Sequence sequence,
              model::Generation generation,
              std::function<void(model::Failure)> answer) override;

    // Called by opened letters, on the stepping thread.
    void forget(const CallPtr& call);
    void quarantine_delivery(model::SubscriptionNo subscription,
                             model::Sequence sequence,
                             model::MessageId message);

    [[nodiscard]] Receiving& receiving() { return open_->receiving; }

    [[nodiscard]] Handout& handout() { return open_->handout; }

    // For tests and simulations.
    [[nodiscard]] const HostedSet& names_set() const { return *names_set_; }

    [[nodiscard]] const HostedSet& data_set() const { return *data_set_; }

  private:
    class CallLetter;

    // Everything that needs the opened sets.
    struct Opened {
        explicit Opened(Node& node);

        Names names;
        Bodies bodies;
        Lifecycle lifecycle;
        Receiving receiving;
        Handout handout;
        Background background;
        Desk desk;
        Operations operations;
    };

    using Keys = std::map<std::string, core::KeyInfo, std::less<>>;

    Result<std::unique_ptr<HostedSet>> open_set(model::SetId set,
                                                std::unique_ptr<core::StateMachine> machine);
    Result<void> first_start();
    void begin(const CallPtr& call, api::Request request, PreparedBodies bodies);
    void open_letters();
    void watch(const CallPtr& call);
    void expire_calls(std::int64_t now_us);
    void tick(HostedSet& set, std::int64_t now_us);
    Result<void> commit();
    void take_effects(const TurnEffects& effects);
    void publish_keys();
    void show_hanging();
    [[nodiscard]] std::int64_t tick_due_us(const HostedSet& set) const;
    [[nodiscard]] api::ServerStatus status() const;

    World world_;
    NodeOptions options_;
    std::shared_ptr<Mailbox> mailbox_;
    Completions completions_;
    std::unique_ptr<storage::LogStore> store_;
    std::unique_ptr<HostedSet> names_set_;
    std::unique_ptr<HostedSet> data_set_;
    std::unique_ptr<Opened> open_;
    std::optional<RootKey> first_key_;
    using Calls = std::vector<CallPtr>;
    std::atomic<std::int64_t> turn_began_us_{0};         // 0: between turns
    std::atomic<std::shared_ptr<const Calls>> hanging_;  // what the turn's sync holds up
    std::deque<CallPtr> calls_;  // by deadline; answered ones leave at the front
    std::atomic<std::shared_ptr<const Keys>> keys_;
    std::atomic<bool> ready_{false};
    std::atomic<bool> stopping_{false};
    model::TimeMs started_ms_ = 0;
    model::LogIndex names_seen_ = 0;  // entry of set 0 the caches are from
    std::int64_t swept_us_ = 0;
    bool more_ = true;
};

}  // namespace penstock::node

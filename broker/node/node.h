// Node: one broker: a set of names and data sets on one disk, and everything a request or a
// delivery meets on its way through them. In a cluster other nodes lead some of the sets
// (neighbours.h): what belongs to those is sent on. Plain step functions against Clock, Disk and
// Random: no thread of its own, no socket. Driven by BrokerThread, or step by step by tests.
//
// call(), cancel(), grant(), settle(), feed(), measure(), key_of(), ready() come from any thread:
// they put a letter into the mailbox. All else belongs to the one thread that steps. A failed
// write, sync or row store is final: step() answers the Error and must not be called again; what
// was answered before is durable, what was not is not answered.
#pragma once

#include "broker/api/broker.h"
#include "broker/api/dispatch.h"
#include "broker/api/metrics.h"
#include "broker/base/clock.h"
#include "broker/base/disk.h"
#include "broker/base/even_time.h"
#include "broker/base/random.h"
#include "broker/node/background.h"
#include "broker/node/backups.h"
#include "broker/node/data_desk.h"
#include "broker/node/first_names.h"
#include "broker/node/neighbours.h"
#include "broker/node/routing.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace penstock::node {

// Opens the rows of a set in a folder.
using OpenRows =
    std::function<Result<std::unique_ptr<storage::RowStore>>(const std::string& folder)>;

class Node final : public api::Broker, public api::Dispatch, public api::MetricSource {
  public:
    struct World {
        Disk& disk;
        const Clock& clock;
        Random& random;
        Offload& offload;  // Kind::stepped: bodies are read at once
        OpenRows open_rows;
        Neighbours* neighbours = nullptr;               // nothing: it stands alone
        OpenView open_view = storage::open_rocks_view;  // of a checkpoint of such rows
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

    // In a cluster also: somebody leads set 0.
    [[nodiscard]] bool ready() const override { return ready_.load() && led_.load(); }

    // Between open() and close().
    [[nodiscard]] bool opened() const { return ready_.load(); }

    // api::Dispatch
    void attach(api::DeliveryListener& listener) override;
    void grant(model::SubscriptionNo subscription, std::uint32_t more) override;
    void settle(Settlement settlement, std::function<void(Settled)> done) override;
    void read_kv(model::SubscriptionNo subscription,
                 std::string key,
                 std::function<void(api::KvRow)> answer) override;
    void disable(model::SubscriptionNo subscription, std::string reason) override;
    void report(model::SubscriptionNo subscription, model::PushHealth health) override;
    void feed(model::SubscriptionNo subscription,
              model::Sequence sequence,
              model::Generation generation,
              std::function<void(model::Failure)> answer) override;

    // api::MetricSource
    void measure(std::function<void(model::Metrics)> take) override;

    // Called by opened letters and neighbours, on the stepping thread.

    // A request of this node's clients, also one that began elsewhere: it goes to whoever leads.
    void begin(const CallPtr& call, api::Request request, PreparedBodies bodies);

    // A request that another node sent on: it is answered here or not at all.
    void begin_forwarded(const CallPtr& call,
                         api::Request request,
                         PreparedBodies bodies,
                         model::SetId set);
    void forget(const CallPtr& call);
    void quarantine_delivery(model::SubscriptionNo subscription,
                             model::Sequence sequence,
                             model::MessageId message);

    void defer_delivery(model::SubscriptionNo subscription,
                        model::Sequence sequence,
                        model::Generation generation,
                        std::string why);

    // Takes a command to the leader of the set, wherever that is.
    void submit(model::SetId set, Submission submission);

    // The data set's desk; null: no replica here.
    [[nodiscard]] DataDesk* desk(model::SetId set);

    [[nodiscard]] HostedSet* hosted(model::SetId set);

    // Another data set has a replica here from now on. An error is final.
    Result<void> host(model::SetId set);

    // The data set has no replica here any more: what waits for it ends, its rows and log are
    // closed; what is left of them on the disk is the caller's. It may be hosted again.
    void leave(model::SetId set);

    // Rows and log of a set that is here are about to be replaced on the disk: what waits for it
    // ends, both are closed. Until resume() it shows no rows, and nobody is known here to lead it:
    // the set of names is resumed in the same turn. An error is final.
    void suspend(model::SetId set);
    Result<void> resume(model::SetId set);

    [[nodiscard]] Offload& offload() { return world_.offload; }

    [[nodiscard]] storage::SpaceLevel space() const { return open_->background.space(); }

    // Has an entry that is damaged here from another node, where there is one to be asked; without
    // `done` for the log store alone.
    void mend(model::SetId set, model::LogIndex index, Mended done);

    // The key a cluster begins with; counts until set 0 has one.
    void use_first_key(RootKey key);

    [[nodiscard]] RootKey first_key() const { return local_key_.value_or(RootKey{}); }

    [[nodiscard]] bool keys_missing() const { return local_key_.has_value(); }

    // Set 0 is led here, and has no key yet: it gets the first one.
    void put_first_key();

    [[nodiscard]] std::shared_ptr<Mailbox> mailbox() const { return mailbox_; }

    [[nodiscard]] Completions& completions() { return completions_; }

    [[nodiscard]] HostedSet& names_set() { return *names_set_; }

    [[nodiscard]] storage::LogStore& store() { return *store_; }

    [[nodiscard]] std::vector<DataDesk*> desks();

    [[nodiscard]] const HostedSet& names_set() const { return *names_set_; }

    // For tests and simulations: a data set that is here.
    [[nodiscard]] const HostedSet& data_set(model::SetId set = model::first_data_set) const;

  private:
    class CallLetter;

    // Everything that needs the opened sets.
    struct Opened {
        explicit Opened(Node& node);

        Names names;
        Bodies bodies;
        Background background;
        Backups backups;
        Shared shared;
        std::map<model::SetId, std::unique_ptr<DataDesk>> desks;
        // Of sets that have left: what is under way may still come back to them.
        std::map<model::SetId, std::unique_ptr<DataDesk>> resting;
    };

    using Keys = std::map<std::string, core::KeyInfo, std::less<>>;

    // Where a request runs.
    struct Errand {
        Route route;
        bool forwarded = false;  // by another node: never sent on again
    };

    [[nodiscard]] std::string rows_folder(model::SetId set) const;
    Result<std::unique_ptr<HostedSet>> open_rows(model::SetId set,
                                                 std::unique_ptr<core::StateMachine> machine);
    Result<void> open_log(HostedSet& set);
    Result<void> open_rows_of(const std::set<model::SetId>& sets);
    Result<void> open_store(const std::set<model::SetId>& being_replaced);
    Result<void> open_sets();
    [[nodiscard]] std::vector<model::SetId> data_sets_here();
    Result<void> first_start();
    Result<void> choose_first_key();
    void add_desk(std::unique_ptr<HostedSet> set);
    [[nodiscard]] bool waiting();
    [[nodiscard]] model::InitSet init_of_set();
    void run(const CallPtr& call, api::Request request, PreparedBodies bodies, Errand errand);
    void run_here(DataDesk& desk,
                  const CallPtr& call,
                  api::Request request,
                  PreparedBodies bodies,
                  bool reads);
    void run_everywhere(const CallPtr& call, const api::Request& request);
    void list_subscriptions(const CallPtr& call, const api::ListSubscriptions& request);
    [[nodiscard]] std::vector<model::SetId> data_sets() const;
    [[nodiscard]] Placement placement() const;
    [[nodiscard]] Route route(const api::Request& request);
    // False: the request is not about the cluster.
    bool run_for_cluster(const CallPtr& call, const api::Request& request);
    void answer_cluster(const CallPtr& call, Refused refused);
    // backup_operations.cpp
    void list_backup_sets(const CallPtr& call);
    void run_backup(const CallPtr& call, api::Request request, const Errand& errand);
    void answer_backup(const CallPtr& call, HostedSet& set, const api::Request& request);
    [[nodiscard]] DataDesk* desk_of(model::SubscriptionNo subscription);
    void each_set(const std::function<void(HostedSet&)>& visit);
    void open_letters();
    void watch(const CallPtr& call);
    void expire_calls(std::int64_t now_us);
    void sweep(std::int64_t now_us);
    void tick(HostedSet& set, std::int64_t now_us);
    Result<void> sync();
    Result<void> commit();
    Result<void> finish_sets();
    Result<void> check_rows();
    void publish_keys();
    void show_hanging();
    [[nodiscard]] std::int64_t tick_due_us(const HostedSet& set) const;
    const core::NamePage& first_names(model::ObjectKind kind);
    [[nodiscard]] api::ServerStatus status();
    // node_metrics.cpp
    [[nodiscard]] model::Metrics metrics();
    void measure_server(model::Metrics& metrics) const;
    void measure_log(model::Metrics& metrics) const;
    void measure_set(model::Metrics& metrics, HostedSet& set) const;
    void measure_objects(model::Metrics& metrics);

    World world_;
    EvenTime even_time_;  // entries are stamped with it
    NodeOptions options_;
    std::shared_ptr<Mailbox> mailbox_;
    Completions completions_;
    std::unique_ptr<storage::LogStore> store_;
    std::unique_ptr<HostedSet> names_set_;
    FirstNames first_names_;
    std::vector<std::unique_ptr<HostedSet>> data_sets_;  // while they are opened
    std::unique_ptr<Opened> open_;
    api::DeliveryListener* listener_ = nullptr;
    std::optional<RootKey> first_key_;  // made by this start
    std::optional<RootKey> local_key_;  // what set 0 begins with
    using Calls = std::vector<CallPtr>;
    std::atomic<std::int64_t> turn_began_us_{0};         // 0: between turns
    std::atomic<std::shared_ptr<const Calls>> hanging_;  // what the turn's sync holds up
    std::deque<CallPtr> calls_;  // by deadline; answered ones leave at the front
    std::atomic<std::shared_ptr<const Keys>> keys_;
    std::atomic<bool> ready_{false};
    std::atomic<bool> led_{true};
    std::atomic<bool> stopping_{false};
    model::TimeMs started_ms_ = 0;
    std::int64_t swept_us_ = 0;
    bool more_ = true;
    std::int64_t recovered_us_ = 0;  // half done objects were looked for
    model::Latencies sync_latencies_;
};

}  // namespace penstock::node

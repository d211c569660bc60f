// Recovery: makes the replicas in one data folder all there is of a cluster that lost the others.
// Works on the folder of a stopped server: everything in its logs counts as committed, every set
// here gets this node as its sole voter, set 0 forgets the other nodes (their ids stay used), and
// the identity gets the next incarnation, by which old nodes are told apart. Owned by the command
// that does it, its thread.
//
// open() changes nothing that a start would not; run() may be cut short anywhere: until it is done
// the folder does not start, and recovering again finishes it. Error{damaged|io|invalid} says why.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/disk.h"
#include "broker/cluster/identity.h"
#include "broker/model/cluster.h"
#include "broker/node/hosted_set.h"
#include "broker/node/node.h"
#include "broker/replication/etcd_raft/members.h"
#include "broker/replication/raft_seams.h"
#include "broker/storage/log/log_store.h"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace penstock::cluster {

enum class ReplicaKind : std::uint8_t {
    voter,
    learner,  // it was still being caught up
    fresh,    // nothing was in the set: it begins anew
    lost,     // no replica is here, and queues or topics were in it
};

struct RecoveredSet {
    SetId set;
    ReplicaKind kind = ReplicaKind::voter;
    model::LogIndex last = 0;   // of its log, all of it kept
    std::uint64_t term = 0;     // of that entry
    std::uint32_t objects = 0;  // queues, topics and subscriptions in it
};

struct Recovered {
    std::uint32_t incarnation = 0;
    bool condemned = false;  // the folder was one that must not be served (condemned.h)
    std::vector<NodeId> forgotten;
    std::vector<RecoveredSet> sets;
};

class Recovery {
  public:
    struct World {
        Disk& disk;
        const Clock& clock;
        node::OpenRows open_rows;
    };

    // Reads the folder. Error{invalid}: it belongs to no cluster, or holds nothing of set 0.
    static Result<std::unique_ptr<Recovery>> open(World world,
                                                  const std::string& data_folder,
                                                  const storage::LogStoreOptions& log);

    Recovery(World world, std::string data_folder, Identity identity)
        : world_(std::move(world)),
          data_folder_(std::move(data_folder)),
          identity_(std::move(identity)),
          self_(identity_.node) {}

    [[nodiscard]] const Identity& identity() const { return identity_; }

    // The other nodes, as the folder knows of them: who must not be there any more.
    [[nodiscard]] std::vector<PeerAddress> others() const;

    // This node is all of the cluster already.
    [[nodiscard]] bool is_alone() const;

    // Durable when it returns; not to be called twice.
    Result<Recovered> run();

  private:
    Result<void> open_sets(const storage::LogStoreOptions& log);
    Result<void> open_rows(SetId set);
    Result<void> open_store(const std::set<SetId>& unfinished,
                            const storage::LogStoreOptions& options);
    Result<void> learn_nodes();
    [[nodiscard]] replication::Members members_of(const node::HostedSet& set) const;
    Result<void> replay();
    Result<void> rewrite_names(Recovered& recovered);
    [[nodiscard]] std::vector<model::Command> skip_numbers() const;
    [[nodiscard]] std::vector<model::Command> changes_of_names(Recovered& recovered);
    Result<void> make_sole_voter(SetId set);
    [[nodiscard]] RecoveredSet judge(const model::SetInfo& info) const;
    Result<void> mark(bool begun);

    World world_;
    std::string data_folder_;
    Identity identity_;
    NodeId self_;
    bool begun_before_ = false;
    std::unique_ptr<storage::LogStore> store_;
    std::map<SetId, std::unique_ptr<node::HostedSet>> sets_;
    std::map<SetId, RecoveredSet> found_;
    std::map<NodeId, std::string> nodes_;  // and where they are
};

}  // namespace penstock::cluster

// World: a whole cluster in one thread: members, the network between them and the time that passes,
// all from one seed. A run repeats exactly. A member whose step fails stays down, and its error is
// kept. One test, one thread, inside EngineLibrary::run_inside.
#pragma once

#include "tests/cluster/member.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::cluster::testing {

class World {
  public:
    explicit World(std::uint64_t seed = 1, std::uint64_t members = 3, MemberRules rules = {});
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    // Starts all, calls one to found the cluster, and waits until every set is led.
    void found();

    // A further node, of a number that none had: starts, and is taken in by what this asks for.
    api::ChangeCluster enlist(std::uint64_t id);

    // The same, and waits for the answer.
    void join(std::uint64_t id);

    void start(std::uint64_t id);
    void crash(std::uint64_t id);

    // Nobody hears this member, and it hears nobody.
    void isolate(std::uint64_t id) { network.partition({NodeId{id}}); }

    // From now on every sync of this member's disk takes so long; the others live on meanwhile.
    void slow_syncs(std::uint64_t id, std::int64_t milliseconds);

    // Time passes.
    void run(std::int64_t milliseconds);

    // Until `done` holds, at most so long; whether it does.
    bool run_until(const std::function<bool()>& done, std::int64_t at_most_ms = 10'000);

    // Asks and waits; a refusal `unknown_outcome` with no detail when no answer ever comes.
    template <class R>
    typename Asked<R>::Outcome ask(std::uint64_t id, R request, std::int64_t at_most_ms = 20'000) {
        Asked<R> asked = member(id).ask(std::move(request));
        run_until([&] { return asked.answered(); }, at_most_ms);
        if (!asked.answered()) {
            return model::Refusal{model::Reason::unknown_outcome, {}, "never answered"};
        }
        return std::move(*asked);
    }

    [[nodiscard]] Member& member(std::uint64_t id) { return *members_.at(NodeId{id}); }

    [[nodiscard]] std::map<NodeId, std::unique_ptr<Member>>& members() { return members_; }

    // Who leads the set among those that are up, by the word of the leader itself; 0: nobody. The
    // highest term counts.
    [[nodiscard]] std::uint64_t leader(SetId set);

    // Another one than the leaders of set 0 and of that set, where there is one.
    [[nodiscard]] std::uint64_t bystander(SetId set);

    // Every set is led by somebody who is up and followed by all that are up.
    [[nodiscard]] bool all_led() { return not_led().empty(); }

    // A set that is not, and who does not follow; empty: all are.
    [[nodiscard]] std::string not_led();

    // Where the queue of that name is.
    [[nodiscard]] SetId set_of(const std::string& queue);

    // Replicas of a set that have applied the same must hold the same: complaints.
    [[nodiscard]] std::vector<std::string> differences();

    // Errors of members, as they ended.
    [[nodiscard]] const std::vector<std::string>& deaths() const { return deaths_; }

    [[nodiscard]] std::uint64_t chance(std::uint64_t of) { return random_.below(of); }

    // What has happened so far: frames, questions and answers that arrived, links that came and
    // went, turns of nodes, writes, syncs and other changes of their disks.
    [[nodiscard]] std::uint64_t events() const;

    // Called whenever time has moved on a little, and after a member has run.
    std::function<void()> after_quantum;
    std::function<void(Member&)> after_turn;

    ManualClock clock;
    SimulatedNetwork network;

  private:
    bool belongs(NodeId id);

    SeededRandom random_;
    MemberRules rules_;
    std::map<NodeId, std::unique_ptr<Member>> members_;
    std::vector<std::string> deaths_;
};

}  // namespace penstock::cluster::testing

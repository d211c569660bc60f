// Clients: those who use a cluster while the nemesis is at it, and the account of what they were
// told. Queues are written to and read from, a ledger is only added to and counted, a topic pushes
// to a hook. Owned by the Nemesis, one test, one thread.
#pragma once

#include "tests/cluster/receiver.h"
#include "tests/cluster/world.h"

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace penstock::cluster::testing {

struct Told {
    std::vector<std::string> complaints;
    std::uint64_t acknowledged = 0;  // sends
    std::uint64_t removed = 0;
    std::uint64_t counted = 0;   // reads of the ledger
    std::uint64_t repeated = 0;  // sends with a key that were sent again
    std::uint64_t settled = 0;   // messages of the topic whose delivery was accepted at last
};

class Clients {
  public:
    explicit Clients(World& world) : world_(world) {}

    // Makes what they use. In calm weather.
    void make();

    // One of them asks for something, if any member is up.
    void act();

    // Takes the answers that have come.
    void look();

    // Whom the topic is pushed to.
    [[nodiscard]] Receiver& receiver() { return receiver_; }

    // Through these members, within so long: a message is taken by every queue, and one of the
    // topic is accepted by its receiver. What does not happen, else nothing.
    std::string progress(const std::vector<std::uint64_t>& well, std::int64_t within_ms);

    // Requests without an answer.
    [[nodiscard]] std::size_t open() const;

    // In calm weather: everything is taken out, and held against what was acknowledged.
    void judge();

    // A member that is up; null when none was found.
    [[nodiscard]] Member* any_up();

    void complain(std::string what) { told_.complaints.push_back(std::move(what)); }

    [[nodiscard]] const Told& told() const { return told_; }

  private:
    static constexpr std::array<const char*, 3> queues{"one", "two", "three"};

    struct Sending {
        std::string queue;
        std::string body;
        std::string key;  // empty: none
        Asked<api::SendMessages> asked;
    };

    struct Receiving {
        std::string queue;
        std::set<std::string> removed_before;
        Asked<api::ReceiveMessages> asked;
    };

    struct Removing {
        std::string body;
        Asked<api::DeleteMessages> asked;
    };

    struct Entering {  // into the ledger
        Asked<api::SendMessages> asked;
    };

    struct Counting {
        std::uint64_t at_least = 0;
        Asked<api::GetQueue> asked;
    };

    struct Publishing {
        std::string body;
        Asked<api::PublishMessages> asked;
    };

    void send_or_receive(Member& member);
    void enter_or_count(Member& member);
    void look_at_queues();
    void look_at_ledger();
    void look_at_topic();
    void send_again(Member& member);
    void judge_pushes();
    void know(model::MessageId id, const std::string& body);
    void take(const Receiving& receiving);
    Member& last_asked();
    void drain_queues();
    void drain(const std::string& queue);
    void drain_pushes();

    World& world_;
    Told told_;
    bool draining_ = false;
    std::vector<Sending> sendings_;
    std::vector<Receiving> receivings_;
    std::vector<Removing> removings_;
    std::vector<Entering> enterings_;
    std::vector<Counting> countings_;
    std::vector<Publishing> publishings_;
    std::vector<Sending> keyed_;  // to be sent again, whatever became of them
    std::map<std::string, model::MessageId> by_key_;
    std::string letters_;  // the dead-letter queue of `brief`
    Receiver receiver_;
    std::set<std::string> acknowledged_;
    std::set<std::string> removed_;
    std::set<std::string> doubted_;    // a delete was asked for
    std::set<std::string> seen_;       // while draining
    std::set<std::string> published_;  // acknowledged
    std::uint64_t entered_ = 0;        // acknowledged
    std::uint64_t entering_ = 0;       // ever asked for
    std::map<model::MessageId, std::string> ids_;
    std::uint64_t next_ = 1;
};

}  // namespace penstock::cluster::testing

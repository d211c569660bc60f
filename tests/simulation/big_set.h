// BigSet: a data set that holds millions of messages in every state they can be in, made cheaply
// (512 bodies an entry, headers only), to measure what each further entry costs. One test, one
// thread; a core that refuses what the set is made of fails the test.
#pragma once

#include "broker/core/state_machine.h"
#include "tests/simulation/counting_rows.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace penstock::simulation {

// The objects of the set, by what is in them.
namespace big {
inline constexpr model::TimeMs started_ms = 1'700'000'000'000;
inline constexpr model::QueueNo waiting{1};    // fresh messages, a part of them consumed
inline constexpr model::QueueNo cleared{2};    // fresh messages
inline constexpr model::QueueNo removed{3};    // fresh messages
inline constexpr model::QueueNo fed{4};        // subscriber queue, full
inline constexpr model::QueueNo dead{5};       // dead letters of `failing`
inline constexpr model::QueueNo ageing{6};     // messages about to be too old
inline constexpr model::QueueNo overage{7};    // where they go
inline constexpr model::QueueNo leased{8};     // in flight
inline constexpr model::QueueNo delayed{9};    // not yet visible
inline constexpr model::QueueNo prepared{10};  // transactional, not confirmed
inline constexpr model::TopicNo topic{20};
inline constexpr model::TopicNo lonely{21};           // a topic without subscriptions
inline constexpr model::SubscriptionNo failing{30};   // many wait for a retry; a large kv store
inline constexpr model::SubscriptionNo filtered{31};  // every third message; all its scripts
inline constexpr model::SubscriptionNo feeding{32};   // into `fed`
inline constexpr model::SubscriptionNo leaving{33};   // backlog, failures, kv; to be removed
}  // namespace big

class BigSet {
  public:
    // About `messages` messages in all logs together.
    explicit BigSet(std::uint64_t messages);

    // Applies one entry; `bodies` of 1 KiB travel with it.
    Work apply(std::vector<model::Command> commands, std::uint32_t bodies = 0);

    // Ticks until nothing is due: the most one of them cost, and how many there were.
    struct Ticks {
        Work most;
        std::uint64_t count = 0;
    };

    Ticks tick_until_idle();

    void pass_ms(model::TimeMs pause_ms) { time_ms_ += pause_ms; }

    [[nodiscard]] const model::Effects& effects() const { return effects_; }

    [[nodiscard]] const CountingRows& rows() const { return rows_; }

    [[nodiscard]] std::uint64_t messages() const { return messages_; }

    // First of at least 4,300 sequences of the topic that `failing` has not settled.
    [[nodiscard]] model::Sequence unsettled() const { return unsettled_; }

    // The sequence the next message of the topic gets.
    [[nodiscard]] model::Sequence topic_end() const { return topic_end_; }

    [[nodiscard]] model::TimeMs now_ms() const { return time_ms_; }

    // Leases up to `count` messages of a queue; their receipts.
    std::vector<model::Receipt> lease(model::QueueNo queue, std::uint32_t count);

  private:
    void make_objects();
    void fill_queue(model::QueueNo queue, std::uint64_t count);
    void fill_topic(model::TopicNo topic, std::uint64_t count);
    void consume(model::QueueNo queue, std::uint64_t count);
    void fail(model::SubscriptionNo subscription,
              std::uint64_t first,
              std::uint64_t count,
              model::Verdict verdict);
    void fill_kv(model::SubscriptionNo subscription, model::Sequence first, std::uint64_t rows);

    CountingRows rows_;
    std::unique_ptr<core::StateMachine> machine_;
    model::Effects effects_;
    std::uint64_t messages_ = 0;
    model::LogIndex index_ = 0;
    model::Sequence topic_end_ = 1;
    model::Sequence unsettled_ = 1;
    model::TimeMs time_ms_ = big::started_ms;
};

}  // namespace penstock::simulation

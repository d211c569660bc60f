// MessageModel: what may happen to one message: sent, due, leased and lost again, deleted, moved to
// the dead-letter queue. For the Linearizer, one body at a time. Time passes between the recorder's
// stamps only: a lease or delay may be over as soon as it can be, and never has to be.
#pragma once

#include "tests/nemesis/history.h"

#include <compare>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace penstock::nemesis {

class MessageModel {
  public:
    enum class Place : std::uint8_t { nowhere, delayed, visible, leased, deleted };

    struct State {
        Place place = Place::nowhere;
        bool dead = false;  // in the dead-letter queue
        std::uint64_t receives = 0;
        std::uint64_t unanswered = 0;  // of them, by receives that were never answered
        TimeUs until_us = 0;           // earliest end of delay or lease
        std::string receipt;           // empty: nobody knows it

        friend auto operator<=>(const State&, const State&) = default;
    };

    // The body's own operations name it; of others only receives that found nothing or were never
    // answered count. `unanswered_us`: when the latter began, in order.
    MessageModel(std::string body,
                 std::string queue,
                 const Queue& rules,
                 std::int64_t dead_visibility_s,
                 std::vector<TimeUs> unanswered_us)
        : body_(std::move(body)),
          queue_(std::move(queue)),
          rules_(rules),
          dead_visibility_s_(dead_visibility_s),
          unanswered_us_(std::move(unanswered_us)) {}

    [[nodiscard]] static State begin() { return {}; }

    void apply(const State& state, const Operation& operation, std::vector<State>& out) const;
    void drift(const State& state, TimeUs now_us, std::vector<State>& out) const;

  private:
    [[nodiscard]] const Item* own(const Operation& operation) const;
    [[nodiscard]] bool is_in(const State& state, const std::string& queue) const;
    void send(const State& state, const Operation& operation, std::vector<State>& out) const;
    void receive(const State& state, const Operation& operation, std::vector<State>& out) const;
    void end_lease(const State& state, const Operation& operation, std::vector<State>& out) const;

    std::string body_;
    std::string queue_;
    Queue rules_;
    std::int64_t dead_visibility_s_;
    std::vector<TimeUs> unanswered_us_;
};

}  // namespace penstock::nemesis

// Histories: one node led through random commands, time that jumps, restarts and power cuts,
// against what its queues mean (queue_model.h, topic_model.h, transaction_model.h). A history that
// fails can be made as short as it still fails. Values; one test, one thread.
#pragma once

#include "tests/reference/queue_model.h"
#include "tests/reference/topic_model.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace penstock::reference {

enum class Act : std::uint8_t {
    send,
    receive,
    remove,
    change_visibility,
    wait,
    rewind,
    set,
    clear,
    restart,
    crash,
    publish,
    filter,
    redrive,
    prepare,
    confirm,
    check,
};

// The queues of a history. The first two are fed by a topic, what dies in the first is in the
// third; of the others two keep order and two take transactional messages.
enum Queue : std::size_t { orders, mail, dead, lanes, deals, moves };

inline const std::array<std::string, 6> queue_names = {
    "orders", "mail", "dead", "lanes", "deals", "moves"};

inline bool keeps_order(std::size_t queue) {
    return queue == lanes || queue == moves;
}

inline bool takes_transactions(std::size_t queue) {
    return queue == deals || queue == moves;
}

// A command with numbers that mean something only when it is carried out, so that others can be
// left out before it. What they mean to each command is said here.
struct Step {
    Act act = Act::send;
    std::size_t queue = 0;
    std::uint64_t number = 0;
    std::uint64_t other = 0;

    // Of a send, publish and prepare: so many messages, the ordering key of each, the delay.
    [[nodiscard]] std::size_t messages() const { return 1 + number % 4; }

    [[nodiscard]] std::string key(std::size_t message) const;

    [[nodiscard]] std::uint32_t delay_s() const { return other % 4 == 0 ? below(30) : 0; }

    [[nodiscard]] Tags tags() const;

    // Of a receive; 0: the queue's.
    [[nodiscard]] std::uint32_t messages_max() const {
        return static_cast<std::uint32_t>(1 + number % 16);
    }

    [[nodiscard]] std::uint32_t lease_s() const { return other % 3 == 0 ? below(25) : 0; }

    [[nodiscard]] std::uint32_t visibility_s() const { return below(60); }

    [[nodiscard]] TimeMs pause_ms() const { return static_cast<TimeMs>(number % 15'000); }

    [[nodiscard]] TimeMs rewind_ms() const { return static_cast<TimeMs>(number % 150'000); }

    // Of a prepare: until its first check; 0: the queue's.
    [[nodiscard]] std::uint32_t first_query_s() const { return other % 2 == 0 ? below(20) : 0; }

    // Of a confirm: what it says, and of how many.
    [[nodiscard]] bool commits() const { return other % 3 != 0; }

    // Of a filter: no subscription for a while, where there is one.
    [[nodiscard]] bool unsubscribes() const { return number % 4 == 0; }

    // Of a check.
    [[nodiscard]] std::uint32_t checks_max() const {
        return static_cast<std::uint32_t>(1 + number % 5);
    }

  private:
    [[nodiscard]] std::uint32_t below(std::uint64_t bound) const {
        return static_cast<std::uint32_t>(other % bound);
    }
};

inline constexpr std::size_t steps_in_a_history = 400;

std::vector<Step> draw_history(std::uint64_t seed);

// What differed first between node and model; empty: nothing.
std::string complaint_of(const std::vector<Step>& steps);

// Leaves out halves, quarters, ... single steps while the rest still fails.
std::vector<Step> shortest(std::vector<Step> steps);

// A line a command: in words, and as it stands in a test that plays it again.
std::string show(const std::vector<Step>& steps);

}  // namespace penstock::reference

// Histories: one node led through random commands, time that jumps, restarts and power cuts,
// against what its queues mean (queue_model.h). A history that fails can be made as short as it
// still fails. Values; one test, one thread.
#pragma once

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
};

// A command with numbers that mean something only when it is carried out, so that others can be
// left out before it.
struct Step {
    Act act = Act::send;
    std::size_t queue = 0;
    std::uint64_t number = 0;
    std::uint64_t other = 0;
};

inline constexpr std::size_t steps_in_a_history = 400;

std::vector<Step> draw_history(std::uint64_t seed);

// What differed first between node and model; empty: nothing.
std::string complaint_of(const std::vector<Step>& steps);

// Leaves out halves, quarters, ... single steps while the rest still fails.
std::vector<Step> shortest(std::vector<Step> steps);

std::string show(const std::vector<Step>& steps);

}  // namespace penstock::reference

#include "tests/reference/history.h"

#include "broker/base/random.h"
#include "tests/reference/pair.h"

#include <array>
#include <sstream>
#include <utility>

namespace penstock::reference {
namespace {

constexpr std::array<const char*, 13> act_names = {"send",
                                                   "receive",
                                                   "remove",
                                                   "change_visibility",
                                                   "wait",
                                                   "rewind",
                                                   "set",
                                                   "clear",
                                                   "restart",
                                                   "crash",
                                                   "publish",
                                                   "filter",
                                                   "redrive"};

}  // namespace

std::string show(const std::vector<Step>& steps) {
    std::ostringstream out;
    for (const Step& step : steps) {
        out << "  " << act_names[static_cast<std::size_t>(step.act)] << " "
            << queue_names.at(step.queue) << " " << step.number << " " << step.other << "\n";
    }
    return out.str();
}

std::vector<Step> draw_history(std::uint64_t seed) {
    constexpr std::array<std::pair<Act, std::uint64_t>, 13> weights = {{{Act::send, 35},
                                                                        {Act::receive, 50},
                                                                        {Act::remove, 33},
                                                                        {Act::change_visibility, 9},
                                                                        {Act::wait, 40},
                                                                        {Act::rewind, 8},
                                                                        {Act::set, 5},
                                                                        {Act::clear, 2},
                                                                        {Act::restart, 1},
                                                                        {Act::crash, 1},
                                                                        {Act::publish, 20},
                                                                        {Act::filter, 4},
                                                                        {Act::redrive, 3}}};
    std::uint64_t total = 0;
    for (const auto& [act, weight] : weights) total += weight;
    SeededRandom random(seed);
    std::vector<Step> steps;
    for (std::size_t at = 0; at < steps_in_a_history; ++at) {
        Step step;
        std::uint64_t drawn = random.below(total);
        for (const auto& [act, weight] : weights) {
            step.act = act;
            if (drawn < weight) break;
            drawn -= weight;
        }
        step.queue = random.below(10) == 0 ? 2 : random.below(2);
        step.number = random.next() >> 16;
        step.other = random.next() >> 16;
        steps.push_back(step);
    }
    return steps;
}

std::string complaint_of(const std::vector<Step>& steps) {
    Pair pair;
    return pair.play(steps);
}

std::vector<Step> shortest(std::vector<Step> steps) {
    for (std::size_t length = steps.size() / 2; length > 0; length /= 2) {
        for (std::size_t at = 0; at + length <= steps.size();) {
            std::vector<Step> fewer = steps;
            fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(at),
                        fewer.begin() + static_cast<std::ptrdiff_t>(at + length));
            if (complaint_of(fewer).empty()) {
                at += length;
            } else {
                steps = std::move(fewer);
            }
        }
    }
    return steps;
}

}  // namespace penstock::reference

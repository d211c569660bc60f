#include "tests/reference/history.h"

#include "broker/base/random.h"
#include "tests/reference/pair.h"

#include <sstream>
#include <utility>

namespace penstock::reference {

namespace {

struct Drawn {
    Act act;
    const char* name;
    std::uint64_t weight;
};

constexpr std::array<Drawn, 16> acts = {{{Act::send, "send", 40},
                                         {Act::receive, "receive", 60},
                                         {Act::remove, "remove", 40},
                                         {Act::change_visibility, "change_visibility", 10},
                                         {Act::wait, "wait", 44},
                                         {Act::rewind, "rewind", 9},
                                         {Act::set, "set", 6},
                                         {Act::clear, "clear", 2},
                                         {Act::restart, "restart", 1},
                                         {Act::crash, "crash", 1},
                                         {Act::publish, "publish", 18},
                                         {Act::filter, "filter", 4},
                                         {Act::redrive, "redrive", 3},
                                         {Act::prepare, "prepare", 14},
                                         {Act::confirm, "confirm", 12},
                                         {Act::check, "check", 8}}};

std::string joined(const Tags& tags) {
    std::string all;
    for (const std::string& tag : tags) all += (all.empty() ? "" : ",") + tag;
    return all.empty() ? "none" : all;
}

std::string seconds(std::uint32_t number) {
    return std::to_string(number) + " s";
}

// What is sent, in words.
std::string messages_of(const Step& step) {
    std::string all = std::to_string(step.messages());
    for (std::size_t at = 0; keeps_order(step.queue) && at < step.messages(); ++at) {
        all += (at == 0 ? " of keys '" : ",'") + step.key(at) + "'";
    }
    return all;
}

// The numbers of a step, in words. Of a command that a power cut is to hit: it says which itself.
std::string words(const Step& step) {
    switch (step.act) {
        case Act::send:
            return " " + messages_of(step) + " after " + seconds(step.delay_s());
        case Act::publish:
            return " " + messages_of(step) + " after " + seconds(step.delay_s()) + ", tags " +
                   joined(step.tags());
        case Act::prepare:
            return " " + messages_of(step) + ", first query " + seconds(step.first_query_s());
        case Act::receive:
            return " at most " + std::to_string(step.messages_max()) + " for " +
                   seconds(step.lease_s());
        case Act::change_visibility:
            return " to " + seconds(step.visibility_s());
        case Act::wait:
            return " " + std::to_string(step.pause_ms()) + " ms";
        case Act::rewind:
            return " by " + std::to_string(step.rewind_ms()) + " ms";
        case Act::confirm:
            return step.commits() ? " commit" : " rollback";
        case Act::check:
            return " at most " + std::to_string(step.checks_max());
        case Act::filter:
            return step.unsubscribes() ? " off, or tags " + joined(step.tags())
                                       : " tags " + joined(step.tags());
        case Act::remove:
        case Act::set:
        case Act::clear:
        case Act::restart:
        case Act::crash:
        case Act::redrive:
            return {};
    }
    return {};
}

// Transactions are of the queues that take them, but one in ten.
std::size_t draw_queue(Act act, SeededRandom& random) {
    const bool elsewhere = random.below(10) == 0;
    if (act == Act::prepare || act == Act::confirm || act == Act::check) {
        if (elsewhere) return orders;
        return random.below(2) == 0 ? deals : moves;
    }
    constexpr std::array<std::size_t, 5> others = {orders, mail, lanes, deals, moves};
    return elsewhere ? std::size_t{dead} : others.at(random.below(others.size()));
}

}  // namespace

std::string Step::key(std::size_t message) const {
    constexpr std::array<const char*, 3> keys = {"", "a", "b"};
    return keys.at((number >> (4 + 4 * message)) % keys.size());
}

Tags Step::tags() const {
    constexpr std::array<const char*, 3> all = {"red", "green", "blue"};
    Tags tags;
    for (std::size_t at = 0; at < all.size(); ++at) {
        if ((number >> (16 + at) & 1U) != 0) tags.insert(all.at(at));
    }
    return tags;
}

std::string show(const std::vector<Step>& steps) {
    std::ostringstream out;
    for (const Step& step : steps) {
        const std::string name = acts.at(static_cast<std::size_t>(step.act)).name;
        const std::string& queue = queue_names.at(step.queue);
        out << "  {Act::" << name << ", " << queue << ", " << step.number << ", " << step.other
            << "},  // " << name << " " << queue << words(step) << "\n";
    }
    return out.str();
}

std::vector<Step> draw_history(std::uint64_t seed) {
    std::uint64_t total = 0;
    for (const Drawn& one : acts) total += one.weight;
    SeededRandom random(seed);
    std::vector<Step> steps;
    for (std::size_t at = 0; at < steps_in_a_history; ++at) {
        Step step;
        std::uint64_t drawn = random.below(total);
        for (const Drawn& one : acts) {
            step.act = one.act;
            if (drawn < one.weight) break;
            drawn -= one.weight;
        }
        step.queue = draw_queue(step.act, random);
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

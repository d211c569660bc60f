// Linearizer: whether the operations on one object could have happened one after the other, each
// between its question and its answer. All orders are followed at once: a configuration is the
// state after some order of the operations begun so far, with those of them that are still open and
// have happened in it. An answer keeps the configurations in which its operation has happened; none
// left: there is no such order. Nothing open means nothing to remember but states: histories are
// cut at quiescent points by themselves. Operations without an answer stay open for ever; of two
// configurations with one state the one that has used fewer of them is enough. More configurations
// than `configurations_max` are no verdict: "undecided". Used on the stack by the checkers.
//
// A Model has: State (ordered); Step, what the operation comes to; `begin()`, the first state;
// `apply(state, operation, out)`, appends the states after it, none if it cannot happen;
// `drift(state, now_us, out)`, appends what may have happened by itself until then.
#pragma once

#include "tests/nemesis/history.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace penstock::nemesis {

enum class Verdict : std::uint8_t { linearizable, broken, undecided };

struct Judged {
    Verdict verdict = Verdict::linearizable;
    const Operation* at = nullptr;  // whose answer no order explains
};

template <class Model>
class Linearizer {
  public:
    Linearizer(const Model& model, std::vector<const Operation*> operations)
        : model_(model), operations_(std::move(operations)) {}

    Judged judge() {
        keep(configurations_, model_.begin(), {});
        for (const Event& event : events()) {
            if (!event.answer) {
                open_.push_back(event.operation);
                continue;
            }
            Configurations after = until_happened(event);
            std::erase(open_, event.operation);
            if (overflown_) return {Verdict::undecided, operations_[event.operation]};
            if (after.empty()) return {Verdict::broken, operations_[event.operation]};
            configurations_ = std::move(after);
        }
        return {};
    }

  private:
    static constexpr std::size_t configurations_max = 100'000;

    using State = typename Model::State;
    using Number = std::uint32_t;
    using Happened = std::vector<Number>;  // sorted

    struct Event {
        TimeUs at_us = 0;
        bool answer = false;
        Number operation = 0;

        friend bool operator<(const Event& left, const Event& right) {
            return std::pair(left.at_us, left.answer) < std::pair(right.at_us, right.answer);
        }
    };

    // State and open operations that will be answered -> the fewest of those that never will be.
    using Configurations = std::map<std::pair<State, Happened>, std::vector<Happened>>;

    struct Configuration {
        State state;
        Happened happened;
    };

    std::vector<Event> events() const {
        std::vector<Event> all;
        for (Number at = 0; at < operations_.size(); ++at) {
            all.push_back({operations_[at]->invoke_us, false, at});
            if (operations_[at]->complete_us == never_us) continue;
            all.push_back({operations_[at]->complete_us, true, at});
        }
        std::stable_sort(all.begin(), all.end());
        return all;
    }

    [[nodiscard]] bool is_answered(Number operation) const {
        return operations_[operation]->complete_us != never_us;
    }

    // False: one that is as good is there already.
    bool keep(Configurations& among, const State& state, const Happened& happened) const {
        Happened answered;
        Happened unanswered;
        for (const Number one : happened) {
            (is_answered(one) ? answered : unanswered).push_back(one);
        }
        auto& fewest = among[{state, std::move(answered)}];
        const auto covers = [](const Happened& more, const Happened& less) {
            return std::includes(more.begin(), more.end(), less.begin(), less.end());
        };
        for (const Happened& less : fewest) {
            if (covers(unanswered, less)) return false;
        }
        std::erase_if(fewest, [&](const Happened& more) { return covers(more, unanswered); });
        fewest.push_back(std::move(unanswered));
        return true;
    }

    Configurations until_happened(const Event& event) {
        Configurations seen;
        Configurations after;
        std::vector<Configuration> todo;
        std::size_t visited = 0;
        const auto visit = [&](const State& state, const Happened& happened) {
            if (!keep(seen, state, happened)) return;
            overflown_ = overflown_ || ++visited > configurations_max;
            todo.push_back({state, happened});
        };
        for (const auto& [key, fewest] : configurations_) {
            for (const Happened& unanswered : fewest) {
                Happened happened = key.second;
                happened.insert(happened.end(), unanswered.begin(), unanswered.end());
                std::sort(happened.begin(), happened.end());
                visit(key.first, happened);
            }
        }
        while (!todo.empty() && !overflown_) {
            const Configuration one = std::move(todo.back());
            todo.pop_back();
            const auto has = [&](Number operation) {
                return std::binary_search(one.happened.begin(), one.happened.end(), operation);
            };
            if (has(event.operation)) {
                Happened rest = one.happened;
                std::erase(rest, event.operation);
                keep(after, one.state, rest);
                continue;
            }
            std::vector<State> states;
            model_.drift(one.state, event.at_us, states);
            for (const State& state : states) visit(state, one.happened);
            for (const Number operation : open_) {
                if (has(operation)) continue;
                states.clear();
                model_.apply(one.state, *operations_[operation], states);
                Happened more = one.happened;
                more.insert(std::upper_bound(more.begin(), more.end(), operation), operation);
                for (const State& state : states) visit(state, more);
            }
        }
        return after;
    }

    const Model& model_;
    std::vector<const Operation*> operations_;
    std::vector<Number> open_;
    Configurations configurations_;
    bool overflown_ = false;
};

}  // namespace penstock::nemesis

// Machine: one node over a simulated disk, clock and randomness, driven step by step. What it
// leaves behind when it dies are the disk and the images of its rows. Owned by one simulation, one
// thread. After a step has failed the machine is dead: only destroy it.
#pragma once

#include "broker/node/node.h"
#include "broker/node/offload.h"
#include "tests/support/manual_clock.h"

#include <functional>
#include <map>
#include <string>
#include <utility>

namespace penstock::simulation {

// Rows as of the last flush, by the folder they are in.
using RowImages = std::map<std::string, storage::MemoryRowsImage>;

class Machine {
  public:
    // `flushes`: rows become durable all the time; else never, and a restart replays all of the
    // log.
    Machine(Disk& disk, RowImages& rows, const Clock& clock, Random& random, bool flushes = true);

    Result<void> start() { return node_.open(); }

    // Steps until nothing is left to do at this moment.
    Result<void> run();

    // One step; true when there is more to do at this moment.
    Result<bool> step() { return node_.step(); }

    // The answer comes from inside a later step.
    template <class R>
    void ask(R request, std::function<void(api::Outcome<typename R::Reply>)> answer) {
        auto unpack = [answer = std::move(answer)](std::any outcome) {
            answer(std::any_cast<api::Outcome<typename R::Reply>>(std::move(outcome)));
        };
        const api::Principal principal{"simulation", true};
        node_.call(principal, api::Request{std::move(request)}, {}, std::move(unpack));
    }

    // Asks and steps until the answer is there.
    template <class R>
    api::Outcome<typename R::Reply> ask_now(R request) {
        std::optional<api::Outcome<typename R::Reply>> got;
        ask<R>(std::move(request),
               [&got](api::Outcome<typename R::Reply> outcome) { got = std::move(outcome); });
        for (int at = 0; at < steps_max && !got; ++at) {
            if (!step()) break;
        }
        if (!got) return model::Refusal{model::Reason::unknown_outcome, {}, "never answered"};
        return std::move(*got);
    }

    [[nodiscard]] node::Node& node() { return node_; }

    // Digest of both sets: equal for equal histories.
    [[nodiscard]] std::uint64_t state_hash() const;

  private:
    static constexpr int steps_max = 10'000;

    node::Offload offload_{node::Offload::Kind::stepped};
    node::Node node_;
};

}  // namespace penstock::simulation

// Worker: frames in, frames out. Keeps the scripts in use by role, the runs in flight and the calls
// they wait for. Does no I/O: what goes out gathers in `out`, and `flush` is asked now and then
// while a script runs long. Owned by the serve loop; one thread. A frame it cannot use is a log
// line.
#pragma once

#include "broker/base/clock.h"
#include "lua/interpreter.h"
#include "lua/run.h"
#include "lua/vm.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace penstock::lua {

class Worker final : public Host {
  public:
    using Flush = std::function<void()>;

    Worker(const Limits& limits, const Clock& clock, std::string& out, Flush flush);

    // One frame from the server. Scripts may run before it returns.
    void hear(std::string_view frame);

    // No further frame is there: messages gathered for handle_batch are handled now, and those that
    // nobody waits for are given up.
    void rest();

    [[nodiscard]] std::size_t in_flight() const { return runs_.size() + gathered_.size(); }

    // Bytes of all scripts' states.
    [[nodiscard]] std::size_t memory_used() const;
    void collect_garbage();

    void log(const Run* run, std::string_view level, std::string_view text) override;
    void breathe() override;
    [[nodiscard]] std::int64_t wall_ms() const override;

  private:
    struct Role {
        sinks::worker::Script script;
        std::shared_ptr<Vm> vm;
        std::int64_t loaded_us = 0;
    };

    struct Flight {
        std::shared_ptr<Vm> vm;
        Run run;
    };

    using Flights = std::map<std::uint64_t, std::unique_ptr<Flight>>;

    void load(sinks::worker::Script script);
    void begin(sinks::worker::Order order);
    void begin_run(Role& role, std::vector<Input> inputs);
    void start(const std::shared_ptr<Vm>& vm, const std::string& role, std::vector<Input> inputs);
    void handle_one_by_one(Flight& batch);
    void handle_gathered();
    void give_up_unanswered();
    void go_on(sinks::worker::Order order);
    void after(Vm::Step step, std::unique_ptr<Flight> flight);
    void answer(const Run& run);
    void renew_if_old(Role& role);

    Limits limits_;
    const Clock& clock_;
    std::string& out_;
    Flush flush_;
    std::map<std::string, Role> roles_;
    Flights runs_;  // by the call they wait for
    std::vector<Input> gathered_;
    std::uint64_t calls_ = 0;
};

}  // namespace penstock::lua

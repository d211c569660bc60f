// PoolProcess: one process of a pool and the messages it holds. It keeps count; what follows from
// it is decided by its Owner, the pool. On the pool's thread. It cannot fail.
#pragma once

#include "sinks/worker/conversation.h"
#include "sinks/worker/launcher.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks::worker {

// A message in the hands of a process.
struct Flight {
    Job job;
    std::int64_t offered_us = 0;
    std::int64_t deadline_us = 0;
    std::int64_t waits_until_us = 0;  // should it go back to the queue unseen
    std::uint64_t log_begin = 0;      // where its part of the process' output begins
};

class PoolProcess final : public Host, public std::enable_shared_from_this<PoolProcess> {
  public:
    enum class State : std::uint8_t {
        starting,
        ready,
        draining,  // answers what it holds, takes no more
        ending     // asked to end; the launcher's word is awaited
    };

    // Why it was asked to end.
    enum class Why : std::uint8_t { not_asked, retired, timeout, breach, not_ready };

    class Owner {
      public:
        virtual ~Owner() = default;
        virtual void on_ready(PoolProcess& process) = 0;
        virtual void on_answer(PoolProcess& process, Ticket ticket, Outcome outcome) = 0;
        virtual void on_extend(PoolProcess& process, Ticket ticket, std::uint64_t by_ms) = 0;
        virtual void on_line(PoolProcess& process,
                             std::string_view level,
                             Ticket ticket,
                             std::string_view text) = 0;
        virtual void on_breach(PoolProcess& process, std::string_view what) = 0;
        virtual void on_room() = 0;
    };

    PoolProcess(Owner& owner, std::uint64_t generation_of)
        : generation(generation_of), owner_(owner) {}

    void ready() override { owner_.on_ready(*this); }

    void finish(Ticket ticket, Outcome outcome) override {
        owner_.on_answer(*this, ticket, std::move(outcome));
    }

    void extend(Ticket ticket, std::uint64_t by_ms) override {
        owner_.on_extend(*this, ticket, by_ms);
    }

    void log(std::string_view level, Ticket ticket, std::string_view text) override {
        owner_.on_line(*this, level, ticket, text);
    }

    void output(std::string_view stream, std::string_view line) override;

    void breach(std::string_view what) override { owner_.on_breach(*this, what); }

    void room() override { owner_.on_room(); }

    // What it wrote since `begin`, the last attempt_log_bytes_max of it.
    [[nodiscard]] std::string tail_since(std::uint64_t begin) const;

    [[nodiscard]] std::uint64_t tail_end() const { return tail_total_; }

    // Places taken: messages in hand and those that ran out of time and were never answered.
    [[nodiscard]] std::size_t taken() const { return flights.size() + late.size(); }

    [[nodiscard]] bool serves() const { return state == State::starting || state == State::ready; }

    std::uint64_t generation = 0;  // of the target it was started for
    Launcher::ProcessNo number = 0;
    std::vector<std::string> command;
    State state = State::starting;
    Why why = Why::not_asked;
    std::unique_ptr<Conversation> conversation;
    std::map<Ticket, Flight> flights;
    std::set<Ticket> late;
    std::uint64_t offered = 0;
    std::uint64_t handled = 0;
    std::int64_t started_us = 0;
    std::int64_t started_wall_ms = 0;
    std::int64_t answered_us = 0;    // last time
    std::int64_t ready_by_us = 0;    // starting
    std::int64_t kill_at_us = 0;     // ending; 0: killed
    std::int64_t recycle_at_us = 0;  // its age is reached; 0: never
    std::int64_t weigh_at_us = 0;    // 0: nothing was handed out since it was weighed
    bool alone = false;              // holds a suspect: nothing else is offered
    bool clearing = false;           // is being emptied for a suspect
    bool told_unknown = false;       // an answer for an unknown message was logged
    std::string broke;               // how it broke the contract
    std::optional<ProcessEnd> end;

  private:
    Owner& owner_;
    std::string tail_;
    std::uint64_t tail_total_ = 0;
};

}  // namespace penstock::sinks::worker

// Contract, Conversation, Host: how the pool and a way of speaking (JSON lines, runtime APIs, HTTP,
// penstock-lua) share the work. The pool decides when a process starts, what it is given, when it
// has had its time and what its end means; the conversation moves the bytes and says what was
// answered. One thread, the pool's. A conversation owns its descriptors and is destroyed by its
// pool, never inside one of its own calls.
#pragma once

#include "broker/api/dispatch.h"
#include "broker/base/error.h"
#include "sinks/sink.h"
#include "sinks/worker/launcher.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks::worker {

// Pause asked for what a broken configuration gives back, should its disabling come late.
inline constexpr std::uint32_t disabled_pause_ms = 5'000;

// What came of a message.
struct Outcome {
    AttemptResult result;
    std::string value;  // what the answer gave back: JSON, or empty
};

// One message to be handled. Target and delivery live until `done` has returned; `done` runs once
// and does not call back into the pool but for deliver().
struct Job {
    const api::Target* target = nullptr;
    const api::Delivery* delivery = nullptr;
    std::string role;  // which script of penstock-lua is asked; empty: the handler
    std::function<void(Outcome)> done;
};

// The pool's side of one process, as its conversation sees it. May be called at any time, also
// inside the conversation's own functions: it only takes notes, the pool acts later.
class Host {
  public:
    // Names a message towards one process, never reused within a pool; good as the wire's id.
    using Ticket = std::uint64_t;

    virtual ~Host() = default;

    // The process takes messages from now on.
    virtual void ready() = 0;

    // The message was answered. A ticket that is answered already, was never given or ran out of
    // time is dropped and logged once. The pool adds the end of stderr where it failed.
    virtual void finish(Ticket ticket, Outcome outcome) = 0;

    // The worker asks for time until `by_ms` from now.
    virtual void extend(Ticket ticket, std::uint64_t by_ms) = 0;

    // A line for the function's log; ticket 0: of no single message.
    virtual void log(std::string_view level, Ticket ticket, std::string_view text) = 0;

    // A line that the process wrote by itself: "stderr" or "stdout".
    virtual void output(std::string_view stream, std::string_view line) = 0;

    // The process broke the contract beyond repair, `what` says how: it is killed, as a crash.
    virtual void breach(std::string_view what) = 0;

    // Conversation::has_room() may have become true.
    virtual void room() = 0;
};

class Conversation {
  public:
    virtual ~Conversation() = default;

    // A message for the process. It may wait in here until flush(); the job lives until it is
    // finished or cancelled.
    virtual void offer(Host::Ticket ticket, const Job& job) = 0;

    // The pool has nothing more to offer just now: what waits goes out in one write.
    virtual void flush() = 0;

    // False while too much waits to be written. The pool offers no more then.
    [[nodiscard]] virtual bool has_room() const = 0;

    // True when the process has, or may have, begun to read the message. The end of the process is
    // no crash of a message that it never saw. Asked after ended() as well.
    [[nodiscard]] virtual bool has_seen(Host::Ticket ticket) const = 0;

    // The pool finished the message without the process: no use may be made of the job after it.
    // An answer that comes all the same is reported as any other; that none will come any more, as
    // not attempted. Until then its place is taken.
    virtual void cancel(Host::Ticket ticket) = 0;

    // The process shall end once it has answered what it holds; nothing is offered any more. Its
    // standard input may close when nothing is in flight. The pool sends the SIGTERM.
    virtual void end_input() = 0;

    // Takes what stderr holds at this moment, so that a failed answer finds its lines.
    virtual void drain_output() = 0;

    // The process and its descendants are gone: reads what they left, reports answers in it, then
    // closes everything. No call to the host after it has returned.
    virtual void ended() = 0;
};

// A process about to start and the conversation with it.
struct Opening {
    std::vector<int> files;                // its descriptors 0, 1, 2 ...; handed to the launcher
    std::vector<std::string> environment;  // NAME=value, beside what the order has
    std::vector<std::string> writable;     // folders, beside the order's
    std::unique_ptr<Conversation> conversation;
    bool ready_at_once = false;  // it may be given messages before it said a word
};

// One way to speak. Owned by its PoolSet.
class Contract {
  public:
    virtual ~Contract() = default;

    // How a process for `target` is started. Error{invalid}: it never can be, in one sentence for
    // people that says what to change; the subscription is disabled with it.
    virtual Result<ProcessOrder> order(const api::Target& target) = 0;

    // Descriptors and conversation for one process; `host` outlives the conversation. An error is
    // ours, not the user's: descriptors, ports. It is tried again later.
    virtual Result<Opening> open(const api::Target& target, Host& host) = 0;

    // Messages that one process has in flight at most.
    [[nodiscard]] virtual std::uint32_t window(const api::Target& target) const {
        return target.spec.function.window;
    }

    // What a process must do to be ready, for people; stands behind "not ready within 10 s".
    [[nodiscard]] virtual std::string_view readiness() const { return {}; }

    // Nothing is opened any more: what the contract shares between its processes ends.
    virtual void stop() {}

    // True when processes started for `old` serve `now` as well.
    [[nodiscard]] virtual bool same_process(const api::Target& old, const api::Target& now) const {
        return old.spec.function == now.spec.function && old.topic == now.topic &&
               old.name == now.name;
    }
};

}  // namespace penstock::sinks::worker

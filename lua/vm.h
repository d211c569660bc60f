// Vm: one Lua state with one version of one script loaded, and the runs in it. Each message is a
// coroutine; a broken budget ends its run and no other. Made by load() and owned by shared
// pointers: the worker's for the version in use, and one of every run in flight. One thread.
// Operating errors do not occur; what a script does wrong is an Outcome, or load()'s Error{invalid}
// with "NAME:LINE: message".
#pragma once

#include "broker/base/error.h"
#include "lua/interpreter.h"
#include "lua/run.h"
#include "sinks/worker/protocol.h"

#include <lua.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace penstock::lua {

class Vm {
    struct Made {  // only load() makes one
        explicit Made() = default;
    };

  public:
    // `host` must outlive it.
    static Result<std::shared_ptr<Vm>> load(const sinks::worker::Script& script,
                                            const Limits& limits,
                                            Host& host);

    Vm(Made, const Limits& limits, Host& host);
    ~Vm();
    Vm(const Vm&) = delete;
    Vm& operator=(const Vm&) = delete;

    enum class Step : std::uint8_t { finished, waiting };

    // Begins the call of the script's function with run.inputs. `run` stays where it is until it
    // has finished or is abandoned. After `waiting` the caller sends run.request.
    Step start(Run& run);

    // Goes on with run.reply.
    Step resume(Run& run);

    // The run will never go on.
    void abandon(Run& run);

    [[nodiscard]] bool takes_batches() const { return batches_; }

    [[nodiscard]] std::size_t in_flight() const { return in_flight_; }

    [[nodiscard]] std::uint64_t uses() const { return uses_; }

    [[nodiscard]] std::size_t memory_used() const { return interpreter_.heap.used(); }

    void collect_garbage();

    // After a run that ran out of memory: is there room for others?
    bool is_sound();

  private:
    Result<void> open(const sinks::worker::Script& script);
    Step go_on(Run& run, int arguments);
    void finish(Run& run, int status);
    void let_go(Run& run, bool reusable);
    bool take_thread(Run& run);

    Interpreter interpreter_;
    lua_State* state_ = nullptr;
    bool batches_ = false;
    std::size_t in_flight_ = 0;
    std::uint64_t uses_ = 0;
    std::size_t used_when_loaded_ = 0;

    struct Idle {
        lua_State* thread;
        int reference;
    };

    std::vector<Idle> idle_;  // coroutines that ended well, for the next message
};

}  // namespace penstock::lua

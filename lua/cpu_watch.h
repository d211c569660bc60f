// CpuWatch: the outermost wall inside the process. Counts processor time by a profiling signal and,
// when a run has used up its share, makes Lua stop at its next instruction, whichever coroutine it
// is in. Code in C that takes long asks expired(). What does not stop even so ends the process:
// half of the share later with exit status 70. One a process (a signal handler has no owner); one
// thread.
#pragma once

#include "broker/base/error.h"

#include <lua.hpp>

#include <cstdint>

namespace penstock::lua {

class CpuWatch {
  public:
    static constexpr int exit_status_stuck = 70;

    // Installs the signal and its timer. Error{unavailable}: the system refuses.
    static Result<void> arm(lua_Hook stop);

    // From here to end() `thread` runs and may use `left_ns`.
    static void begin(lua_State* thread, std::int64_t left_ns);

    // Gives what has been used, within two ticks of some milliseconds.
    static std::int64_t end();

    [[nodiscard]] static bool expired();

    // While it lives another coroutine is the one to stop.
    class Switch {
      public:
        explicit Switch(lua_State* thread);
        ~Switch();
        Switch(const Switch&) = delete;
        Switch& operator=(const Switch&) = delete;

      private:
        lua_State* before_;
    };
};

}  // namespace penstock::lua

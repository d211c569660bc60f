// LuaContract: how the processes of penstock-lua are started for a subscription. Owned by a
// PoolSet, on its thread. Errors are those of descriptors.
#pragma once

#include "sinks/lua/lua_conversation.h"
#include "sinks/worker/conversation.h"

#include <cstdint>
#include <string>
#include <utility>

namespace penstock::sinks::lua {

inline constexpr std::uint32_t lua_window = 64;          // messages in one process unless set
inline constexpr std::uint32_t lua_memory_mib_max = 64;  // of one script's state

struct LuaProgram {
    std::string path;  // of penstock-lua, absolute
    worker::SandboxProfile profile = worker::SandboxProfile::standard;
};

// How a process is started whose states may have `memory_mib` each. Whose it is, and how long a
// message may take, is the caller's to add.
worker::ProcessOrder lua_order(const LuaProgram& program, std::uint32_t memory_mib);

// What one state may have of the `wish` of its subscription, which is about the handler.
std::uint32_t state_memory_mib(LuaDuty duty, std::uint32_t wish);

class LuaContract final : public worker::Contract {
  public:
    LuaContract(const LuaSurroundings& surroundings, LuaDuty duty, LuaProgram program)
        : world_(surroundings), duty_(duty), program_(std::move(program)) {}

    Result<worker::ProcessOrder> order(const api::Target& target) override;
    Result<worker::Opening> open(const api::Target& target, worker::Host& host) override;

    // A window of 1 is what a subscription has that said nothing: a state serves many at a time.
    [[nodiscard]] std::uint32_t window(const api::Target& target) const override {
        const std::uint32_t wish = target.spec.function.window;
        return wish > 1 ? wish : lua_window;
    }

    // Scripts change over in a running process.
    [[nodiscard]] bool same_process(const api::Target& old, const api::Target& now) const override {
        return old.spec.function == now.spec.function &&
               old.spec.timeout_ms == now.spec.timeout_ms && old.topic == now.topic &&
               old.name == now.name;
    }

  private:
    LuaSurroundings world_;
    LuaDuty duty_;
    LuaProgram program_;
};

}  // namespace penstock::sinks::lua

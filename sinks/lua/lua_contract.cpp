#include "sinks/lua/lua_contract.h"

#include "sinks/worker/wording.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace penstock::sinks::lua {
namespace {

constexpr std::uint64_t program_mib = 192;   // penstock-lua itself, bodies under way
constexpr std::uint64_t states_at_once = 6;  // three roles, each with its version before
constexpr std::uint32_t lua_processes = 8;   // it starts none; threads of the C library count
constexpr std::uint32_t lua_open_files = 32;
constexpr std::uint32_t stage_memory_mib = 16;

// Of one state. What the subscription says is about its handler.
std::uint32_t memory_mib(const api::Target& target, LuaDuty duty) {
    if (duty == LuaDuty::stage) return stage_memory_mib;
    return std::clamp(target.spec.function.memory_mib, 1U, lua_memory_mib_max);
}

// Processor time for one message: broken before the message's deadline, the budget ends the script
// alone; the deadline may end the process with all it holds.
std::uint32_t processor_ms(const api::Target& target) {
    return std::max(1U, target.spec.timeout_ms / 4 * 3);
}

}  // namespace

Result<worker::ProcessOrder> LuaContract::order(const api::Target& target) {
    const std::uint32_t memory = memory_mib(target, duty_);
    worker::ProcessOrder order;
    order.command = {program_.path,
                     "--memory",
                     std::to_string(memory),
                     "--wall-ms",
                     std::to_string(processor_ms(target))};
    order.folder = "/";
    order.profile = program_.profile;
    order.limits.memory_bytes = (program_mib + states_at_once * memory) << 20;
    order.limits.processes = lua_processes;
    order.limits.open_files = lua_open_files;
    order.limits.file_bytes = 0;
    order.function = target.subscription.value;
    order.only_computes = true;
    return order;
}

Result<worker::Opening> LuaContract::open(const api::Target& target, worker::Host& host) {
    worker::Opening opening;
    auto conversation =
        std::make_unique<LuaConversation>(world_, host, duty_, worker::shown_name(target));
    const auto opened = conversation->open(target, opening.files);
    if (!opened) return opened.error();
    opening.conversation = std::move(conversation);
    return opening;
}

}  // namespace penstock::sinks::lua

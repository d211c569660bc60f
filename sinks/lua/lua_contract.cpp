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

// Processor time for one message: broken before the message's deadline, the budget ends the script
// alone; the deadline may end the process with all it holds.
std::uint32_t processor_ms(const api::Target& target) {
    return std::max(1U, target.spec.timeout_ms / 4 * 3);
}

}  // namespace

std::uint32_t state_memory_mib(LuaDuty duty, std::uint32_t wish) {
    if (duty == LuaDuty::stage) return stage_memory_mib;
    return std::clamp(wish, 1U, lua_memory_mib_max);
}

worker::ProcessOrder lua_order(const LuaProgram& program, std::uint32_t memory_mib) {
    worker::ProcessOrder order;
    order.command = {program.path, "--memory", std::to_string(memory_mib)};
    order.folder = "/";
    order.profile = program.profile;
    order.limits.memory_bytes = (program_mib + states_at_once * memory_mib) << 20;
    order.limits.processes = lua_processes;
    order.limits.open_files = lua_open_files;
    order.limits.file_bytes = 0;
    order.only_computes = true;
    return order;
}

Result<worker::ProcessOrder> LuaContract::order(const api::Target& target) {
    worker::ProcessOrder order =
        lua_order(program_, state_memory_mib(duty_, target.spec.function.memory_mib));
    order.command.insert(order.command.end(), {"--wall-ms", std::to_string(processor_ms(target))});
    order.function = target.subscription.value;
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

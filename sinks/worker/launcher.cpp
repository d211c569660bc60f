#include "sinks/worker/launcher.h"

namespace penstock::sinks::worker {
namespace {

constexpr std::uint32_t first_user = 60'000;
constexpr std::uint32_t nobody = 65'534;

}  // namespace

std::uint32_t user_of(std::uint32_t function) {
    const std::uint32_t user = first_user + function;
    return user < nobody ? user : user + 2;
}

std::string_view to_text(SandboxProfile profile) {
    switch (profile) {
        case SandboxProfile::none:
            return "none";
        case SandboxProfile::standard:
            return "default";
        case SandboxProfile::strict:
            return "strict";
    }
    return "unknown";
}

}  // namespace penstock::sinks::worker

#include "sinks/worker/launcher.h"

namespace penstock::sinks::worker {

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

#include "sinks/process/process_order.h"

#include "sinks/worker/wording.h"

#include <sys/stat.h>

#include <algorithm>

namespace penstock::sinks::process {
namespace {

bool is_file(const std::string& path) {
    struct ::stat facts {};

    return ::stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode);
}

// Beside the file lie the modules it loads. In the root lies everything: there the file alone.
std::string readable_for(const std::string& file) {
    const std::size_t slash = file.rfind('/');
    return slash == 0 ? file : file.substr(0, slash);
}

}  // namespace

Result<worker::ProcessOrder> process_order(const api::Target& target,
                                           const ProcessOptions& options) {
    if (!options.allowed) {
        return error(Errc::invalid,
                     worker::shown_name(target) +
                         ": this server runs no programs, functions.allow_processes is off" +
                         worker::then_resume(target));
    }
    const auto& command = target.spec.function.command;
    if (command.empty() || !command.front().starts_with('/')) {
        return error(Errc::invalid,
                     worker::shown_name(target) + ": the program " +
                         (command.empty() ? "is missing" : "\"" + command.front() + "\"") +
                         " must be given by its absolute path" + worker::then_resume(target));
    }
    worker::ProcessOrder order;
    order.command = command;
    order.environment = options.environment;
    const std::string& folder = target.spec.function.folder;
    order.folder = folder.empty() ? options.folder : folder;
    order.profile = options.profile;
    order.limits.memory_bytes = std::uint64_t{target.spec.function.memory_mib} << 20;
    order.function = target.subscription.value;
    order.readable = options.readable;
    order.writable = options.writable;
    if (folder.size() > 1) order.readable.push_back(folder);
    for (const std::string& part : command) {
        if (!part.starts_with('/') || !is_file(part)) continue;
        const std::string near = readable_for(part);
        const auto known = std::find(order.readable.begin(), order.readable.end(), near);
        if (known == order.readable.end()) order.readable.push_back(near);
    }
    return order;
}

}  // namespace penstock::sinks::process

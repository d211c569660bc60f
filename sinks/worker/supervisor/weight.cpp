#include "sinks/worker/supervisor/weight.h"

#include "sinks/worker/supervisor/kernel_files.h"

#include <unistd.h>

#include <charconv>
#include <string>

namespace penstock::sinks::worker::supervisor {

std::uint64_t resident_bytes(const std::vector<pid_t>& processes) {
    const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    std::uint64_t sum = 0;
    for (const pid_t process : processes) {
        // Total, resident, and more, in pages.
        const std::string pages = read_file("/proc/" + std::to_string(process) + "/statm");
        const auto fields = split(pages, ' ');
        if (fields.size() < 2) continue;
        std::uint64_t resident = 0;
        std::from_chars(fields[1].data(), fields[1].data() + fields[1].size(), resident);
        sum += resident * page_bytes;
    }
    return sum;
}

}  // namespace penstock::sinks::worker::supervisor

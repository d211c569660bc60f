#include "sinks/worker/supervisor/descendants.h"

#include "sinks/worker/supervisor/kernel_files.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <system_error>

namespace penstock::sinks::worker::supervisor {

namespace {

// Rounds of stopping before killing starts anyway.
constexpr int stop_rounds_max = 100;

pid_t number_of(const std::string& text) {
    pid_t number = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    return parsed.ec == std::errc() && parsed.ptr == end ? number : 0;
}

// The parent in /proc/PID/stat; the name before it may hold anything, so look from its end.
pid_t parent_of(pid_t process) {
    const std::string stat = read_file("/proc/" + std::to_string(process) + "/stat");
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos) return 0;
    const auto fields = split(std::string_view(stat).substr(name_end + 1), ' ');
    return fields.size() > 2 ? number_of(fields[2]) : 0;
}

std::multimap<pid_t, pid_t> children_by_parent() {
    std::multimap<pid_t, pid_t> found;
    std::error_code problem;
    const std::filesystem::directory_iterator end;
    for (std::filesystem::directory_iterator at("/proc", problem); !problem && at != end;
         at.increment(problem)) {
        const pid_t process = number_of(at->path().filename().string());
        if (process > 0) found.emplace(parent_of(process), process);
    }
    return found;
}

std::set<pid_t> below(pid_t process) {
    const auto all = children_by_parent();
    std::set<pid_t> found;
    std::vector<pid_t> open{process};
    while (!open.empty()) {
        const auto [first, last] = all.equal_range(open.back());
        open.pop_back();
        for (auto at = first; at != last; ++at) {
            if (found.insert(at->second).second) open.push_back(at->second);
        }
    }
    return found;
}

std::set<pid_t> descendants() {
    return below(::getpid());
}

// False when there is no child left.
bool reap() {
    for (;;) {
        const pid_t process = ::waitpid(-1, nullptr, WNOHANG | __WALL);
        if (process < 0) return false;
        if (process == 0) return true;
    }
}

void stop_all() {
    std::set<pid_t> stopped;
    for (int round = 0; round < stop_rounds_max; ++round) {
        bool news = false;
        for (const pid_t process : descendants()) {
            if (!stopped.insert(process).second) continue;
            ::kill(process, SIGSTOP);
            news = true;
        }
        if (!news) return;
    }
}

}  // namespace

std::vector<pid_t> children() {
    const auto all = children_by_parent();
    const auto [first, last] = all.equal_range(::getpid());
    std::vector<pid_t> found;
    for (auto at = first; at != last; ++at) found.push_back(at->second);
    return found;
}

std::vector<pid_t> descendants_of(pid_t process) {
    const std::set<pid_t> found = below(process);
    return {found.begin(), found.end()};
}

bool end_descendants(int rounds_max) {
    for (int round = 0; round < rounds_max; ++round) {
        if (!reap()) return true;
        stop_all();
        for (const pid_t process : descendants()) ::kill(process, SIGKILL);
        pause_ms(1);
    }
    return !reap();
}

}  // namespace penstock::sinks::worker::supervisor

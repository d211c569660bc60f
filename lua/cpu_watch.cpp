#include "lua/cpu_watch.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>

namespace penstock::lua {
namespace {

constexpr suseconds_t tick_us = 4'000;
constexpr std::int64_t stuck_grace_ns = 50'000'000;

// Written by the thread and its own signal handler only; atomic so that neither tears.
std::atomic<lua_State*> running{nullptr};
std::atomic<lua_Hook> stop_hook{nullptr};
std::atomic<std::int64_t> began_ns{0};  // 0: no tick yet
std::atomic<std::int64_t> ticked_ns{0};
std::atomic<std::int64_t> share_ns{0};
std::atomic<bool> used_up{false};

std::int64_t cpu_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

void stop(lua_State* thread) {
    lua_sethook(thread, stop_hook.load(), LUA_MASKCOUNT, 1);
}

[[noreturn]] void end_process() {
    static constexpr std::string_view line =
        "penstock-lua: a script could not be stopped, ending\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
    ::_exit(CpuWatch::exit_status_stuck);
}

// Only what is safe in a signal handler; lua_sethook is, by its documentation.
void on_tick(int) {
    lua_State* thread = running.load();
    if (thread == nullptr) return;
    const int error_before = errno;
    const std::int64_t now = cpu_ns();
    if (began_ns.load() == 0) began_ns.store(now);
    ticked_ns.store(now);
    const std::int64_t used = now - began_ns.load();
    const std::int64_t share = share_ns.load();
    if (used >= share) {
        used_up.store(true);
        stop(thread);
        if (used - share > share / 2 + stuck_grace_ns) end_process();
    }
    errno = error_before;
}

}  // namespace

Result<void> CpuWatch::arm(lua_Hook stop) {
    stop_hook.store(stop);

    struct sigaction action {};

    action.sa_handler = &on_tick;
    action.sa_flags = SA_RESTART;
    itimerval interval{};
    interval.it_interval.tv_usec = tick_us;
    interval.it_value.tv_usec = tick_us;
    if (::sigaction(SIGPROF, &action, nullptr) != 0 ||
        ::setitimer(ITIMER_PROF, &interval, nullptr) != 0)
        return error(Errc::unavailable,
                     std::string("the processor time watch cannot start: ") + std::strerror(errno));
    return {};
}

void CpuWatch::begin(lua_State* thread, std::int64_t left_ns) {
    used_up.store(false, std::memory_order_relaxed);
    began_ns.store(0, std::memory_order_relaxed);
    ticked_ns.store(0, std::memory_order_relaxed);
    share_ns.store(left_ns, std::memory_order_relaxed);
    running.store(thread);
}

std::int64_t CpuWatch::end() {
    running.store(nullptr);
    return ticked_ns.load(std::memory_order_relaxed) - began_ns.load(std::memory_order_relaxed);
}

bool CpuWatch::expired() {
    return used_up.load(std::memory_order_relaxed);
}

CpuWatch::Switch::Switch(lua_State* thread) : before_(running.load()) {
    if (before_ == nullptr) return;
    running.store(thread);
    if (expired()) stop(thread);  // the signal came just before and met the other
}

CpuWatch::Switch::~Switch() {
    if (before_ == nullptr) return;
    running.store(before_);
    if (expired()) stop(before_);
}

}  // namespace penstock::lua

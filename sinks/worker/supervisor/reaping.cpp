// How the supervisor learns of ends and makes sure that nothing of a process is left.
#include "sinks/worker/supervisor/descendants.h"
#include "sinks/worker/supervisor/supervisor.h"
#include "sinks/worker/supervisor/weight.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace penstock::sinks::worker::supervisor {

namespace {

constexpr std::uint64_t again_ms = 2;

std::uint64_t microseconds(const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(time.tv_usec);
}

void set_end(ProcessEnd& end, bool exited, int code) {
    end.kind = exited ? ProcessEnd::Kind::exited : ProcessEnd::Kind::signalled;
    end.code = code;
}

}  // namespace

void Supervisor::reap(Process& process) {
    if (process.root_gone) return;
    siginfo_t info{};
    rusage used{};
    const auto pidfd = static_cast<unsigned>(process.spawned.pidfd.get());
    const auto done =
        ::syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | WNOHANG | __WALL, &used);
    if (done == 0 && info.si_pid == 0) return;
    process.root_gone = true;
    roots_.erase(process.spawned.root);
    set_end(process.end, info.si_code == CLD_EXITED, info.si_status);
    process.end.cpu_us = microseconds(used.ru_utime) + microseconds(used.ru_stime);
    hear(process);
    const auto closed = [](uv_handle_t* handle) {
        auto& closed_process = *static_cast<Process*>(handle->data);
        closed_process.watching = false;
        closed_process.owner->settle(closed_process);
    };
    if (process.watching) {
        uv_close(reinterpret_cast<uv_handle_t*>(&process.watcher), closed);
    } else {
        settle(process);
    }
}

// What child and keeper have said; a failed step outweighs the end that followed it.
void Supervisor::hear(Process& process) {
    ProcessEnd& end = process.end;
    if (process.spawned.kept) set_end(end, false, SIGKILL);
    bool failed = false;
    std::array<char, 2'048> bytes{};
    for (;;) {
        const ssize_t length =
            ::recv(process.spawned.reports.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (length <= 0) return;
        const auto report =
            read_report(std::string_view(bytes.data(), static_cast<std::size_t>(length)));
        if (!report) continue;
        if (report->kind == Report::Kind::failed) {
            failed = true;
            const bool shortage = is_shortage(report->code);
            end.kind = shortage ? ProcessEnd::Kind::lost : ProcessEnd::Kind::not_started;
            end.code = report->code;
            end.detail = explain(*report, process.started);
            continue;
        }
        process.told = true;
        end.cpu_us = std::max(end.cpu_us, report->cpu_us);
        if (failed) continue;
        const bool exited = WIFEXITED(report->code);
        set_end(end, exited, exited ? WEXITSTATUS(report->code) : WTERMSIG(report->code));
    }
}

bool Supervisor::tree_gone(Process& process) {
    if (!cgroups_.empty(process.slot)) {
        cgroups_.kill(process.slot);
        return false;
    }
    const bool escaped =
        process.spawned.kept && !process.spawned.alone && !process.told && !cgroups_.holds_trees();
    return !escaped || !end_strangers();
}

// Without its keeper nobody knows what belonged to a process: then all that is no root's goes.
bool Supervisor::end_strangers() {
    bool any = false;
    for (const pid_t child : children()) {
        if (roots_.count(child) > 0) continue;
        ::kill(child, SIGKILL);
        any = true;
    }
    reap_strangers();
    return any;
}

void Supervisor::weigh(const Process& process) {
    const Spawned& spawned = process.spawned;
    std::vector<pid_t> tree = cgroups_.members(process.slot);
    if (!cgroups_.holds_trees()) {
        tree = descendants_of(spawned.root);
        tree.push_back(spawned.root);
    }
    // The keeper is ours.
    if (spawned.kept) tree.erase(std::remove(tree.begin(), tree.end(), spawned.root), tree.end());
    tell(Weight{process.number, resident_bytes(tree)});
}

void Supervisor::settle(Process& process) {
    if (!process.root_gone || process.watching) return;
    if (!tree_gone(process)) {
        const auto look = [](uv_timer_t* timer) {
            static_cast<Supervisor*>(timer->data)->settle_all();
        };
        if (uv_is_active(reinterpret_cast<uv_handle_t*>(&again_)) == 0)
            uv_timer_start(&again_, look, again_ms, again_ms);
        return;
    }
    const SlotUse use = cgroups_.use(process.slot);
    Ended ended;
    ended.process = process.number;
    ended.end = std::move(process.end);
    ended.end.out_of_memory = use.out_of_memory;
    ended.end.cpu_us = std::max(ended.end.cpu_us, use.cpu_us);
    cgroups_.give_back(process.slot);
    processes_.erase(ended.process);
    tell(ended);
}

void Supervisor::settle_all() {
    std::vector<Launcher::ProcessNo> numbers;
    for (const auto& [number, process] : processes_) numbers.push_back(number);
    bool wanted = ending_;
    for (const auto number : numbers) {
        // A pidfd that could not be watched is looked at here; settling removes the process.
        if (ending_) reap(*processes_.at(number));
        const auto found = processes_.find(number);
        if (found != processes_.end()) settle(*found->second);
        const auto still = processes_.find(number);
        wanted = wanted || (still != processes_.end() && still->second->root_gone);
    }
    if (ending_ && processes_.empty() && (server_gone_ || !channel_.waiting())) uv_stop(&loop_);
    if (!wanted) uv_timer_stop(&again_);
}

// Orphans of the trees end up here. Those that are roots are left for their own handler to reap.
void Supervisor::reap_strangers() {
    for (;;) {
        siginfo_t info{};
        if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0) return;
        if (info.si_pid == 0) return;
        const auto root = roots_.find(info.si_pid);
        if (root != roots_.end()) {
            reap(*root->second);
        } else {
            ::waitpid(info.si_pid, nullptr, __WALL);
        }
    }
}

}  // namespace penstock::sinks::worker::supervisor

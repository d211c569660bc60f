#include "sinks/worker/supervisor/supervisor.h"

#include "broker/base/log.h"
#include "sinks/worker/supervisor/keeper.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace penstock::sinks::worker::supervisor {

namespace {

constexpr int messages_per_wake_max = 64;
constexpr std::uint64_t again_ms = 2;
constexpr std::uint64_t ending_ms_max = 20'000;

void log(LogLevel level, const std::string& event) {
    log_line(level, "sinks/worker/supervisor", event);
}

template <class Watcher>
uv_handle_t* handle_of(Watcher& watcher) {
    return reinterpret_cast<uv_handle_t*>(&watcher);
}

}  // namespace

Supervisor::Supervisor(int socket, pid_t guardian, Cgroups cgroups, Walls walls)
    : channel_(socket),
      guardian_(guardian),
      cgroups_(std::move(cgroups)),
      walls_(std::move(walls)) {
    uv_loop_init(&loop_);
}

Supervisor::~Supervisor() {
    const auto close = [](uv_handle_t* handle, void*) {
        if (uv_is_closing(handle) == 0) uv_close(handle, nullptr);
    };
    uv_walk(&loop_, close, nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    uv_loop_close(&loop_);
}

bool Supervisor::open() {
    socket_watcher_.data = child_watcher_.data = end_watcher_.data = this;
    again_.data = limit_.data = this;
    if (uv_poll_init(&loop_, &socket_watcher_, channel_.socket()) != 0) return false;
    uv_signal_init(&loop_, &child_watcher_);
    uv_signal_init(&loop_, &end_watcher_);
    uv_timer_init(&loop_, &again_);
    uv_timer_init(&loop_, &limit_);
    const auto on_child = [](uv_signal_t* watcher, int) {
        static_cast<Supervisor*>(watcher->data)->reap_strangers();
    };
    const auto on_end = [](uv_signal_t* watcher, int) {
        auto* self = static_cast<Supervisor*>(watcher->data);
        if (::getppid() != self->guardian_) self->end_everything(0);
    };
    uv_signal_start(&child_watcher_, on_child, SIGCHLD);
    uv_signal_start(&end_watcher_, on_end, SIGTERM);
    return true;
}

int Supervisor::run() {
    if (!open()) return 1;
    const OwnedFile self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
    tell(Hello{layers_of(walls_, cgroups_)}, self.get());
    poll_socket();
    uv_run(&loop_, UV_RUN_DEFAULT);
    if (!cgroups_.remove_all()) log(LogLevel::error, "cgroups are left, something does not end");
    return status_;
}

void Supervisor::poll_socket() {
    if (server_gone_) return;
    const int events = (ending_ ? 0 : UV_READABLE) | (channel_.waiting() ? UV_WRITABLE : 0);
    if (events == 0) {
        uv_poll_stop(&socket_watcher_);
        return;
    }
    const auto ready = [](uv_poll_t* watcher, int status, int which) {
        auto* self = static_cast<Supervisor*>(watcher->data);
        if (status == 0 && (which & UV_WRITABLE) != 0 && !self->channel_.flush())
            self->server_gone_ = true;
        // An error of the socket shows itself when it is read.
        if (!self->ending_ && (status != 0 || (which & UV_READABLE) != 0)) self->read_messages();
        if (self->server_gone_) self->end_everything(0);
        self->poll_socket();
    };
    uv_poll_start(&socket_watcher_, events, ready);
}

void Supervisor::read_messages() {
    for (int count = 0; count < messages_per_wake_max && !ending_; ++count) {
        auto received = channel_.receive();
        if (!received) {
            const bool gone = received.error().code == Errc::closed;
            if (!gone) log(LogLevel::error, "detail=\"" + received.error().detail + "\", ending");
            end_everything(gone ? 0 : 2);
            return;
        }
        if (!*received) return;
        take(**received);
    }
}

void Supervisor::take(const Received& received) {
    if (const auto* order = std::get_if<StartProcess>(&received.message)) {
        start(*order, received.files);
        return;
    }
    if (const auto* ping = std::get_if<Ping>(&received.message)) {
        tell(Pong{ping->token});
        return;
    }
    const auto* wish = std::get_if<SignalProcess>(&received.message);
    const auto* weighing = std::get_if<WeighProcess>(&received.message);
    const auto* death = std::get_if<KillProcess>(&received.message);
    const Launcher::ProcessNo number = wish != nullptr       ? wish->process
                                       : weighing != nullptr ? weighing->process
                                                             : death->process;
    const auto found = processes_.find(number);
    if (found == processes_.end()) return;  // its end is on the way
    if (wish != nullptr) {
        signal(*found->second, wish->signal);
    } else if (weighing != nullptr) {
        weigh(*found->second);
    } else {
        kill(*found->second);
    }
}

void Supervisor::refuse(Launcher::ProcessNo number, ProcessEnd::Kind kind, std::string detail) {
    Ended ended;
    ended.process = number;
    ended.end.kind = kind;
    ended.end.detail = std::move(detail);
    tell(ended);
}

void Supervisor::start(const StartProcess& message, const std::vector<OwnedFile>& files) {
    const ProcessOrder& order = message.order;
    if (processes_.count(message.process) > 0) {
        log(LogLevel::error, "a process number used twice, ending");
        end_everything(2);
        return;
    }
    if (order.profile == SandboxProfile::strict && !walls_.namespaces) {
        refuse(message.process,
               ProcessEnd::Kind::not_started,
               "profile strict needs namespaces, which this machine refuses: use default");
        return;
    }
    if (processes_.size() >= processes_max) {
        refuse(message.process, ProcessEnd::Kind::lost, "too many processes run");
        return;
    }
    auto slot = cgroups_.take(order.function, order.limits);
    if (!slot) {
        refuse(message.process, ProcessEnd::Kind::lost, slot.error().detail);
        return;
    }
    auto spawned = spawn(order, files, cgroups_, *slot, walls_);
    if (!spawned) {
        cgroups_.give_back(*slot);
        refuse(message.process, ProcessEnd::Kind::lost, spawned.error().detail);
        return;
    }
    auto process = std::make_unique<Process>();
    process->owner = this;
    process->number = message.process;
    process->slot = *slot;
    process->spawned = std::move(*spawned);
    const bool own_user = walls_.root && order.profile != SandboxProfile::none;
    process->started = {
        order.command.front(), order.folder, own_user ? user_of(order.function) : 0};
    watch(std::move(process));
}

void Supervisor::watch(std::unique_ptr<Process> process) {
    Process& own = *process;
    roots_[own.spawned.root] = &own;
    processes_[own.number] = std::move(process);
    own.watcher.data = &own;
    own.watching = uv_poll_init(&loop_, &own.watcher, own.spawned.pidfd.get()) == 0;
    const auto ended = [](uv_poll_t* watcher, int, int) {
        auto& ended_process = *static_cast<Process*>(watcher->data);
        ended_process.owner->reap(ended_process);
    };
    if (own.watching) uv_poll_start(&own.watcher, UV_READABLE, ended);
}

void Supervisor::signal(Process& process, int signal) {
    if (process.root_gone) return;
    const Spawned& spawned = process.spawned;
    if (spawned.kept) {
        const auto order = static_cast<std::uint8_t>(signal);
        ::send(spawned.reports.get(), &order, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        return;
    }
    // Before its first step a child has no group of its own.
    if (::kill(-spawned.root, signal) != 0) ::kill(spawned.root, signal);
}

void Supervisor::kill(Process& process) {
    cgroups_.kill(process.slot);
    if (process.root_gone) return;
    const Spawned& spawned = process.spawned;
    if (spawned.kept && !spawned.alone) {
        // A keeper outside namespaces must live to end the rest.
        const std::uint8_t order = keeper_kill;
        ::send(spawned.reports.get(), &order, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else {
        // It may not have joined its cgroup yet.
        ::kill(spawned.root, SIGKILL);
    }
}

void Supervisor::tell(const FromSupervisor& message, int file) {
    if (server_gone_) return;
    if (!channel_.send(message, file)) {
        server_gone_ = true;
        uv_poll_stop(&socket_watcher_);
        end_everything(0);
        return;
    }
    if (channel_.waiting()) poll_socket();
}

void Supervisor::end_everything(int status) {
    if (ending_) return;
    ending_ = true;
    status_ = status;
    poll_socket();
    const auto look = [](uv_timer_t* timer) {
        static_cast<Supervisor*>(timer->data)->settle_all();
    };
    const auto stop = [](uv_timer_t* timer) {
        uv_stop(timer->loop);
    };
    uv_timer_start(&limit_, stop, ending_ms_max, 0);
    uv_timer_start(&again_, look, 0, again_ms);
    for (const auto& [number, process] : processes_) kill(*process);
}

}  // namespace penstock::sinks::worker::supervisor

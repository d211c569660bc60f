// Supervisor: the working process of penstock-supervisor. Takes orders from the server, starts
// processes, watches them and ends their whole trees; the server's end of the socket closed means
// kill everything and stop. One thread, one libuv loop, whose thread pool stays unused so that
// forking is safe. Failures of one process are its end's; only the loop itself can fail as a whole.
#pragma once

#include "sinks/worker/control.h"
#include "sinks/worker/supervisor/cgroups.h"
#include "sinks/worker/supervisor/channel.h"
#include "sinks/worker/supervisor/explain.h"
#include "sinks/worker/supervisor/spawn.h"
#include "sinks/worker/supervisor/walls.h"

#include <uv.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::sinks::worker::supervisor {

inline constexpr std::size_t processes_max = 4'096;

class Supervisor {
  public:
    // `guardian` is the parent: SIGTERM counts only once it is gone.
    Supervisor(int socket, pid_t guardian, Cgroups cgroups, Walls walls);
    ~Supervisor();

    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    // Returns the exit status when the server is gone and everything has ended.
    int run();

  private:
    struct Process {
        Supervisor* owner = nullptr;
        Launcher::ProcessNo number = 0;
        StartedAs started;
        Slot slot;
        Spawned spawned;
        uv_poll_t watcher{};
        bool watching = false;
        bool root_gone = false;
        bool told = false;  // its keeper has said how the program ended
        ProcessEnd end;
    };

    bool open();
    void read_messages();
    void take(const Received& received);
    void start(const StartProcess& message, const std::vector<OwnedFile>& files);
    void watch(std::unique_ptr<Process> process);
    void refuse(Launcher::ProcessNo number, ProcessEnd::Kind kind, std::string detail);
    static void signal(Process& process, int signal);
    void kill(Process& process);
    void weigh(const Process& process);

    void reap(Process& process);
    static void hear(Process& process);
    void settle(Process& process);
    bool tree_gone(Process& process);
    bool end_strangers();
    void reap_strangers();
    void settle_all();

    void tell(const FromSupervisor& message, int file = -1);
    void poll_socket();
    void end_everything(int status);

    uv_loop_t loop_{};
    uv_poll_t socket_watcher_{};
    uv_signal_t child_watcher_{};
    uv_signal_t end_watcher_{};
    uv_timer_t again_{};  // looks again after trees that are still ending
    uv_timer_t limit_{};  // the longest that ending everything may take
    Channel channel_;
    pid_t guardian_;
    Cgroups cgroups_;
    Walls walls_;
    std::map<Launcher::ProcessNo, std::unique_ptr<Process>> processes_;
    std::map<pid_t, Process*> roots_;
    bool ending_ = false;
    bool server_gone_ = false;
    int status_ = 0;
};

}  // namespace penstock::sinks::worker::supervisor

// SupervisorLink: the Launcher of production. It starts penstock-supervisor, sends it orders with
// descriptors, and starts it again when it dies, after a pause; the processes of the dead one end
// as `lost`, once nothing of them can live any more. Belongs to one thread (its executor's): every
// call is made there and every completion runs there. Its sockets never block that thread; only
// starting the supervisor itself costs a posix_spawn.
#pragma once

#include "sinks/worker/launcher.h"

#include <boost/asio/any_io_executor.hpp>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace penstock::sinks::worker {

struct LinkOptions {
    std::string program;                 // empty: penstock-supervisor beside this executable
    std::vector<std::string> arguments;  // --cgroups=v1 or --cgroups=none
    std::chrono::milliseconds back_off_first{100};  // doubles with each restart
    std::chrono::milliseconds back_off_last{5'000};
    std::chrono::milliseconds healthy{10'000};    // lived that long: the next pause is the first
    std::chrono::milliseconds hello_max{30'000};  // it clears what a crashed one left first
    std::chrono::milliseconds ping_every{2'000};
    unsigned pings_max = 5;                          // unanswered: it hangs and is killed
    std::chrono::milliseconds clearing_max{10'000};  // the time a dead one's guardian has
    std::size_t letters_max = 4'096;  // that wait for the socket; more starts are refused
};

class SupervisorLink final : public Launcher {
  public:
    explicit SupervisorLink(boost::asio::any_io_executor executor, LinkOptions options = {});
    // The supervisor sees its socket closed and ends everything; nobody waits for it and no
    // completion runs any more.
    ~SupervisorLink() override;
    SupervisorLink(const SupervisorLink&) = delete;
    SupervisorLink& operator=(const SupervisorLink&) = delete;

    // Starts the supervisor. Called once.
    void open();

    ProcessNo start(ProcessOrder order, std::vector<int> files, Ended ended) override;
    void signal(ProcessNo process, int signal) override;
    void kill_tree(ProcessNo process) override;
    void weigh(ProcessNo process, Weighed told) override;
    [[nodiscard]] std::vector<SandboxLayer> layers() const override;
    [[nodiscard]] bool available() const override;

    // Ends every process and the supervisor; `done` runs when that is so, or at the deadline, after
    // which it is killed. Starts are refused from now on.
    void stop(std::chrono::milliseconds deadline, std::function<void()> done);

    // Why it is not available, for people; empty while it is.
    [[nodiscard]] std::string problem() const;

    // Process id of the supervisor's guardian; 0: none runs.
    [[nodiscard]] pid_t guardian() const;

  private:
    class State;
    std::shared_ptr<State> state_;
};

}  // namespace penstock::sinks::worker

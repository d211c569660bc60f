// IdleLauncher: records what was to be started and starts nothing; the test plays the process with
// the descriptors it was given and says when it has ended. Used on the test's thread.
#pragma once

#include "sinks/worker/launcher.h"

#include <unistd.h>

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace penstock::testing {

class IdleLauncher final : public sinks::worker::Launcher {
  public:
    struct Started {
        sinks::worker::ProcessOrder order;
        std::vector<int> files;  // still open; close_files() is the process' end of them
        Ended ended;
        std::vector<int> signals;
        bool killed = false;
    };

    ~IdleLauncher() override {
        for (auto& [number, process] : processes) close_files(process);
    }

    ProcessNo start(sinks::worker::ProcessOrder order,
                    std::vector<int> files,
                    Ended ended) override {
        processes[++last] = {std::move(order), std::move(files), std::move(ended), {}, false};
        return last;
    }

    void signal(ProcessNo process, int signal) override {
        processes.at(process).signals.push_back(signal);
    }

    void kill_tree(ProcessNo process) override { processes.at(process).killed = true; }

    void weigh(ProcessNo, Weighed) override {}

    [[nodiscard]] std::vector<sinks::worker::SandboxLayer> layers() const override { return {}; }

    [[nodiscard]] bool available() const override { return is_available; }

    // The process is gone, as `end` says.
    void end(ProcessNo process, sinks::worker::ProcessEnd end) {
        Started& gone = processes.at(process);
        close_files(gone);
        gone.ended(std::move(end));
    }

    std::map<ProcessNo, Started> processes;
    ProcessNo last = 0;
    bool is_available = true;

  private:
    static void close_files(Started& process) {
        for (const int file : std::exchange(process.files, {})) ::close(file);
    }
};

}  // namespace penstock::testing

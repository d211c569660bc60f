// FakeLauncher: starts nothing and remembers what it was asked. A test ends processes by hand. One
// thread; files handed over are closed at once.
#pragma once

#include "sinks/worker/launcher.h"

#include <unistd.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

class FakeLauncher final : public sinks::worker::Launcher {
  public:
    using ProcessEnd = sinks::worker::ProcessEnd;

    ProcessNo start(sinks::worker::ProcessOrder order,
                    std::vector<int> files,
                    Ended ended) override {
        for (const int file : files) {
            if (file >= 0) ::close(file);
        }
        orders.push_back(std::move(order));
        running.emplace(++last, std::move(ended));
        return last;
    }

    void signal(ProcessNo process, int signal) override { signals.emplace_back(process, signal); }

    void kill_tree(ProcessNo process) override { killed.push_back(process); }

    void weigh(ProcessNo process, Weighed told) override { weighings[process] = std::move(told); }

    [[nodiscard]] std::vector<sinks::worker::SandboxLayer> layers() const override {
        return {{"session", "yes"}};
    }

    [[nodiscard]] bool available() const override { return is_available; }

    // The process ends: exit status, signal, or whatever `end` says.
    void end(ProcessNo process, ProcessEnd end) {
        const Ended ended = std::move(running.at(process));
        running.erase(process);
        weighings.erase(process);
        ended(std::move(end));
    }

    void exit(ProcessNo process, int status) {
        ProcessEnd how;
        how.code = status;
        end(process, how);
    }

    void crash(ProcessNo process, int signal = 11) {
        ProcessEnd how;
        how.kind = ProcessEnd::Kind::signalled;
        how.code = signal;
        end(process, how);
    }

    // A weighing that was asked for is told.
    void tell_weight(ProcessNo process, std::uint64_t bytes) {
        const Weighed told = std::move(weighings.at(process));
        weighings.erase(process);
        told(bytes);
    }

    ProcessNo last = 0;
    bool is_available = true;
    std::map<ProcessNo, Ended> running;
    std::vector<sinks::worker::ProcessOrder> orders;
    std::vector<std::pair<ProcessNo, int>> signals;
    std::vector<ProcessNo> killed;
    std::map<ProcessNo, Weighed> weighings;  // asked and not yet told
};

}  // namespace penstock::testing

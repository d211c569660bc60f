// SpawnLauncher: a Launcher with real processes and no walls, by posix_spawn from the test itself.
// Ends are seen through pidfds; what is left of a process' group is killed before its end is told.
// Lives on the test's io_context; its processes do not outlive it.
#pragma once

#include "sinks/worker/launcher.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

class SpawnLauncher final : public sinks::worker::Launcher {
  public:
    using ProcessEnd = sinks::worker::ProcessEnd;
    using ProcessOrder = sinks::worker::ProcessOrder;

    explicit SpawnLauncher(boost::asio::io_context& context) : context_(context) {
        std::signal(SIGPIPE, SIG_IGN);  // as the server does
    }

    ~SpawnLauncher() override {
        for (const auto& [number, child] : children_) {
            ::kill(-child->pid, SIGKILL);
            ::waitpid(child->pid, nullptr, 0);
        }
    }

    ProcessNo start(ProcessOrder order, std::vector<int> files, Ended ended) override {
        const ProcessNo number = ++last_;
        pid_t pid = 0;
        const int failed = spawn(order, files, pid);
        for (const int file : files) {
            if (file >= 0) ::close(file);
        }
        if (failed != 0) {
            ProcessEnd end;
            end.kind = ProcessEnd::Kind::not_started;
            end.code = failed;
            end.detail = order.command.front() + ": " + std::strerror(failed);
            boost::asio::post(context_, [ended = std::move(ended), end]() { ended(end); });
            return number;
        }
        started += 1;
        const auto pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
        const auto child = std::make_shared<Child>(context_, pidfd, pid, std::move(ended));
        children_.emplace(number, child);
        watch(number);
        return number;
    }

    void signal(ProcessNo process, int signal) override {
        const auto found = children_.find(process);
        if (found != children_.end()) ::kill(-found->second->pid, signal);
    }

    void kill_tree(ProcessNo process) override {
        kills += 1;
        signal(process, SIGKILL);
    }

    void weigh(ProcessNo, Weighed) override {}

    [[nodiscard]] std::vector<sinks::worker::SandboxLayer> layers() const override { return {}; }

    [[nodiscard]] bool available() const override { return is_available; }

    [[nodiscard]] std::size_t running() const { return children_.size(); }

    [[nodiscard]] pid_t pid_of(ProcessNo process) const { return children_.at(process)->pid; }

    bool is_available = true;
    unsigned started = 0;
    unsigned kills = 0;

  private:
    struct Child {
        Child(boost::asio::io_context& context, int file, pid_t process, Ended on_ended)
            : pidfd(context, file), pid(process), ended(std::move(on_ended)) {}

        boost::asio::posix::stream_descriptor pidfd;
        pid_t pid;
        Ended ended;
    };

    static std::vector<char*> pointers(std::vector<std::string>& texts) {
        std::vector<char*> all;
        for (std::string& text : texts) all.push_back(text.data());
        all.push_back(nullptr);
        return all;
    }

    static int spawn(ProcessOrder& order, const std::vector<int>& files, pid_t& pid) {
        constexpr int out_of_the_way = 200;
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
        std::vector<int> moved;
        for (std::size_t at = 0; at < files.size(); ++at) {
            moved.push_back(::fcntl(files[at], F_DUPFD_CLOEXEC, out_of_the_way));
            ::posix_spawn_file_actions_adddup2(&actions, moved.back(), static_cast<int>(at));
        }
        if (!order.folder.empty()) {
            ::posix_spawn_file_actions_addchdir_np(&actions, order.folder.c_str());
        }
        sigset_t all;
        sigset_t none;
        ::sigfillset(&all);
        ::sigemptyset(&none);
        ::posix_spawnattr_setsigdefault(&attributes, &all);
        ::posix_spawnattr_setsigmask(&attributes, &none);
        ::posix_spawnattr_setflags(&attributes,
                                   static_cast<short>(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF |
                                                      POSIX_SPAWN_SETSIGMASK));
        const std::vector<char*> arguments = pointers(order.command);
        const std::vector<char*> environment = pointers(order.environment);
        const int failed = ::posix_spawn(&pid,
                                         order.command.front().c_str(),
                                         &actions,
                                         &attributes,
                                         arguments.data(),
                                         environment.data());
        for (const int file : moved) ::close(file);
        ::posix_spawnattr_destroy(&attributes);
        ::posix_spawn_file_actions_destroy(&actions);
        return failed;
    }

    void watch(ProcessNo number) {
        children_.at(number)->pidfd.async_wait(boost::asio::posix::descriptor_base::wait_read,
                                               [this, number](const boost::system::error_code& ec) {
                                                   if (!ec) reap(number);
                                               });
    }

    void reap(ProcessNo number) {
        const auto child = children_.at(number);
        // An event of a descriptor that had the same number before may wake us too early.
        siginfo_t info{};
        ::waitid(P_PID, static_cast<id_t>(child->pid), &info, WEXITED | WNOHANG | WNOWAIT);
        if (info.si_pid == 0) return watch(number);
        children_.erase(number);
        ::kill(-child->pid, SIGKILL);
        int status = 0;
        ::waitpid(child->pid, &status, 0);
        ProcessEnd end;
        end.kind = WIFSIGNALED(status) ? ProcessEnd::Kind::signalled : ProcessEnd::Kind::exited;
        end.code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
        child->ended(end);
    }

    boost::asio::io_context& context_;
    ProcessNo last_ = 0;
    std::map<ProcessNo, std::shared_ptr<Child>> children_;
};

}  // namespace penstock::testing

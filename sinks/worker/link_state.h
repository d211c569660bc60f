// SupervisorLink::State: what outlives the link while handlers are under way. Only for the link's
// own sources.
#pragma once

#include "sinks/worker/control.h"
#include "sinks/worker/datagram.h"
#include "sinks/worker/supervisor_link.h"
#include "sinks/worker/supervisor_program.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace penstock::sinks::worker {

class SupervisorLink::State : public std::enable_shared_from_this<State> {
  public:
    State(boost::asio::any_io_executor executor, LinkOptions options);

    void open();
    ProcessNo start(ProcessOrder order, std::vector<OwnedFile> files, Ended ended);
    void send(const ToSupervisor& message);
    void weigh(ProcessNo process, Weighed told);
    void stop(std::chrono::milliseconds deadline, std::function<void()> done);
    // No completion runs from here on.
    void abandon();

    [[nodiscard]] bool available() const { return phase_ == Phase::up; }

    [[nodiscard]] const std::vector<SandboxLayer>& layers() const { return layers_; }

    [[nodiscard]] const std::string& problem() const { return problem_; }

    [[nodiscard]] pid_t guardian() const { return guardian_; }

  private:
    enum class Phase : std::uint8_t {
        down,      // none runs; perhaps a timer waits to start one
        starting,  // its hello is awaited
        up,
        clearing,  // it ends or is dead; its guardian ends what is left
    };

    struct Letter {
        std::string bytes;
        std::vector<OwnedFile> files;
        ProcessNo process = 0;  // a start's
    };

    // Life of one supervisor (link_life.cpp).
    void launch();
    void launched(SupervisorProgram program);
    void restart_later();
    void clear(bool kill, std::chrono::milliseconds within, std::string problem);
    void kill_supervisor();
    void watch_guardian();
    void watch_worker(OwnedFile pidfd);
    void watch_worker();
    void gone_one();
    void over();
    void keep_alive();
    void finish_stop();
    void end_if_stopping();

    // What is said (link_state.cpp).
    void await_messages();
    bool read_messages();
    bool take(const FromSupervisor& message, std::vector<OwnedFile> files);
    void flush();
    void await_room();
    void end(ProcessNo process, ProcessEnd end);
    void weighed(const Weight& weight);
    void end_soon(Ended ended, ProcessEnd end);

    boost::asio::any_io_executor executor_;
    LinkOptions options_;
    boost::asio::posix::stream_descriptor socket_;
    boost::asio::posix::stream_descriptor guardian_end_;  // pidfds, readable when they end
    boost::asio::posix::stream_descriptor worker_end_;
    boost::asio::steady_timer timer_;  // restart, hello, clearing: one at a time
    boost::asio::steady_timer ping_timer_;
    Phase phase_ = Phase::down;
    pid_t guardian_ = 0;
    unsigned watched_ = 0;    // of guardian and working process, those not seen ended
    std::uint64_t life_ = 0;  // handlers of an earlier supervisor are told by it
    std::chrono::steady_clock::time_point up_since_;
    std::chrono::milliseconds back_off_;
    unsigned pings_ = 0;
    ProcessNo next_ = 1;
    std::map<ProcessNo, Ended> running_;
    std::map<ProcessNo, Weighed> weighings_;  // of processes that run
    std::deque<Letter> outbox_;
    bool awaiting_room_ = false;
    std::string inbox_;
    std::vector<SandboxLayer> layers_;
    std::string problem_ = "the supervisor has not been started";
    bool stopping_ = false;
    bool abandoned_ = false;
    std::function<void()> stopped_;
};

}  // namespace penstock::sinks::worker

// The life of one supervisor after another: start, hello, pings, death, what is left of it.
#include "broker/base/log.h"
#include "sinks/worker/link_state.h"
#include "sinks/worker/pidfd.h"

#include <boost/asio/post.hpp>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <utility>

namespace penstock::sinks::worker {

namespace asio = boost::asio;

namespace {

void send_to(int pidfd, int signal) {
    ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
}

void log(LogLevel level, const std::string& event) {
    log_line(level, "sinks/worker", event);
}

}  // namespace

void SupervisorLink::State::open() {
    if (phase_ == Phase::down && !stopping_) launch();
}

void SupervisorLink::State::launch() {
    auto program = start_supervisor(options_.program, options_.arguments);
    if (!program) {
        if (problem_ != program.error().detail)
            log(LogLevel::error, "event=no_supervisor detail=\"" + program.error().detail + "\"");
        problem_ = program.error().detail;
        restart_later();
        return;
    }
    launched(std::move(*program));
}

void SupervisorLink::State::launched(SupervisorProgram program) {
    ++life_;
    phase_ = Phase::starting;
    problem_ = "the supervisor is starting";
    guardian_ = program.guardian;
    pings_ = 0;
    awaiting_room_ = false;
    socket_.assign(program.socket.release());
    guardian_end_.assign(program.pidfd.release());
    watched_ = 1;
    watch_guardian();
    await_messages();
    timer_.expires_after(options_.hello_max);
    timer_.async_wait(
        [self = shared_from_this(), life = life_](const boost::system::error_code& code) {
            if (code || life != self->life_ || self->phase_ != Phase::starting) return;
            self->clear(true, self->options_.clearing_max, "the supervisor does not report");
        });
}

void SupervisorLink::State::restart_later() {
    phase_ = Phase::down;
    if (stopping_ || abandoned_) return;
    const auto pause = back_off_;
    back_off_ = std::min(back_off_ * 2, options_.back_off_last);
    timer_.expires_after(pause);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& code) {
        if (!code && self->phase_ == Phase::down && !self->stopping_) self->launch();
    });
}

// An event of a descriptor that had the same number before may wake a watch too early.
void SupervisorLink::State::watch_guardian() {
    auto gone = [self = shared_from_this(), life = life_](const boost::system::error_code& code) {
        if (code || life != self->life_) return;
        if (!has_ended(self->guardian_end_.native_handle())) return self->watch_guardian();
        siginfo_t info{};
        ::waitid(P_PID, static_cast<id_t>(self->guardian_), &info, WEXITED | WNOHANG);
        self->gone_one();
    };
    guardian_end_.async_wait(asio::posix::stream_descriptor::wait_read, std::move(gone));
}

void SupervisorLink::State::watch_worker(OwnedFile pidfd) {
    ++watched_;
    worker_end_.assign(pidfd.release());
    watch_worker();
}

void SupervisorLink::State::watch_worker() {
    auto gone = [self = shared_from_this(), life = life_](const boost::system::error_code& code) {
        if (code || life != self->life_) return;
        if (!has_ended(self->worker_end_.native_handle())) return self->watch_worker();
        self->gone_one();
    };
    worker_end_.async_wait(asio::posix::stream_descriptor::wait_read, std::move(gone));
}

// Both must be gone: each ends what the other has left, so then nothing lives.
void SupervisorLink::State::gone_one() {
    if (--watched_ == 0) {
        over();
    } else if (phase_ != Phase::clearing) {
        clear(false, options_.clearing_max, "a part of the supervisor has died");
    }
}

void SupervisorLink::State::clear(bool kill,
                                  std::chrono::milliseconds within,
                                  std::string problem) {
    if (phase_ == Phase::clearing || phase_ == Phase::down) return;
    phase_ = Phase::clearing;
    if (!stopping_) log(LogLevel::error, "event=supervisor_gone detail=\"" + problem + "\"");
    problem_ = std::move(problem);
    outbox_.clear();
    ping_timer_.cancel();
    if (kill) {
        // The guardian stays: it ends what is left, even if something has stopped it.
        if (worker_end_.is_open()) send_to(worker_end_.native_handle(), SIGKILL);
        send_to(guardian_end_.native_handle(), SIGCONT);
    }
    // Ends that are under way can still be read; for the supervisor this is the end of the server.
    ::shutdown(socket_.native_handle(), SHUT_WR);
    timer_.expires_after(within);
    timer_.async_wait(
        [self = shared_from_this(), life = life_](const boost::system::error_code& code) {
            if (code || life != self->life_) return;
            log(LogLevel::error, "event=supervisor_killed detail=\"it does not end\"");
            self->kill_supervisor();
        });
}

// Cleans nothing up: the next supervisor does, where there are cgroups.
void SupervisorLink::State::kill_supervisor() {
    if (worker_end_.is_open()) send_to(worker_end_.native_handle(), SIGKILL);
    send_to(guardian_end_.native_handle(), SIGKILL);
}

void SupervisorLink::State::over() {
    // The last ends may still be unread; reading closes nothing that is closed already.
    while (socket_.is_open()) {
        auto datagram = receive_datagram(socket_.native_handle(), inbox_);
        if (!datagram || !*datagram) break;
        auto message = decode_from_supervisor((*datagram)->bytes);
        if (!message || !take(*message, std::move((*datagram)->files))) break;
    }
    const bool was_up = up_since_ != std::chrono::steady_clock::time_point{};
    const auto lived = std::chrono::steady_clock::now() - up_since_;
    if (was_up && lived >= options_.healthy) back_off_ = options_.back_off_first;
    up_since_ = {};
    ++life_;
    boost::system::error_code ignored;
    for (auto* descriptor : {&socket_, &guardian_end_, &worker_end_}) descriptor->close(ignored);
    timer_.cancel();
    ping_timer_.cancel();
    guardian_ = 0;
    outbox_.clear();
    restart_later();
    ProcessEnd end;
    end.kind = ProcessEnd::Kind::lost;
    end.detail = "the supervisor has died";
    weighings_.clear();
    const auto running = std::exchange(running_, {});
    for (const auto& [process, ended] : running) {
        if (!abandoned_) ended(end);
    }
    finish_stop();
}

void SupervisorLink::State::keep_alive() {
    ping_timer_.expires_after(options_.ping_every);
    ping_timer_.async_wait(
        [self = shared_from_this(), life = life_](const boost::system::error_code& code) {
            if (code || life != self->life_ || self->phase_ != Phase::up) return;
            if (self->pings_ >= self->options_.pings_max) {
                self->clear(true, self->options_.clearing_max, "the supervisor hangs");
                return;
            }
            ++self->pings_;
            self->send(Ping{self->pings_});
            self->keep_alive();
        });
}

void SupervisorLink::State::stop(std::chrono::milliseconds deadline, std::function<void()> done) {
    stopping_ = true;
    stopped_ = std::move(done);
    timer_.cancel();
    if (phase_ == Phase::down) {
        asio::post(executor_, [self = shared_from_this()] { self->finish_stop(); });
        return;
    }
    const bool at_work = phase_ == Phase::up && !running_.empty();
    phase_ = Phase::up;  // a clearing under way gets the new deadline
    if (!at_work) return clear(false, deadline, "the server stops");
    // Processes have been told to end: half of the time is theirs.
    timer_.expires_after(deadline / 2);
    timer_.async_wait([self = shared_from_this(), life = life_, half = deadline / 2](
                          const boost::system::error_code& code) {
        if (!code && life == self->life_) self->clear(false, half, "the server stops");
    });
}

// The last process has ended: a stop need not wait any longer.
void SupervisorLink::State::end_if_stopping() {
    if (!stopping_ || !running_.empty() || phase_ != Phase::up || !stopped_) return;
    clear(false, std::chrono::milliseconds{500}, "the server stops");
}

void SupervisorLink::State::finish_stop() {
    if (const auto done = std::exchange(stopped_, nullptr); done && !abandoned_) done();
}

void SupervisorLink::State::abandon() {
    abandoned_ = true;
    stopping_ = true;
    timer_.cancel();
    ping_timer_.cancel();
    // The pidfds stay watched, so that the guardian is reaped if the executor still runs.
    boost::system::error_code ignored;
    socket_.close(ignored);
    outbox_.clear();
    running_.clear();
    weighings_.clear();
}

}  // namespace penstock::sinks::worker

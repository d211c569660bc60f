#include "sinks/worker/link_state.h"

#include "broker/base/log.h"

#include <boost/asio/post.hpp>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

namespace penstock::sinks::worker {

namespace asio = boost::asio;

namespace {

constexpr int messages_per_wake_max = 256;
// Kills and signals are let through beyond the limit on starts, up to here.
constexpr std::size_t letters_factor = 4;

ProcessEnd lost(std::string detail) {
    ProcessEnd end;
    end.kind = ProcessEnd::Kind::lost;
    end.detail = std::move(detail);
    return end;
}

}  // namespace

SupervisorLink::State::State(asio::any_io_executor executor, LinkOptions options)
    : executor_(executor),
      options_(std::move(options)),
      socket_(executor),
      guardian_end_(executor),
      worker_end_(executor),
      timer_(executor),
      ping_timer_(executor),
      back_off_(options_.back_off_first),
      inbox_(message_bytes_max + 1, '\0') {
    if (options_.program.empty()) options_.program = supervisor_beside_us();
}

Launcher::ProcessNo SupervisorLink::State::start(ProcessOrder order,
                                                 std::vector<OwnedFile> files,
                                                 Ended ended) {
    const ProcessNo process = next_++;
    if (auto complaint = complaint_about(order, files.size())) {
        ProcessEnd end;
        end.kind = ProcessEnd::Kind::not_started;
        end.code = EINVAL;
        end.detail = std::move(*complaint);
        end_soon(std::move(ended), std::move(end));
        return process;
    }
    if (!available() || stopping_ || outbox_.size() >= options_.letters_max) {
        const bool full = available() && !stopping_;
        end_soon(std::move(ended), lost(full ? "too many starts wait" : "no supervisor runs"));
        return process;
    }
    const auto count = static_cast<std::uint8_t>(files.size());
    Letter letter;
    letter.bytes = encode(ToSupervisor{StartProcess{process, std::move(order), count}});
    letter.files = std::move(files);
    letter.process = process;
    running_.emplace(process, std::move(ended));
    outbox_.push_back(std::move(letter));
    flush();
    return process;
}

void SupervisorLink::State::send(const ToSupervisor& message) {
    if (!available()) return;
    if (outbox_.size() >= options_.letters_max * letters_factor) {
        clear(true, options_.clearing_max, "the supervisor does not read");
        return;
    }
    Letter letter;
    letter.bytes = encode(message);
    outbox_.push_back(std::move(letter));
    flush();
}

void SupervisorLink::State::weigh(ProcessNo process, Weighed told) {
    if (running_.count(process) == 0) return;
    weighings_[process] = std::move(told);
    send(WeighProcess{process});
}

void SupervisorLink::State::weighed(const Weight& weight) {
    const auto asked = weighings_.extract(weight.process);
    if (!asked.empty() && !abandoned_) asked.mapped()(weight.bytes);
}

void SupervisorLink::State::flush() {
    while (!outbox_.empty() && !awaiting_room_) {
        const Letter& letter = outbox_.front();
        const Sent sent = send_datagram(socket_.native_handle(), letter.bytes, letter.files);
        if (sent == Sent::later) {
            await_room();
            return;
        }
        // What cannot be sent because the other end is gone is told when its end is read.
        if (sent == Sent::gone) return;
        const ProcessNo refused = sent == Sent::refused ? letter.process : 0;
        outbox_.pop_front();
        const auto found = running_.find(refused);
        if (found == running_.end()) continue;
        end_soon(std::move(found->second), lost("its descriptors cannot be passed on now"));
        running_.erase(found);
        weighings_.erase(refused);
    }
}

void SupervisorLink::State::await_room() {
    awaiting_room_ = true;
    auto ready = [self = shared_from_this(), life = life_](const boost::system::error_code& code) {
        if (code || life != self->life_) return;
        self->awaiting_room_ = false;
        self->flush();
    };
    socket_.async_wait(asio::posix::stream_descriptor::wait_write, std::move(ready));
}

void SupervisorLink::State::await_messages() {
    auto ready = [self = shared_from_this(), life = life_](const boost::system::error_code& code) {
        if (code || life != self->life_) return;
        if (self->read_messages() && life == self->life_) self->await_messages();
    };
    socket_.async_wait(asio::posix::stream_descriptor::wait_read, std::move(ready));
}

// False: there is nothing more to read, ever.
bool SupervisorLink::State::read_messages() {
    for (int count = 0; count < messages_per_wake_max && socket_.is_open(); ++count) {
        auto datagram = receive_datagram(socket_.native_handle(), inbox_);
        if (datagram && !*datagram) return true;
        if (!datagram) {
            const bool closed = datagram.error().code == Errc::closed;
            clear(!closed,
                  options_.clearing_max,
                  closed ? "the supervisor has died" : datagram.error().detail);
            return false;
        }
        auto message = decode_from_supervisor((*datagram)->bytes);
        if (!message || !take(*message, std::move((*datagram)->files))) {
            clear(true, options_.clearing_max, "the supervisor speaks nonsense");
            return false;
        }
        if (abandoned_) return false;
    }
    return true;
}

bool SupervisorLink::State::take(const FromSupervisor& message, std::vector<OwnedFile> files) {
    if (const auto* hello = std::get_if<Hello>(&message)) {
        if (phase_ != Phase::starting || files.size() != 1) return phase_ == Phase::clearing;
        layers_ = hello->layers;
        phase_ = Phase::up;
        problem_.clear();
        up_since_ = std::chrono::steady_clock::now();
        timer_.cancel();
        watch_worker(std::move(files.front()));
        keep_alive();
        return true;
    }
    if (!files.empty()) return false;
    if (const auto* ended = std::get_if<worker::Ended>(&message)) {
        end(ended->process, ended->end);
        return true;
    }
    if (const auto* weight = std::get_if<Weight>(&message)) {
        weighed(*weight);
        return true;
    }
    pings_ = 0;
    return true;
}

void SupervisorLink::State::end(ProcessNo process, ProcessEnd end) {
    const auto found = running_.find(process);
    if (found == running_.end()) return;
    const Ended ended = std::move(found->second);
    running_.erase(found);
    weighings_.erase(process);
    if (!abandoned_) ended(std::move(end));
    end_if_stopping();
}

void SupervisorLink::State::end_soon(Ended ended, ProcessEnd end) {
    auto tell = [self = shared_from_this(), ended = std::move(ended), end = std::move(end)] {
        if (!self->abandoned_) ended(end);
    };
    asio::post(executor_, std::move(tell));
}

}  // namespace penstock::sinks::worker

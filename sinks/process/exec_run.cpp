#include "sinks/process/exec_run.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

namespace penstock::sinks::process {
namespace {

constexpr std::uint64_t output_bytes_per_second = 8 << 20;  // a flood waits in the pipe
constexpr std::size_t pipe_bytes_max = 1 << 20;
constexpr std::size_t tail_bytes_max = model::attempt_log_bytes_max;

void close_pipes(const std::array<worker::Pipe, 3>& pipes) {
    for (const worker::Pipe& pipe : pipes) {
        worker::close_file(pipe.read_end);
        worker::close_file(pipe.write_end);
    }
}

// Three pipes, or none at all.
Result<std::array<worker::Pipe, 3>> make_pipes() {
    std::array<worker::Pipe, 3> pipes;
    for (worker::Pipe& pipe : pipes) {
        const auto made = worker::make_pipe();
        if (!made) {
            close_pipes(pipes);
            return made.error();
        }
        pipe = *made;
    }
    return pipes;
}

}  // namespace

ExecRun::ExecRun(const boost::asio::any_io_executor& executor,
                 worker::Launcher& launcher,
                 Line line,
                 Ended ended)
    : executor_(executor),
      launcher_(launcher),
      line_(std::move(line)),
      ended_(std::move(ended)),
      timer_(executor) {}

Result<void> ExecRun::start(worker::ProcessOrder order,
                            std::string_view input,
                            std::chrono::milliseconds timeout) {
    const auto pipes = make_pipes();
    if (!pipes) return pipes.error();
    const auto& [in, out, err] = *pipes;
    // A program that does not read its input is none the worse for it: no call when it breaks.
    stdin_.emplace(
        executor_, in.write_end, worker::PipeWriter::Event(), worker::PipeWriter::Event());
    stdout_.emplace(
        executor_,
        out.read_end,
        [this](std::string_view bytes) {
            output_.append(
                bytes.substr(0, result_bytes_max - std::min(result_bytes_max, output_.size())));
        },
        worker::PipeReader::Ended(),
        output_bytes_per_second);
    stderr_.emplace(executor_, err.read_end, [this](std::string_view line) { on_line(line); });
    stdin_->put(input);
    stdin_->flush();
    stdin_->finish();
    number_ = launcher_.start(
        std::move(order),
        {in.read_end, out.write_end, err.write_end},
        [self = shared_from_this()](worker::ProcessEnd end) { self->on_end(std::move(end)); });
    timer_.expires_after(timeout);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& ec) {
        if (!ec) self->on_deadline();
    });
    return {};
}

void ExecRun::on_line(std::string_view line) {
    run_.tail.append(line);
    run_.tail.push_back('\n');
    if (run_.tail.size() > 2 * tail_bytes_max) {
        run_.tail.erase(0, run_.tail.size() - tail_bytes_max);
    }
    if (line_) line_(line);
}

void ExecRun::on_deadline() {
    run_.timed_out = true;
    launcher_.signal(number_, SIGTERM);
    timer_.expires_after(term_grace);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& ec) {
        if (!ec) self->launcher_.kill_tree(self->number_);
    });
}

void ExecRun::on_end(worker::ProcessEnd end) {
    if (!ended_) return;
    stdout_->drain(pipe_bytes_max);
    stderr_->end();
    close();
    run_.end = std::move(end);
    if (run_.tail.size() > tail_bytes_max) {
        run_.tail.erase(0, run_.tail.size() - tail_bytes_max);
    }
    line_ = {};
    std::exchange(ended_, {})(run_, output_);
}

void ExecRun::close() {
    timer_.cancel();
    stdin_->close();
    stdout_->close();
}

void ExecRun::abandon() {
    if (!ended_) return;
    line_ = {};
    ended_ = {};
    stderr_->end();
    close();
    launcher_.kill_tree(number_);
}

}  // namespace penstock::sinks::process

// ExecRun: one process for one message: its pipes, its deadline, what it wrote. Owned by the
// ExecSink and by its pending operations, on the sink's thread. `ended` is called once, when the
// process and its descendants are gone and everything they wrote was read.
#pragma once

#include "broker/base/error.h"
#include "sinks/process/exec_outcome.h"
#include "sinks/worker/launcher.h"
#include "sinks/worker/output_tap.h"
#include "sinks/worker/pipes.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::sinks::process {

inline constexpr std::size_t result_bytes_max = 64 * 1024;  // kept of its standard output
inline constexpr std::chrono::seconds term_grace{5};

class ExecRun : public std::enable_shared_from_this<ExecRun> {
  public:
    using Line = std::function<void(std::string_view)>;
    using Ended = std::function<void(const ExecEnd& end, const std::string& output)>;

    // `line` gets what the process writes to stderr.
    ExecRun(const boost::asio::any_io_executor& executor,
            worker::Launcher& launcher,
            Line line,
            Ended ended);

    // Error{unavailable}: no descriptors.
    Result<void> start(worker::ProcessOrder order,
                       std::string_view input,
                       std::chrono::milliseconds timeout);

    // Ends the process at once, calls nothing any more.
    void abandon();

  private:
    void on_deadline();
    void on_end(worker::ProcessEnd end);
    void on_line(std::string_view line);
    void close();

    boost::asio::any_io_executor executor_;
    worker::Launcher& launcher_;
    Line line_;
    Ended ended_;
    boost::asio::steady_timer timer_;
    worker::Launcher::ProcessNo number_ = 0;
    ExecEnd run_;
    std::string output_;
    std::optional<worker::PipeWriter> stdin_;
    std::optional<worker::PipeReader> stdout_;
    std::optional<worker::OutputTap> stderr_;
};

}  // namespace penstock::sinks::process

#include "sinks/worker/pipes.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace penstock::sinks::worker {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds pause_time{100};
constexpr std::uint64_t pauses_per_second = 10;
constexpr std::size_t chunk_bytes_max = 64 * 1024;

Error no_files(const char* what) {
    return error(Errc::unavailable, std::string(what) + ": " + std::strerror(errno));
}

}  // namespace

Result<Pipe> make_pipe() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) return no_files("no pipe");
    return Pipe{ends[0], ends[1]};
}

Result<int> open_null() {
    const int file = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (file < 0) return no_files("/dev/null");
    return file;
}

Result<OutputFiles> make_output_files() {
    const auto null = open_null();
    if (!null) return null.error();
    const auto out = make_pipe();
    if (!out) {
        close_file(*null);
        return out.error();
    }
    const auto err = make_pipe();
    if (!err) {
        close_file(*null);
        close_file(out->read_end);
        close_file(out->write_end);
        return err.error();
    }
    return OutputFiles{*out, *err, *null};
}

void close_file(int file) {
    if (file >= 0) ::close(file);
}

// ---- reading
// -------------------------------------------------------------------------------------

class PipeReader::Core : public std::enable_shared_from_this<Core> {
  public:
    Core(const asio::any_io_executor& executor,
         int file,
         Bytes bytes,
         Ended ended,
         std::uint64_t bytes_per_second,
         std::size_t chunk_bytes)
        : descriptor_(executor, file),
          timer_(executor),
          bytes_(std::move(bytes)),
          ended_(std::move(ended)),
          budget_(bytes_per_second / pauses_per_second),
          chunk_bytes_(std::min(chunk_bytes, chunk_bytes_max)) {
        error_code ec;  // a descriptor that cannot do it shows at the first read
        descriptor_.native_non_blocking(true, ec);
    }

    void wait() {
        if (waiting_ || paused_ || resting_ || !descriptor_.is_open()) return;
        waiting_ = true;
        descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                               [self = shared_from_this()](const error_code& ec) {
                                   self->waiting_ = false;
                                   if (!ec) self->turn();
                               });
    }

    void drain(std::size_t bytes_max) {
        for (std::size_t got = 0; got < bytes_max && descriptor_.is_open();) {
            const std::size_t now = read_once();
            if (now == 0) return;
            got += now;
        }
    }

    void drain_rationed(std::size_t bytes_max) {
        for (std::size_t got = 0; got < bytes_max && !resting_ && descriptor_.is_open();) {
            const std::size_t now = read_once();
            if (now == 0) return;
            got += now;
            count();
        }
    }

    void charge(std::uint64_t bytes) { spent_ += bytes; }

    void pause() { paused_ = true; }

    void resume() {
        if (!std::exchange(paused_, false)) return;
        count();  // what was charged meanwhile
        wait();
    }

    void close() {
        error_code ignored;  // there is nothing to do about it
        descriptor_.close(ignored);
        timer_.cancel();
        bytes_ = {};
        ended_ = {};
    }

  private:
    // One chunk a turn, so that others have theirs.
    void turn() {
        if (paused_ || resting_ || !descriptor_.is_open()) return;
        const std::size_t got = read_once();
        if (!descriptor_.is_open()) return;
        count();
        if (paused_ || resting_) return;
        if (got < chunk_bytes_) return wait();
        asio::post(descriptor_.get_executor(), [self = shared_from_this()]() { self->turn(); });
    }

    // Each tenth of a second pays for its part of the budget; who owes more waits.
    void count() {
        if (budget_ == 0 || spent_ == 0) return;
        resting_ = spent_ >= budget_;
        if (std::exchange(counting_, true)) return;
        timer_.expires_after(pause_time);
        timer_.async_wait([self = shared_from_this()](const error_code& ec) {
            self->counting_ = false;
            if (!ec) self->pay();
        });
    }

    void pay() {
        const bool rested = std::exchange(resting_, false);
        spent_ -= std::min(spent_, budget_);
        count();
        if (rested && !resting_) wait();
    }

    std::size_t read_once() {
        std::array<char, chunk_bytes_max> chunk;
        const ssize_t got = ::read(descriptor_.native_handle(), chunk.data(), chunk_bytes_);
        if (got > 0) {
            const auto bytes = static_cast<std::size_t>(got);
            spent_ += bytes;
            const auto keep = shared_from_this();
            const Bytes call = bytes_;  // it may close us
            call(std::string_view(chunk.data(), bytes));
            return bytes;
        }
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
        error_code ignored;
        descriptor_.close(ignored);
        if (const Ended call = std::exchange(ended_, {})) call();
        return 0;
    }

    asio::posix::stream_descriptor descriptor_;
    asio::steady_timer timer_;
    Bytes bytes_;
    Ended ended_;
    std::uint64_t budget_;  // between two rests; 0: none
    std::uint64_t spent_ = 0;
    std::size_t chunk_bytes_;
    bool waiting_ = false;
    bool paused_ = false;
    bool counting_ = false;  // the timer runs
    bool resting_ = false;
};

PipeReader::PipeReader(const asio::any_io_executor& executor,
                       int file,
                       Bytes bytes,
                       Ended ended,
                       std::uint64_t bytes_per_second,
                       std::size_t chunk_bytes)
    : core_(std::make_shared<Core>(
          executor, file, std::move(bytes), std::move(ended), bytes_per_second, chunk_bytes)) {
    core_->wait();
}

PipeReader::~PipeReader() {
    core_->close();
}

void PipeReader::drain(std::size_t bytes_max) {
    core_->drain(bytes_max);
}

void PipeReader::drain_rationed(std::size_t bytes_max) {
    core_->drain_rationed(bytes_max);
}

void PipeReader::charge(std::uint64_t bytes) {
    core_->charge(bytes);
}

void PipeReader::pause() {
    core_->pause();
}

void PipeReader::resume() {
    core_->resume();
}

void PipeReader::close() {
    core_->close();
}

// ---- writing
// -------------------------------------------------------------------------------------

class PipeWriter::Core : public std::enable_shared_from_this<Core> {
  public:
    Core(const asio::any_io_executor& executor, int file, Event progress, Event broken)
        : descriptor_(executor, file), progress_(std::move(progress)), broken_(std::move(broken)) {
        error_code ec;  // a descriptor that cannot do it shows at the first write
        descriptor_.native_non_blocking(true, ec);
    }

    void put(std::string_view bytes) {
        if (!descriptor_.is_open() || finishing_) return;
        queued_ += bytes.size();
        pending_.append(bytes);
    }

    void flush() {
        if (!waiting_) write();
    }

    void finish() {
        finishing_ = true;
        if (pending_.size() == sent_) close_descriptor();
    }

    void close() {
        close_descriptor();
        progress_ = {};
        broken_ = {};
    }

    [[nodiscard]] std::uint64_t queued() const { return queued_; }

    [[nodiscard]] std::uint64_t written() const { return written_; }

    // What stands in a pipe nobody has read, also when all its readers are gone.
    [[nodiscard]] std::uint64_t taken() {
        int unread = 0;
        if (!descriptor_.is_open()) return written_;
        if (::ioctl(descriptor_.native_handle(), FIONREAD, &unread) != 0) return written_;
        return written_ - std::min(written_, static_cast<std::uint64_t>(std::max(unread, 0)));
    }

    [[nodiscard]] bool broken() const { return broke_; }

  private:
    void write() {
        while (descriptor_.is_open() && sent_ < pending_.size()) {
            const ssize_t wrote = ::write(
                descriptor_.native_handle(), pending_.data() + sent_, pending_.size() - sent_);
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote < 0 && errno == EAGAIN) return wait();
            if (wrote < 0) return break_off();
            sent_ += static_cast<std::size_t>(wrote);
            written_ += static_cast<std::uint64_t>(wrote);
        }
        pending_.clear();
        sent_ = 0;
        if (finishing_) close_descriptor();
    }

    void wait() {
        // Moving the rest seldom, not for each write.
        if (sent_ > pending_.size() / 2) {
            pending_.erase(0, sent_);
            sent_ = 0;
        }
        waiting_ = true;
        descriptor_.async_wait(asio::posix::descriptor_base::wait_write,
                               [self = shared_from_this()](const error_code& ec) {
                                   self->waiting_ = false;
                                   if (ec) return;
                                   self->write();
                                   if (const Event call = self->progress_) call();
                               });
    }

    // The descriptor stays: the pipe still tells how much was read of it.
    void break_off() {
        broke_ = true;
        pending_.clear();
        sent_ = 0;
        asio::post(descriptor_.get_executor(), [self = shared_from_this()]() {
            if (const Event call = self->broken_) call();
        });
    }

    void close_descriptor() {
        error_code ignored;  // there is nothing to do about it
        descriptor_.close(ignored);
    }

    asio::posix::stream_descriptor descriptor_;
    Event progress_;
    Event broken_;
    std::string pending_;
    std::size_t sent_ = 0;  // of pending_
    std::uint64_t queued_ = 0;
    std::uint64_t written_ = 0;
    bool waiting_ = false;
    bool finishing_ = false;
    bool broke_ = false;
};

PipeWriter::PipeWriter(const asio::any_io_executor& executor,
                       int file,
                       Event progress,
                       Event broken)
    : core_(std::make_shared<Core>(executor, file, std::move(progress), std::move(broken))) {}

PipeWriter::~PipeWriter() {
    core_->close();
}

void PipeWriter::put(std::string_view bytes) {
    core_->put(bytes);
}

void PipeWriter::flush() {
    core_->flush();
}

void PipeWriter::finish() {
    core_->finish();
}

void PipeWriter::close() {
    core_->close();
}

std::uint64_t PipeWriter::queued() const {
    return core_->queued();
}

std::uint64_t PipeWriter::written() const {
    return core_->written();
}

std::uint64_t PipeWriter::taken() const {
    return core_->taken();
}

bool PipeWriter::broken() const {
    return core_->broken();
}

}  // namespace penstock::sinks::worker

#include "lua/serve.h"

#include "lua/worker.h"
#include "sinks/worker/protocol.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace penstock::lua {
namespace {

constexpr std::size_t read_bytes = 256 * 1024;
constexpr std::size_t write_at_bytes = 64 * 1024;   // enough for a write of its own
constexpr std::size_t waiting_bytes_max = 4 << 20;  // not taken by the server yet
constexpr int last_write_ms = 5'000;                // for the rest, after the end of the input

// What goes out, kept until the descriptor takes it.
class Outlet {
  public:
    explicit Outlet(int descriptor) : descriptor_(descriptor) {}

    std::string& text() { return text_; }

    [[nodiscard]] std::size_t waiting() const { return text_.size() - written_; }

    // Writes what goes without waiting. False: the other side is gone.
    bool flush() {
        while (waiting() > 0) {
            const ssize_t count =
                ::write(descriptor_, text_.data() + written_, text_.size() - written_);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0 && errno == EAGAIN) return true;
            if (count < 0) return false;
            written_ += static_cast<std::size_t>(count);
        }
        text_.clear();
        written_ = 0;
        return true;
    }

  private:
    int descriptor_;
    std::string text_;
    std::size_t written_ = 0;
};

Error broken(const char* what) {
    return error(Errc::io, std::string(what) + ": " + std::strerror(errno));
}

class Loop {
  public:
    Loop(int in, int out, const Limits& limits, const Clock& clock)
        : in_(in),
          out_(out),
          outlet_(out),
          frames_(sinks::worker::Framing::lines, frame_bytes_max_in),
          worker_(limits, clock, outlet_.text(), [this] { outlet_.flush(); }) {}

    Result<void> run() {
        if (::fcntl(in_, F_SETFL, ::fcntl(in_, F_GETFL) | O_NONBLOCK) < 0 ||
            ::fcntl(out_, F_SETFL, ::fcntl(out_, F_GETFL) | O_NONBLOCK) < 0)
            return broken("a descriptor cannot be made non-blocking");
        for (;;) {
            Result<bool> more = step();
            if (!more) return more.error();
            if (!*more) return finish();
        }
    }

  private:
    // A script of 256 KiB or a body of 16 MiB, escaped at worst sixfold, and its frame.
    static constexpr std::size_t frame_bytes_max_in = (6 * 16 + 2) << 20;

    // Waits for something to do and does it. False: the input has ended.
    Result<bool> step() {
        std::array<pollfd, 2> wanted{};
        wanted[0] = {outlet_.waiting() < waiting_bytes_max ? in_ : -1, POLLIN, 0};
        wanted[1] = {outlet_.waiting() > 0 ? out_ : -1, POLLOUT, 0};
        if (::poll(wanted.data(), wanted.size(), -1) < 0) {
            if (errno == EINTR) return true;
            return broken("poll");
        }
        if (wanted[1].revents != 0 && !outlet_.flush()) return broken("the answers' descriptor");
        if (wanted[0].revents == 0) return true;
        return read_some();
    }

    Result<bool> read_some() {
        const ssize_t count = ::read(in_, input_.data(), input_.size());
        if (count < 0 && (errno == EINTR || errno == EAGAIN)) return true;
        if (count < 0) return broken("the frames' descriptor");
        if (count == 0) return false;
        const Result<void> put = frames_.put({input_.data(), static_cast<std::size_t>(count)});
        if (!put) return put.error();
        while (const auto frame = frames_.next()) {
            worker_.hear(*frame);
            if (outlet_.waiting() >= write_at_bytes && !outlet_.flush())
                return broken("the answers' descriptor");
        }
        worker_.rest();
        if (!outlet_.flush()) return broken("the answers' descriptor");
        return true;
    }

    Result<void> finish() {
        pollfd wanted{out_, POLLOUT, 0};
        while (outlet_.waiting() > 0 && ::poll(&wanted, 1, last_write_ms) > 0) {
            if (!outlet_.flush()) return broken("the answers' descriptor");
        }
        return {};
    }

    int in_;
    int out_;
    Outlet outlet_;
    sinks::worker::FrameReader frames_;
    Worker worker_;
    std::string input_ = std::string(read_bytes, '\0');
};

}  // namespace

Result<void> serve(int in, int out, const Limits& limits, const Clock& clock) {
    Loop loop(in, out, limits, clock);
    return loop.run();
}

}  // namespace penstock::lua

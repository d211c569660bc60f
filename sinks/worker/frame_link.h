// FrameLink: the pipes of one process that speaks frames (protocol.h): standard input, standard
// output, optionally descriptor 3 for replies, and stderr for its log. It gathers what is put in
// one loop turn into one write, reads big chunks, and takes no more than a few milliseconds of
// frames in a turn. Owned by a conversation, on its thread; it calls its Listener from the
// executor, and from drain_output() and ended(). What a process does against the rules is told as a
// breach.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "sinks/worker/output_tap.h"
#include "sinks/worker/pipes.h"
#include "sinks/worker/protocol.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace penstock::sinks::worker {

// The greatest body, with every character escaped, fits.
inline constexpr std::size_t link_frame_bytes_max = (2 << 20) + (256 << 10);

struct FrameLinkOptions {
    Framing framing = Framing::lines;
    bool reply_file = false;  // frames are read from descriptor 3 as well
    std::size_t frame_bytes_max = link_frame_bytes_max;
    std::uint64_t unread_bytes_max = 1 << 20;  // towards the process; beyond it there is no room
};

class FrameLink {
  public:
    class Listener {
      public:
        virtual ~Listener() = default;

        // False: the frame was good for nothing. A flood of such is read slowly.
        virtual bool on_frame(std::string_view frame, Heard heard) = 0;
        virtual void on_stderr(std::string_view line) = 0;
        virtual void on_breach(std::string_view what) = 0;
        virtual void on_room() = 0;
    };

    // Use open().
    FrameLink(const boost::asio::any_io_executor& executor,
              const Clock& clock,
              Listener& listener,
              const FrameLinkOptions& options);

    // Makes the pipes; the process' ends are put into `files` as its descriptors 0, 1, 2 (, 3).
    // Error{unavailable}: no descriptors. `clock` and `listener` outlive the link.
    static Result<std::unique_ptr<FrameLink>> open(const boost::asio::any_io_executor& executor,
                                                   const Clock& clock,
                                                   Listener& listener,
                                                   const FrameLinkOptions& options,
                                                   std::vector<int>& files);

    // Puts a frame into the queue and gives back where it begins, for has_read().
    std::uint64_t put(std::string_view json);
    void flush();

    [[nodiscard]] bool has_room() const;

    // True when the process has begun to read what was put at `position`. Right after ended() too.
    [[nodiscard]] bool has_read(std::uint64_t position) const;

    // Standard input closes once everything is written.
    void end_input();

    void drain_output() { errors_->drain(); }

    // The process is gone: reports the frames and lines it left, closes everything.
    void ended();

  private:
    // One descriptor that frames come from.
    struct Lane {
        FrameReader frames;
        std::unique_ptr<PipeReader> reader;
        bool resting = false;  // has frames left for the next turn
        bool broken = false;   // nothing more is taken from it
    };

    void listen(int file);
    void on_bytes(Lane& lane, std::string_view bytes);
    void take_frames(Lane& lane);
    void break_off(Lane& lane, std::string_view what);
    void rest(Lane& lane);
    void on_input_broken();

    boost::asio::any_io_executor executor_;
    const Clock& clock_;
    Listener& listener_;
    FrameLinkOptions options_;
    std::unique_ptr<PipeWriter> input_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    std::unique_ptr<OutputTap> errors_;
    boost::asio::steady_timer broken_timer_;
    std::optional<std::uint64_t> read_at_end_;
    std::shared_ptr<FrameLink*> self_;  // what is posted may run after our end
};

}  // namespace penstock::sinks::worker

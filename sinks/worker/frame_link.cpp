#include "sinks/worker/frame_link.h"

#include <boost/asio/post.hpp>

#include <array>
#include <chrono>
#include <limits>
#include <string>
#include <utility>

namespace penstock::sinks::worker {
namespace {

// Frames of one process are taken for so long, then others have their turn.
constexpr std::int64_t turn_us_max = 2'000;
constexpr std::size_t pipe_bytes_max = 1 << 20;
// Far more than answers make; of useless frames it is some ten thousand.
constexpr std::uint64_t bytes_per_second = 256 << 20;
constexpr std::uint64_t useless_frame_bytes = 16 * 1024;
// A process that ends closes its input a moment before its end is told.
constexpr std::chrono::seconds broken_time{1};

// So many pipes, or none at all.
Result<std::vector<Pipe>> make_pipes(std::size_t count) {
    std::vector<Pipe> pipes;
    while (pipes.size() < count) {
        const auto made = make_pipe();
        if (!made) {
            for (const Pipe& pipe : pipes) {
                close_file(pipe.read_end);
                close_file(pipe.write_end);
            }
            return made.error();
        }
        pipes.push_back(*made);
    }
    return pipes;
}

}  // namespace

FrameLink::FrameLink(const boost::asio::any_io_executor& executor,
                     const Clock& clock,
                     Listener& listener,
                     const FrameLinkOptions& options)
    : executor_(executor),
      clock_(clock),
      listener_(listener),
      options_(options),
      broken_timer_(executor),
      self_(std::make_shared<FrameLink*>(this)) {}

Result<std::unique_ptr<FrameLink>> FrameLink::open(const boost::asio::any_io_executor& executor,
                                                   const Clock& clock,
                                                   Listener& listener,
                                                   const FrameLinkOptions& options,
                                                   std::vector<int>& files) {
    const auto pipes = make_pipes(options.reply_file ? 4 : 3);
    if (!pipes) return pipes.error();
    auto link = std::make_unique<FrameLink>(executor, clock, listener, options);
    FrameLink& made = *link;
    made.input_ = std::make_unique<PipeWriter>(
        executor,
        (*pipes)[0].write_end,
        [&made]() { made.listener_.on_room(); },
        [&made]() { made.on_input_broken(); });
    made.listen((*pipes)[1].read_end);
    made.errors_ =
        std::make_unique<OutputTap>(executor, (*pipes)[2].read_end, [&made](std::string_view line) {
            made.listener_.on_stderr(line);
        });
    if (options.reply_file) made.listen((*pipes)[3].read_end);
    files.push_back((*pipes)[0].read_end);
    for (std::size_t at = 1; at < pipes->size(); ++at) files.push_back((*pipes)[at].write_end);
    return link;
}

void FrameLink::listen(int file) {
    FrameReader frames(options_.framing, options_.frame_bytes_max);
    Lane& lane = *lanes_.emplace_back(std::make_unique<Lane>(std::move(frames), nullptr));
    lane.reader = std::make_unique<PipeReader>(
        executor_,
        file,
        [this, &lane](std::string_view bytes) { on_bytes(lane, bytes); },
        PipeReader::Ended(),
        bytes_per_second);
}

std::uint64_t FrameLink::put(std::string_view json) {
    const std::uint64_t position = input_->queued();
    if (options_.framing == Framing::lines) {
        input_->put(json);
        input_->put("\n");
    } else {
        input_->put(framed(options_.framing, json));
    }
    return position;
}

void FrameLink::flush() {
    input_->flush();
}

bool FrameLink::has_room() const {
    return !input_->broken() && input_->queued() - input_->written() < options_.unread_bytes_max;
}

bool FrameLink::has_read(std::uint64_t position) const {
    return position < read_at_end_.value_or(input_->taken());
}

void FrameLink::end_input() {
    input_->finish();
}

void FrameLink::on_bytes(Lane& lane, std::string_view bytes) {
    if (lane.broken) return;
    const Result<void> good = lane.frames.put(bytes);
    if (!lane.resting) take_frames(lane);
    if (!good) break_off(lane, good.error().detail);
}

void FrameLink::break_off(Lane& lane, std::string_view what) {
    if (std::exchange(lane.broken, true)) return;
    lane.reader->pause();
    listener_.on_breach(what);
}

void FrameLink::take_frames(Lane& lane) {
    const bool gone = read_at_end_.has_value();
    const std::int64_t until_us =
        gone ? std::numeric_limits<std::int64_t>::max() : clock_.steady_us() + turn_us_max;
    while (const auto frame = lane.broken ? std::nullopt : lane.frames.next()) {
        // A value takes two bytes at least; what is no object is never read.
        const bool heavy = frame->size() > 2 * frame_values_max && frame->front() == '{' &&
                           count_values(*frame, frame_values_max) > frame_values_max;
        if (heavy) {
            return break_off(
                lane,
                "a frame holds more than " + std::to_string(frame_values_max) + " JSON values");
        }
        const bool useful = listener_.on_frame(*frame, decode_frame(*frame));
        if (!useful) lane.reader->charge(useless_frame_bytes);
        if (clock_.steady_us() >= until_us) return rest(lane);
    }
}

// The reader stops meanwhile: what is kept here stays a chunk and a frame.
void FrameLink::rest(Lane& lane) {
    lane.resting = true;
    lane.reader->pause();
    boost::asio::post(executor_, [self = std::weak_ptr<FrameLink*>(self_), &lane]() {
        const auto link = self.lock();
        if (!link || !lane.resting) return;
        lane.resting = false;
        (*link)->take_frames(lane);
        if (!lane.resting && !lane.broken) lane.reader->resume();
    });
}

void FrameLink::on_input_broken() {
    broken_timer_.expires_after(broken_time);
    broken_timer_.async_wait(
        [self = std::weak_ptr<FrameLink*>(self_)](const boost::system::error_code& ec) {
            const auto link = self.lock();
            if (ec || !link) return;
            (*link)->listener_.on_breach("it closed its standard input and went on running");
        });
}

void FrameLink::ended() {
    read_at_end_ = input_->taken();
    broken_timer_.cancel();
    for (const auto& lane : lanes_) {
        lane->resting = false;
        take_frames(*lane);
        lane->reader->drain(pipe_bytes_max);
        lane->reader->close();
    }
    errors_->end();
    input_->close();
}

}  // namespace penstock::sinks::worker

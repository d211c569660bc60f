// The loop over descriptors, with pipes.
#include "lua/serve.h"

#include "lua/budget.h"
#include "lua/cpu_watch.h"
#include "sinks/worker/protocol.h"
#include "tests/support/manual_clock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <thread>

namespace penstock::lua {
namespace {

struct Pipe {
    Pipe() { EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0); }

    ~Pipe() {
        close_reader();
        close_writer();
    }

    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    void close_reader() {
        if (ends[0] >= 0) ::close(std::exchange(ends[0], -1));
    }

    void close_writer() {
        if (ends[1] >= 0) ::close(std::exchange(ends[1], -1));
    }

    void write(const std::string& text) {
        for (std::size_t at = 0; at < text.size();) {
            const ssize_t count = ::write(ends[1], text.data() + at, text.size() - at);
            if (count < 0) return;  // the reader is gone, as a test may wish
            at += static_cast<std::size_t>(count);
        }
    }

    std::string read_to_end() {
        std::string text;
        std::array<char, 65'536> chunk{};
        for (ssize_t count = 1; count > 0;) {
            count = ::read(ends[0], chunk.data(), chunk.size());
            if (count > 0) text.append(chunk.data(), static_cast<std::size_t>(count));
        }
        return text;
    }

    std::array<int, 2> ends{-1, -1};
};

class LuaServe : public ::testing::Test {
  protected:
    LuaServe() {
        ::signal(SIGPIPE, SIG_IGN);
        EXPECT_TRUE(CpuWatch::arm(&budget_hook));
    }

    // Everything it answers to `input`, whose reader may be slow.
    std::vector<sinks::worker::Heard> served(const std::string& input) {
        Pipe in;
        Pipe out;
        Result<void> result;
        std::thread writer([&] {
            in.write(input);
            in.close_writer();
        });
        std::string answers;
        std::thread reader([&] { answers = out.read_to_end(); });
        EXPECT_TRUE(serve(in.ends[0], out.ends[1], Limits{}, clock_));
        out.close_writer();
        writer.join();
        reader.join();
        std::vector<sinks::worker::Heard> frames;
        sinks::worker::FrameReader split(sinks::worker::Framing::lines);
        EXPECT_TRUE(split.put(answers));
        while (const auto frame = split.next())
            frames.push_back(sinks::worker::decode_frame(*frame));
        return frames;
    }

    testing::ManualClock clock_;
};

std::string line(const std::string& json) {
    return json + "\n";
}

TEST_F(LuaServe, AnswersEveryFrameUntilTheInputEnds) {
    std::string input =
        line(sinks::worker::script_frame({"handler", 1, "function handle(e) return e.body end"}));
    sinks::worker::Event event;
    event.body = std::string(10'000, 'b');
    for (int at = 0; at < 500; ++at)
        input += line(sinks::worker::event_frame(std::to_string(at), event, 0));
    const auto frames = served(input + "{\"cut off");
    ASSERT_EQ(frames.size(), 501U);
    for (std::size_t at = 1; at < frames.size(); ++at) {
        EXPECT_EQ(frames[at].id, std::to_string(at - 1));
        EXPECT_EQ(frames[at].answer.result.size(), 10'002U);
    }
}

TEST_F(LuaServe, GathersABatchFromWhatHasCome) {
    std::string input = line(sinks::worker::script_frame(
        {"handler", 1, "function handle_batch(events, ctx) ctx.log.info(#events) end"}));
    for (int at = 0; at < 5; ++at)
        input += line(sinks::worker::event_frame(std::to_string(at), {}, 0));
    const auto frames = served(input);
    ASSERT_EQ(frames.size(), 7U);
    EXPECT_EQ(frames[1].log.text, "5");
}

TEST_F(LuaServe, AFrameWithoutEndIsAnError) {
    Pipe in;
    Pipe out;
    std::thread writer([&] {
        in.write(std::string(99 << 20, 'x'));
        in.close_writer();
    });
    const auto result = serve(in.ends[0], out.ends[1], Limits{}, clock_);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().detail, "a frame is longer than 102760448 bytes");
    in.close_reader();
    writer.join();
}

TEST_F(LuaServe, AReaderThatIsGoneIsAnError) {
    Pipe in;
    Pipe out;
    in.write(line(sinks::worker::script_frame({"handler", 1, "function handle() end"})));
    out.close_reader();
    const auto result = serve(in.ends[0], out.ends[1], Limits{}, clock_);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::io);
}

}  // namespace
}  // namespace penstock::lua

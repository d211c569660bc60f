#include "sinks/worker/pipes.h"

#include "sinks/worker/output_tap.h"
#include "tests/support/run_until.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

namespace penstock::sinks::worker {
namespace {

class PipesTest : public ::testing::Test {
  protected:
    PipesTest() : pipe(*make_pipe()) { std::signal(SIGPIPE, SIG_IGN); }

    std::string read_all(std::size_t bytes) {
        std::string got(bytes, '\0');
        const ssize_t read = ::read(pipe.read_end, got.data(), bytes);
        got.resize(read > 0 ? static_cast<std::size_t>(read) : 0);
        return got;
    }

    void write(const std::string& text) {
        ASSERT_EQ(::write(pipe.write_end, text.data(), text.size()),
                  static_cast<ssize_t>(text.size()));
    }

    boost::asio::io_context context;
    Pipe pipe;
};

TEST_F(PipesTest, WhatIsPutGoesOutWithOneFlush) {
    PipeWriter writer(context.get_executor(), pipe.write_end, {}, {});
    writer.put("one\n");
    writer.put("two\n");
    EXPECT_EQ(writer.written(), 0U);
    writer.flush();
    EXPECT_EQ(writer.written(), 8U);
    EXPECT_EQ(writer.taken(), 0U);
    EXPECT_EQ(read_all(4), "one\n");
    EXPECT_EQ(writer.taken(), 4U);
    close_file(pipe.read_end);
    EXPECT_EQ(writer.taken(), 4U) << "what nobody will read is still not taken";
}

TEST_F(PipesTest, WhatThePipeDoesNotTakeWaitsAndFollows) {
    unsigned progress = 0;
    PipeWriter writer(context.get_executor(), pipe.write_end, [&progress]() { ++progress; }, {});
    std::string sent;
    for (int at = 0; at < 5'000; ++at) sent += "line " + std::to_string(at) + "\n";
    for (int times = 0; times < 10; ++times) writer.put(sent);
    writer.flush();
    writer.finish();
    EXPECT_LT(writer.written(), writer.queued());
    std::string got;
    PipeReader reader(
        context.get_executor(), pipe.read_end, [&got](std::string_view bytes) { got += bytes; });
    EXPECT_TRUE(testing::run_until(context, [&]() { return got.size() == 10 * sent.size(); }));
    EXPECT_EQ(got.substr(9 * sent.size()), sent);
    EXPECT_GT(progress, 0U);
}

TEST_F(PipesTest, AReaderThatGoesAwayIsToldOnce) {
    unsigned broken = 0;
    PipeWriter writer(context.get_executor(), pipe.write_end, {}, [&broken]() { ++broken; });
    close_file(pipe.read_end);
    writer.put("x");
    writer.flush();
    EXPECT_TRUE(writer.broken());
    context.run();
    EXPECT_EQ(broken, 1U);
}

TEST_F(PipesTest, TheEndOfTheStreamIsToldAfterItsBytes) {
    std::string got;
    PipeReader reader(
        context.get_executor(),
        pipe.read_end,
        [&got](std::string_view bytes) { got += bytes; },
        [&got]() { got += "END"; });
    write("last words");
    close_file(pipe.write_end);
    context.run();
    EXPECT_EQ(got, "last wordsEND");
}

TEST_F(PipesTest, APausedReaderReadsNothingUntilItResumes) {
    std::string got;
    PipeReader reader(
        context.get_executor(), pipe.read_end, [&got](std::string_view bytes) { got += bytes; });
    reader.pause();
    write("wait");
    context.poll();
    EXPECT_EQ(got, "");
    reader.resume();
    EXPECT_TRUE(testing::run_until(context, [&got]() { return got == "wait"; }));
    close_file(pipe.write_end);
}

TEST_F(PipesTest, ARationedReaderIsSlowAndLosesNothing) {
    std::size_t got = 0;
    PipeReader reader(
        context.get_executor(),
        pipe.read_end,
        [&got](std::string_view bytes) { got += bytes.size(); },
        {},
        100'000,
        1'000);
    write(std::string(40'000, 'x'));
    context.poll();
    context.run_for(std::chrono::milliseconds(30));
    EXPECT_LE(got, 11'000U) << "a tenth of a second has its part";
    EXPECT_TRUE(testing::run_until(context, [&got]() { return got == 40'000U; }));
    write("and on");
    EXPECT_TRUE(testing::run_until(context, [&got]() { return got == 40'006U; }));
    close_file(pipe.write_end);
}

TEST_F(PipesTest, ATapGivesLinesAndAtTheEndTheUnfinishedOne) {
    std::vector<std::string> lines;
    OutputTap tap(context.get_executor(), pipe.read_end, [&lines](std::string_view line) {
        lines.emplace_back(line);
    });
    write("one\ntwo\nthr");
    tap.drain();
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "two"}));
    tap.end();
    EXPECT_EQ(lines.back(), "thr");
    close_file(pipe.write_end);
}

TEST_F(PipesTest, AFloodIsNotReadFasterForBeingDrained) {
    std::size_t lines = 0;
    OutputTap tap(
        context.get_executor(), pipe.read_end, [&lines](std::string_view) { lines += 1; });
    std::string flood;
    for (int line = 0; line < 10'000; ++line) flood += "a\n";
    for (int failure = 0; failure < 3; ++failure) {
        write(flood);
        tap.drain();
    }
    EXPECT_GT(lines, 0U);
    EXPECT_LT(lines, 10'000U) << "no time has passed that would pay for more";
    tap.end();
    EXPECT_EQ(lines, 30'000U) << "what is left at its end is taken";
    close_file(pipe.write_end);
}

}  // namespace
}  // namespace penstock::sinks::worker

#include "sinks/worker/frame_link.h"

#include "tests/support/run_until.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

namespace penstock::sinks::worker {
namespace {

class FrameLinkTest : public ::testing::Test, private FrameLink::Listener {
  protected:
    FrameLinkTest() {
        std::signal(SIGPIPE, SIG_IGN);
        FrameLinkOptions options;
        options.reply_file = true;
        link = std::move(*FrameLink::open(context.get_executor(), clock, *this, options, files));
    }

    ~FrameLinkTest() override {
        for (const int file : files) close_file(file);
    }

    void write(std::size_t file, const std::string& text) {
        ASSERT_EQ(::write(files.at(file), text.data(), text.size()),
                  static_cast<ssize_t>(text.size()));
    }

    bool until_frames(std::size_t count) {
        return testing::run_until(context, [&]() { return frames.size() == count; });
    }

    boost::asio::io_context context;
    SystemClock clock;
    std::vector<int> files;  // the process' 0, 1, 2 and 3
    std::vector<std::string> frames;
    std::vector<std::string> errors;
    std::vector<std::string> breaches;
    std::unique_ptr<FrameLink> link;

  private:
    bool on_frame(std::string_view frame, Heard) override {
        frames.emplace_back(frame);
        return true;
    }

    void on_stderr(std::string_view line) override { errors.emplace_back(line); }

    void on_breach(std::string_view what) override { breaches.emplace_back(what); }

    void on_room() override {}
};

TEST_F(FrameLinkTest, FramesComeFromStandardOutputAndTheReplyDescriptor) {
    write(1, "one\n");
    write(3, "two\n");
    write(2, "a word\n");
    ASSERT_TRUE(until_frames(2));
    EXPECT_TRUE(testing::run_until(context, [this]() { return !errors.empty(); }));
    EXPECT_EQ(errors, std::vector<std::string>{"a word"});
}

TEST_F(FrameLinkTest, WhatWasReadIsKnownFrameByFrame) {
    const std::uint64_t first = link->put("12345");
    const std::uint64_t second = link->put("67890");
    link->flush();
    EXPECT_FALSE(link->has_read(first));
    char text[6];
    ASSERT_EQ(::read(files[0], text, 6), 6);
    EXPECT_TRUE(link->has_read(first));
    EXPECT_FALSE(link->has_read(second));
    link->ended();
    EXPECT_TRUE(link->has_read(first));
    EXPECT_FALSE(link->has_read(second));
}

TEST_F(FrameLinkTest, WhatAProcessLeftIsTakenAtItsEnd) {
    write(1, "last\nhalf a fr");
    write(2, "last words");
    link->ended();
    EXPECT_EQ(frames, std::vector<std::string>{"last"});
    EXPECT_EQ(errors, std::vector<std::string>{"last words"});
}

TEST_F(FrameLinkTest, AFrameOfTooManyValuesIsABreachAndNothingFollowsIt) {
    std::string many = "{\"a\":[0";
    for (std::size_t at = 0; at < frame_values_max; ++at) many += ",0";
    std::string all = "first\n" + many + "]}\nnever\n";
    // More than a pipe holds: written as the link reads.
    while (!all.empty() && breaches.empty()) {
        write(1, all.substr(0, 4'096));
        all.erase(0, std::min<std::size_t>(4'096, all.size()));
        context.poll();
    }
    EXPECT_EQ(frames, std::vector<std::string>{"first"});
    EXPECT_EQ(breaches, std::vector<std::string>{"a frame holds more than 50000 JSON values"});
}

TEST(CountValues, CountsWhatStandsOutsideTexts) {
    EXPECT_EQ(count_values("1", 100), 1U);
    EXPECT_EQ(count_values("[1,2,3]", 100), 4U);
    EXPECT_EQ(count_values(R"({"a":"b,c,d:[{"})", 100), 3U);
    EXPECT_EQ(count_values(R"(["\\",1,"\"",2])", 100), 5U);
    EXPECT_EQ(count_values(R"("never ends,,,,)", 100), 1U);
    EXPECT_EQ(count_values(std::string(1'000, ','), 10), 11U);
}

}  // namespace
}  // namespace penstock::sinks::worker

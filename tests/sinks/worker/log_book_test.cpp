#include "sinks/worker/log_book.h"

#include "sinks/worker/line_splitter.h"
#include "tests/support/fake_launcher.h"
#include "tests/support/manual_clock.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace penstock::sinks::worker {
namespace {

const model::SubscriptionNo one{1};
const model::SubscriptionNo two{2};

class LogBookTest : public ::testing::Test {
  protected:
    api::FunctionLogPage read(api::FunctionLogQuery query) {
        api::FunctionLogPage answer;
        book.logs(query, [&answer](api::FunctionLogPage page) { answer = std::move(page); });
        context.restart();
        context.run();
        return answer;
    }

    std::vector<std::string> texts(api::FunctionLogQuery query = {}) {
        std::vector<std::string> all;
        for (const auto& line : read(query).lines) all.push_back(line.text);
        return all;
    }

    boost::asio::io_context context;
    testing::ManualClock clock;
    testing::FakeLauncher launcher;
    LogBook book{context.get_executor(), clock, launcher};
};

TEST_F(LogBookTest, LinesOfAllFunctionsAreNumberedInOneRow) {
    book.write(one, "info", "12", "first");
    book.write(two, "stderr", "", "second");
    book.write(one, "info", "", "third");
    const auto page = read({});
    ASSERT_EQ(page.lines.size(), 3U);
    EXPECT_EQ(page.lines[0].number, 1U);
    EXPECT_EQ(page.lines[0].message, "12");
    EXPECT_EQ(page.lines[0].at_ms, 1'700'000'000'000);
    EXPECT_EQ(page.lines[1].subscription, two);
    EXPECT_EQ(page.lines[1].level, "stderr");
    EXPECT_EQ(page.last, 3U);
}

TEST_F(LogBookTest, AReaderGoesOnWhereItStopped) {
    for (const char* text : {"a", "b", "c", "d"}) book.write(one, "info", "", text);
    book.write(two, "info", "", "other");
    EXPECT_EQ(texts({one, 2, 1}), std::vector<std::string>{"c"});
    EXPECT_EQ(texts({one, 3, 1000}), std::vector<std::string>{"d"});
    EXPECT_EQ(read({one, 99, 1000}).last, 99U);
}

TEST_F(LogBookTest, AReaderThatBeginsGetsTheNewestLines) {
    for (const char* text : {"a", "b", "c", "d"}) book.write(one, "info", "", text);
    EXPECT_EQ(texts({one, 0, 2}), (std::vector<std::string>{"c", "d"}));
    EXPECT_EQ(read({one, 0, 2}).last, 4U);
}

TEST_F(LogBookTest, TheOldestLinesGoWhenASubscriptionHasTooMany) {
    for (int at = 0; at < 100; ++at) book.write(one, "info", "", std::string(1'000, 'x'));
    const auto page = read({});
    ASSERT_EQ(page.lines.size(), 61U);  // 64 KiB at 1,000 bytes and 68 of its own each
    EXPECT_EQ(page.lines.back().number, 100U);
}

TEST_F(LogBookTest, ALineCannotForgeAnotherOrMoveACursor) {
    book.write(one, "stderr", "", "a\nb\x1B[31m\x7F\xE4\xBD\xA0");
    book.write(one, "stderr", "", "no utf8: \xFF\xE4");
    EXPECT_EQ(
        texts(),
        (std::vector<std::string>{"a\\x0ab\\x1b[31m\\x7f\xE4\xBD\xA0", "no utf8: \\xff\\xe4"}));
}

TEST_F(LogBookTest, ALongLineIsCutAtAWholeCharacter) {
    book.write(one, "stderr", "", std::string(8'191, 'x') + "\xE4\xBD\xA0");
    EXPECT_EQ(texts(), std::vector<std::string>{std::string(8'191, 'x')});
}

TEST_F(LogBookTest, AFloodIsCutAndCountedAndDoesNotDrownTheServersOwnLines) {
    for (int at = 0; at < 5'000; ++at) book.write(one, "stderr", "", "x");
    book.problem(one, "", "it writes too much");
    EXPECT_EQ(read({}).last, 2'001U);
    clock.advance_ms(1'000);
    book.write(one, "stderr", "", "calm again");
    const auto page = read({one, 2'000, 10});
    ASSERT_EQ(page.lines.size(), 3U);
    EXPECT_EQ(page.lines[0].text, "it writes too much");
    EXPECT_EQ(page.lines[1].text, "3000 lines were dropped: too many a second");
    EXPECT_EQ(page.lines[2].text, "calm again");
}

TEST_F(LogBookTest, BeyondItsLimitTheLongestSilentSubscriptionIsForgotten) {
    LogBookLimits limits;
    limits.subscriptions_max = 2;
    LogBook small(context.get_executor(), clock, launcher, limits);
    small.write(one, "info", "", "1");
    small.write(two, "info", "", "2");
    small.write(one, "info", "", "3");
    small.write(model::SubscriptionNo(3), "info", "", "4");
    std::vector<std::uint64_t> numbers;
    small.logs({}, [&numbers](api::FunctionLogPage page) {
        for (const auto& line : page.lines) numbers.push_back(line.number);
    });
    context.restart();
    context.run();
    EXPECT_EQ(numbers, (std::vector<std::uint64_t>{1, 3, 4}));
}

TEST_F(LogBookTest, TheStatusGathersWhatSeveralWatchersKnow) {
    const auto watcher = [](std::uint64_t process) {
        return [process]() {
            api::FunctionStatus status;
            status.starts = 1;
            status.processes.resize(1);
            status.processes[0].number = process;
            return status;
        };
    };
    book.watch(one, &clock, watcher(9));
    book.watch(one, &launcher, watcher(3));
    book.watch(two, &clock, watcher(5));
    api::FunctionStatus got;
    const auto ask = [&]() {
        book.status(one, [&got](api::FunctionStatus status) { got = std::move(status); });
        context.restart();
        context.run();
    };
    ask();
    ASSERT_EQ(got.processes.size(), 2U);
    EXPECT_EQ(got.processes[0].number, 3U);
    EXPECT_EQ(got.processes[1].number, 9U);
    EXPECT_EQ(got.starts, 2U);
    book.watch(one, &launcher, {});
    ask();
    ASSERT_EQ(got.processes.size(), 1U);
    EXPECT_EQ(got.processes[0].number, 9U);
}

TEST_F(LogBookTest, TheSandboxReportIsTheLaunchers) {
    api::SandboxReport report;
    book.sandbox([&report](api::SandboxReport answer) { report = std::move(answer); });
    context.run();
    EXPECT_EQ(report, (api::SandboxReport{{"session", "yes"}}));
}

TEST(LineSplitter, GivesWholeLinesAndCutsLongOnes) {
    std::vector<std::string> lines;
    LineSplitter splitter([&lines](std::string_view line) { lines.emplace_back(line); }, 4);
    splitter.put("a\nbb");
    splitter.put("cc\r\n\n");
    splitter.put("dddddd");
    splitter.put("ddd\ne");
    splitter.finish();
    EXPECT_EQ(lines, (std::vector<std::string>{"a", "bbcc", "dddd", "e"}));
}

}  // namespace
}  // namespace penstock::sinks::worker

// A sink with real processes on the test's thread: scripts are written into a folder of the test's
// own, messages are given to the sink, and what becomes of them is kept.
#pragma once

#include "broker/base/random.h"
#include "sinks/process/process_order.h"
#include "sinks/worker/envelope.h"
#include "sinks/worker/pool_set.h"
#include "tests/support/run_until.h"
#include "tests/support/spawn_launcher.h"
#include "tests/support/temp_folder.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::sinks::process {

struct Told {
    unsigned times = 0;
    AttemptResult result;
};

inline std::size_t open_files() {
    std::size_t count = 0;
    const std::filesystem::directory_iterator files("/proc/self/fd");
    for (auto at = begin(files); at != end(files); ++at) count += 1;
    return count;
}

class ProcessTest : public ::testing::Test {
  protected:
    ProcessTest() {
        options.profile = worker::SandboxProfile::none;
        options.environment = worker::inherited_environment();
        target.subscription = model::SubscriptionNo(7);
        target.topic = "events";
        target.name = "score";
        target.spec.timeout_ms = 10'000;
        // The context opens its own descriptors with its first timer and descriptor.
        boost::asio::posix::stream_descriptor(context.get_executor());
        files_before_ = open_files();
    }

    // Writes a script; gives back its path.
    std::string script(const std::string& name, const std::string& text) {
        const std::string path = folder.file(name);
        std::ofstream(path) << text;
        std::filesystem::permissions(path, std::filesystem::perms::owner_all);
        return path;
    }

    void use(model::SinkKind kind, std::vector<std::string> command) {
        target.spec.sink = kind;
        target.spec.function.command = std::move(command);
    }

    // Gives message `id` to the sink.
    void deliver(std::uint64_t id, const std::string& payload = "hello") {
        api::Delivery& delivery = deliveries.emplace_back();
        delivery.subscription = target.subscription;
        delivery.message = model::MessageId(id);
        delivery.published_ms = 1'700'000'000'123;
        delivery.payload = payload;
        delivery.meta = meta;
        targets.push_back(target);
        sink->deliver(targets.back(), delivery, [this, id](AttemptResult result) {
            told[id].times += 1;
            told[id].result = std::move(result);
            last_told = id;
        });
    }

    bool told_of(std::uint64_t id) { return told.count(id) > 0 && told[id].times > 0; }

    // Waits for the outcome of message `id`.
    const AttemptResult& result_of(std::uint64_t id) {
        EXPECT_TRUE(testing::run_until(
            context, [this, id]() { return told_of(id); }, std::chrono::seconds(20)))
            << "no outcome for " << id;
        EXPECT_EQ(told[id].times, 1U);
        return told[id].result;
    }

    bool until(const std::function<bool()>& holds) { return testing::run_until(context, holds); }

    std::vector<api::FunctionLogLine> log_lines() {
        std::vector<api::FunctionLogLine> lines;
        bool answered = false;
        log_book.logs({}, [&](api::FunctionLogPage page) {
            lines = std::move(page.lines);
            answered = true;
        });
        EXPECT_TRUE(until([&answered]() { return answered; }));
        return lines;
    }

    // Lines of level `level` in the log.
    std::vector<std::string> lines_of(const std::string& level) {
        std::vector<std::string> texts;
        for (const auto& line : log_lines()) {
            if (line.level == level) texts.push_back(line.text);
        }
        return texts;
    }

    void end_sink() {
        sink->stop();
        sink.reset();
        EXPECT_TRUE(until([this]() { return launcher->running() == 0; }));
    }

    // No process, no descriptor is left of the sink.
    void TearDown() override {
        if (sink) end_sink();
        launcher.reset();
        context.restart();
        context.poll();
        EXPECT_EQ(open_files(), files_before_) << "descriptors leaked";
    }

    boost::asio::io_context context;
    testing::TempFolder folder;
    SystemClock clock;
    SeededRandom random{1};
    std::unique_ptr<testing::SpawnLauncher> launcher =
        std::make_unique<testing::SpawnLauncher>(context);
    worker::LogBook log_book{context.get_executor(), clock, *launcher};
    worker::Workshop workshop{
        context.get_executor(), clock, random, *launcher, log_book, worker::PoolLimits{}};
    ProcessOptions options;
    api::Target target;
    model::MessageMeta meta;
    std::deque<api::Target> targets;
    std::deque<api::Delivery> deliveries;
    std::map<std::uint64_t, Told> told;
    std::uint64_t last_told = 0;
    std::unique_ptr<Sink> sink;

  private:
    std::size_t files_before_ = 0;
};

}  // namespace penstock::sinks::process

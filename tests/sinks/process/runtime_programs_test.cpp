// Real programs behind the runtime APIs: the example in bash and one in Python.
#include "sinks/process/runtime_sink.h"
#include "sinks/worker/envelope.h"
#include "tests/support/run_until.h"
#include "tests/support/spawn_launcher.h"
#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace penstock::sinks::process {
namespace {

using model::Failure;
using model::Verdict;
using ::testing::HasSubstr;

class RuntimeProgramsTest : public ::testing::Test {
  protected:
    RuntimeProgramsTest() {
        RuntimeSinkOptions options;
        options.process.profile = worker::SandboxProfile::none;
        options.process.environment = worker::inherited_environment();
        sink_ = make_runtime_sink(workshop_, options);
        target_.subscription = model::SubscriptionNo{7};
        target_.topic = "orders";
        target_.name = "billing";
        target_.spec.sink = model::SinkKind::runtime;
    }

    ~RuntimeProgramsTest() override {
        sink_->stop();
        testing::run_until(context_, [&]() { return launcher_.running() == 0; });
    }

    void deliver(std::uint64_t id, const std::string& payload) {
        api::Delivery& delivery = deliveries_.emplace_back();
        delivery.subscription = target_.subscription;
        delivery.message = model::MessageId(id);
        delivery.payload = payload;
        sink_->deliver(target_, delivery, [this, id](AttemptResult result) {
            results_.insert_or_assign(id, std::move(result));
        });
    }

    AttemptResult handled(std::uint64_t id, const std::string& payload) {
        deliver(id, payload);
        EXPECT_TRUE(testing::run_until(context_, [&]() { return results_.count(id) > 0; }));
        return results_[id];
    }

    std::string log_text() {
        std::string text;
        bool answered = false;
        log_book_.logs({target_.subscription, 0, 1000}, [&](const api::FunctionLogPage& page) {
            for (const auto& line : page.lines) text += line.level + ": " + line.text + "\n";
            answered = true;
        });
        EXPECT_TRUE(testing::run_until(context_, [&]() { return answered; }));
        return text;
    }

    boost::asio::io_context context_{1};
    SystemClock clock_;
    SeededRandom random_{1};
    testing::SpawnLauncher launcher_{context_};
    worker::LogBook log_book_{context_.get_executor(), clock_, launcher_};
    worker::Workshop workshop_{context_.get_executor(), clock_, random_, launcher_, log_book_, {}};
    std::unique_ptr<Sink> sink_;
    api::Target target_;
    std::deque<api::Delivery> deliveries_;
    std::map<std::uint64_t, AttemptResult> results_;
};

TEST_F(RuntimeProgramsTest, TheBashExampleHandlesMessages) {
    target_.spec.function.command = {PENSTOCK_SOURCE_DIR "/examples/runtime/bash-scf"};
    EXPECT_EQ(handled(1, "hello").verdict, Verdict::accepted);
    EXPECT_EQ(handled(2, "again").verdict, Verdict::accepted);
    const AttemptResult failed = handled(3, "oops");
    EXPECT_EQ(failed.verdict, Verdict::retry);
    EXPECT_EQ(failed.failure, Failure::handler);
    EXPECT_EQ(failed.excerpt, "handle ended with status 3");
    EXPECT_THAT(failed.log, HasSubstr("body: oops"));
    EXPECT_EQ(handled(4, "fine").verdict, Verdict::accepted);
    EXPECT_EQ(launcher_.started, 1U);
    EXPECT_THAT(log_text(), HasSubstr("stderr: body: hello\n"));
}

TEST_F(RuntimeProgramsTest, ABootstrapThatEndsAtOnceIsACrashLoopInTheEnd) {
    testing::TempFolder folder;
    target_.spec.function.command = {folder.path().string()};
    std::ofstream(folder.file("bootstrap")) << "#!/bin/sh\necho no such setting >&2\nexit 1\n";
    ::chmod(folder.file("bootstrap").c_str(), 0755);
    const AttemptResult given_up = handled(1, "hello");
    EXPECT_EQ(given_up.verdict, Verdict::not_attempted);
    EXPECT_EQ(given_up.failure, Failure::configuration);
    EXPECT_THAT(given_up.disable, HasSubstr("orders/billing: crash loop"));
    EXPECT_THAT(log_text(), HasSubstr("stderr: no such setting\n"));
}

TEST_F(RuntimeProgramsTest, AProgramInPythonHandlesAThousandASecond) {
    constexpr std::uint64_t messages = 3'000;
    constexpr std::uint64_t in_flight = 16;
    testing::TempFolder folder;
    target_.spec.function.command = {folder.path().string()};
    std::ofstream(folder.file("bootstrap"))
        << "#!/usr/bin/env python3\n"
           "import http.client, json, os\n"
           "server = http.client.HTTPConnection(os.environ['SCF_RUNTIME_API'],\n"
           "                                    int(os.environ['SCF_RUNTIME_API_PORT']))\n"
           "def ask(method, path, body=None):\n"
           "    server.request(method, '/runtime' + path, body)\n"
           "    return server.getresponse().read()\n"
           "ask('POST', '/init/ready', b' ')\n"
           "while True:\n"
           "    event = json.loads(ask('GET', '/invocation/next'))\n"
           "    body = event['Records'][0]['CMQ']['msgBody']\n"
           "    ask('POST', '/invocation/response', json.dumps({'length': len(body)}))\n";
    ::chmod(folder.file("bootstrap").c_str(), 0755);
    ASSERT_EQ(handled(0, "warm").verdict, Verdict::accepted);
    const auto begin = std::chrono::steady_clock::now();
    const std::string payload(1024, 'x');
    std::uint64_t sent = 0;
    EXPECT_TRUE(testing::run_until(
        context_,
        [&]() {
            while (sent < messages && sent + 1 - results_.size() < in_flight) {
                deliver(++sent, payload);
            }
            return results_.size() == messages + 1;
        },
        std::chrono::seconds(60)));
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
    std::printf("runtime in Python: %.0f messages/s\n", messages / spent.count());
    EXPECT_TRUE(std::all_of(results_.begin(), results_.end(), [](const auto& each) {
        return each.second.verdict == Verdict::accepted;
    }));
}

}  // namespace
}  // namespace penstock::sinks::process

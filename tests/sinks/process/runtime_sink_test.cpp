#include "sinks/process/runtime_sink.h"

#include "tests/sinks/process/runtime_client.h"
#include "tests/support/idle_launcher.h"
#include "tests/support/run_until.h"
#include "tests/support/temp_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks::process {
namespace {

using model::Failure;
using model::Verdict;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::RuntimeClient;

const std::string lambda_next = "/2018-06-01/runtime/invocation/next";
const std::string scf_next = "/runtime/invocation/next";

class RuntimeSinkTest : public ::testing::Test {
  protected:
    RuntimeSinkTest() {
        RuntimeSinkOptions options;
        // The test plays the program, so it is the test's user that connects.
        options.process.profile = worker::SandboxProfile::none;
        sink_ = make_runtime_sink(workshop_, options);
        target_.subscription = model::SubscriptionNo{7};
        target_.topic = "orders";
        target_.name = "billing";
        target_.spec.sink = model::SinkKind::runtime;
        target_.spec.function.command = {folder_};
        std::ofstream(program()) << "#!/bin/sh\n";
        ::chmod(program().c_str(), 0755);
    }

    ~RuntimeSinkTest() override {
        sink_->stop();
        clients_.clear();
        context_.restart();
        context_.poll();
    }

    std::string program() const { return folder_ + "/bootstrap"; }

    void deliver(std::uint64_t id, const std::string& payload = "hello") {
        api::Delivery& delivery = deliveries_[id];
        delivery.subscription = target_.subscription;
        delivery.message = model::MessageId(id);
        delivery.payload = payload;
        sink_->deliver(target_, delivery, [this, id](AttemptResult result) {
            results_.emplace(id, std::move(result));
        });
    }

    template <class Predicate>
    bool until(Predicate holds) {
        return testing::run_until(context_, holds);
    }

    // A connection of the program that was started last.
    RuntimeClient& program_connects() {
        EXPECT_TRUE(until([&]() { return launcher_.last > 0; }));
        const auto& environment = launcher_.processes.at(launcher_.last).order.environment;
        std::uint16_t port = 0;
        for (const std::string& entry : environment) {
            const std::string name = "SCF_RUNTIME_API_PORT=";
            if (!entry.starts_with(name)) continue;
            port = static_cast<std::uint16_t>(std::strtoul(&entry[name.size()], nullptr, 10));
        }
        return *clients_.emplace_back(std::make_unique<RuntimeClient>(context_, port));
    }

    std::string answer(const RuntimeClient& client, std::size_t count = 1) {
        if (!until([&]() { return client.answers().size() >= count; })) return "none came";
        return client.answers()[count - 1];
    }

    AttemptResult result(std::uint64_t id) {
        EXPECT_TRUE(until([&]() { return results_.count(id) > 0; })) << id;
        return results_[id];
    }

    static std::string request_id(const std::string& answer) {
        const std::string name = "Lambda-Runtime-Aws-Request-Id: ";
        const std::size_t at = answer.find(name) + name.size();
        return answer.substr(at, answer.find('\r', at) - at);
    }

    testing::TempFolder temporary_;
    std::string folder_ = temporary_.path().string();
    boost::asio::io_context context_{1};
    SystemClock clock_;
    SeededRandom random_{1};
    testing::IdleLauncher launcher_;
    worker::LogBook log_book_{context_.get_executor(), clock_, launcher_};
    worker::Workshop workshop_{context_.get_executor(), clock_, random_, launcher_, log_book_, {}};
    std::unique_ptr<Sink> sink_;
    api::Target target_;
    std::map<std::uint64_t, api::Delivery> deliveries_;
    std::map<std::uint64_t, AttemptResult> results_;
    std::vector<std::unique_ptr<RuntimeClient>> clients_;
};

TEST_F(RuntimeSinkTest, StartsTheBootstrapOfItsFolderWithTheEnvironmentOfBothFamilies) {
    deliver(1);
    ASSERT_TRUE(until([&]() { return launcher_.last == 1; }));
    const auto& order = launcher_.processes.at(1).order;
    EXPECT_EQ(order.command, std::vector<std::string>{program()});
    EXPECT_EQ(order.folder, folder_);
    EXPECT_EQ(order.function, 7U);
    EXPECT_EQ(order.limits.memory_bytes, 512ULL << 20);
    EXPECT_THAT(order.environment, Contains("LAMBDA_TASK_ROOT=" + folder_));
    EXPECT_EQ(launcher_.processes.at(1).files.size(), 3U);
}

TEST_F(RuntimeSinkTest, AnAnswerPostedIsAccepted) {
    deliver(1);
    RuntimeClient& program = program_connects();
    program.get(scf_next);
    EXPECT_THAT(answer(program),
                AllOf(HasSubstr("\r\nrequest_id: 1-1-1\r\n"),
                      HasSubstr(R"("msgId":"1","requestId":"1-1-1","msgBody":"hello")")));
    program.post("/runtime/invocation/response", "done");
    EXPECT_EQ(result(1).verdict, Verdict::accepted);
    deliver(2, "again");
    program.get(scf_next);
    EXPECT_THAT(answer(program, 3), HasSubstr(R"("msgBody":"again")"));
    EXPECT_EQ(launcher_.last, 1U);
}

TEST_F(RuntimeSinkTest, AnErrorPostedIsARetryOrFinal) {
    deliver(1);
    RuntimeClient& program = program_connects();
    program.get(lambda_next);
    program.post("/2018-06-01/runtime/invocation/" + request_id(answer(program)) + "/error",
                 R"({"errorType":"TypeError","errorMessage":"no such field"})");
    const AttemptResult retried = result(1);
    EXPECT_EQ(retried.verdict, Verdict::retry);
    EXPECT_EQ(retried.failure, Failure::handler);
    EXPECT_EQ(retried.excerpt, "TypeError: no such field");
    deliver(2);
    program.get(lambda_next);
    program.post("/2018-06-01/runtime/invocation/" + request_id(answer(program, 3)) + "/error",
                 R"({"errorType":"PermanentFailure","errorMessage":"bad order"})");
    EXPECT_EQ(result(2).verdict, Verdict::rejected);
}

TEST_F(RuntimeSinkTest, WhatWaitsGoesOutAsOneInvocationUpToTheBatch) {
    target_.spec.function.batch = 3;
    for (std::uint64_t id = 1; id <= 4; ++id) deliver(id);
    RuntimeClient& program = program_connects();
    program.get(lambda_next);
    const std::string first = answer(program);
    EXPECT_THAT(first, AllOf(HasSubstr(R"("messageId":"1")"), HasSubstr(R"("messageId":"3")")));
    EXPECT_EQ(first.find(R"("messageId":"4")"), std::string::npos);
    program.post("/2018-06-01/runtime/invocation/" + request_id(first) + "/response",
                 R"({"batchItemFailures":[{"itemIdentifier":"2"}]})");
    EXPECT_EQ(result(1).verdict, Verdict::accepted);
    EXPECT_EQ(result(2).verdict, Verdict::retry);
    EXPECT_EQ(result(3).verdict, Verdict::accepted);
    program.get(lambda_next);
    EXPECT_THAT(answer(program, 3), HasSubstr(R"("messageId":"4")"));
}

TEST_F(RuntimeSinkTest, SeveralNextRequestsAreServedAtATimeWithAWindow) {
    target_.spec.function.window = 2;
    for (std::uint64_t id = 1; id <= 3; ++id) deliver(id);
    RuntimeClient& one = program_connects();
    RuntimeClient& two = program_connects();
    one.get(lambda_next);
    two.get(lambda_next);
    const std::string first = answer(one);
    const std::string second = answer(two);
    EXPECT_THAT(launcher_.processes.at(1).order.environment,
                Contains("AWS_LAMBDA_MAX_CONCURRENCY=2"));
    EXPECT_NE(request_id(first), request_id(second));
    two.post("/2018-06-01/runtime/invocation/" + request_id(second) + "/response", "{}");
    two.get(lambda_next);
    EXPECT_THAT(answer(two, 3), HasSubstr(R"("messageId":"3")"));
    EXPECT_EQ(launcher_.last, 1U);
}

TEST_F(RuntimeSinkTest, AProcessThatEndsWithItsMessageInHandIsACrash) {
    deliver(1);
    RuntimeClient& program = program_connects();
    program.get(lambda_next);
    answer(program);
    program.close();
    worker::ProcessEnd end;
    end.kind = worker::ProcessEnd::Kind::signalled;
    end.code = 11;
    launcher_.end(1, end);
    EXPECT_EQ(result(1).verdict, Verdict::retry);
    EXPECT_EQ(result(1).failure, Failure::crash);
}

TEST_F(RuntimeSinkTest, AMessageThatNoNextAskedForIsNotCharged) {
    deliver(1);
    RuntimeClient& program = program_connects();
    program.get(lambda_next);
    const std::string id = request_id(answer(program));
    deliver(2);
    program.post("/2018-06-01/runtime/invocation/" + id + "/response", "{}");
    EXPECT_EQ(result(1).verdict, Verdict::accepted);
    launcher_.end(1, {});  // instead of another next
    RuntimeClient& other = [&]() -> RuntimeClient& {
        EXPECT_TRUE(until([&]() { return launcher_.last == 2; }));
        return program_connects();
    }();
    other.get(lambda_next);
    EXPECT_THAT(answer(other), HasSubstr(R"("messageId":"2")"));
    EXPECT_EQ(results_.count(2), 0U);
}

TEST_F(RuntimeSinkTest, AFolderWithoutAnExecutableBootstrapDisablesTheSubscription) {
    ::chmod(program().c_str(), 0644);
    deliver(1);
    EXPECT_EQ(result(1).failure, Failure::configuration);
    EXPECT_EQ(result(1).disable,
              "orders/billing: " + program() + " is not executable (chmod +x " + program() +
                  "); then: penstock sub resume orders/billing");
    EXPECT_EQ(launcher_.last, 0U);
}

TEST_F(RuntimeSinkTest, WhatCannotBeStartedIsToldInOneSentence) {
    RuntimeSinkOptions options;
    RuntimeContract contract(context_.get_executor(), clock_, options);
    EXPECT_TRUE(contract.order(target_));
    ::unlink(program().c_str());
    EXPECT_EQ(contract.order(target_).error().detail,
              "orders/billing: the folder " + folder_ +
                  " has no file bootstrap; then: penstock sub resume orders/billing");
    target_.spec.function.command = {"/no/such"};
    EXPECT_THAT(contract.order(target_).error().detail, HasSubstr("there is no folder /no/such"));
    options.process.profile = worker::SandboxProfile::strict;
    RuntimeContract walled(context_.get_executor(), clock_, options);
    EXPECT_THAT(walled.order(target_).error().detail, HasSubstr("use the profile default"));
}

}  // namespace
}  // namespace penstock::sinks::process

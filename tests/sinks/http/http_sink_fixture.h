// HttpSinkFixture: an HttpSink on the test's io_context, with a resolver of the test's own.
#pragma once

#include "sinks/http/http_sink.h"
#include "tests/support/fake_resolver.h"
#include "tests/support/manual_clock.h"
#include "tests/support/run_until.h"
#include "tests/support/scripted_server.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace penstock::sinks::http {

class HttpSinkFixture : public ::testing::Test {
  protected:
    HttpSinkFixture() { open({}); }

    // Starts anew with other options.
    void open(client::ClientOptions options) {
        auto resolver = std::make_unique<testing::FakeResolver>(context_.get_executor());
        resolver_ = resolver.get();
        HttpSinkOptions sink_options;
        sink_options.client = std::move(options);
        sink_options.secrets = secrets_;
        if (!guarded_) sink_options.client.addresses = client::AddressPolicy::any;
        sink_ = std::move(*HttpSink::make(
            context_.get_executor(), *time_, random_, std::move(resolver), sink_options));
    }

    static api::Target target_of(const std::string& url, std::uint32_t timeout_ms = 5'000) {
        api::Target target;
        target.subscription = model::SubscriptionNo{7};
        target.topic = "orders";
        target.name = "billing";
        target.spec.endpoint = url;
        target.spec.format = model::ContentFormat::simplified;
        target.spec.timeout_ms = timeout_ms;
        return target;
    }

    // One delivery, to its end.
    AttemptResult push(const api::Target& target, const std::string& payload = "hello") {
        api::Delivery delivery;
        delivery.subscription = target.subscription;
        delivery.message = model::MessageId(5);
        delivery.payload = payload;
        std::optional<AttemptResult> result;
        sink_->deliver(
            target, delivery, [&result](AttemptResult ended) { result = std::move(ended); });
        EXPECT_TRUE(testing::run_until(context_, [&result]() { return result.has_value(); }));
        return result.value_or(AttemptResult{});
    }

    bool guarded_ = false;
    const api::SecretBox* secrets_ = nullptr;
    boost::asio::io_context context_{1};
    SystemClock clock_;
    testing::ManualClock still_;
    const Clock* time_ = &clock_;  // what the sink goes by once it is opened
    SeededRandom random_{1};
    testing::FakeResolver* resolver_ = nullptr;
    std::unique_ptr<HttpSink> sink_;
};

}  // namespace penstock::sinks::http

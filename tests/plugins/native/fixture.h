// NativeFixture: the native front end over a FakeBroker with one known key, asked in memory. One
// test, one thread.
#pragma once

#include "broker/base/clock.h"
#include "plugins/native/front_end.h"
#include "tests/plugins/native/described.h"
#include "tests/support/fake_broker.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace penstock::testing {

class FixedClock final : public Clock {
  public:
    [[nodiscard]] std::int64_t wall_ms() const override { return 1'700'000'000'000; }

    [[nodiscard]] std::int64_t steady_us() const override { return 0; }
};

class NativeFixture : public ::testing::Test {
  protected:
    NativeFixture() {
        broker.secrets["AKIDtest"] = "hush";
        plugins::NativeOptions options{clock};
        options.secrets = &secrets;
        front_end = plugins::make_native_front_end(broker, options);
    }

    static plugins::HttpRequest request(std::string method,
                                        const std::string& target,
                                        std::string body = {}) {
        plugins::HttpRequest made;
        made.method = std::move(method);
        made.path = target.substr(0, target.find('?'));
        if (made.path.size() < target.size()) made.query = target.substr(made.path.size() + 1);
        made.host = "127.0.0.1:7070";
        made.body = std::move(body);
        made.loopback = true;
        made.headers.emplace_back("authorization", "Bearer AKIDtest:hush");
        return made;
    }

    plugins::HttpResponse ask(plugins::HttpRequest made) {
        plugins::HttpResponse response;
        // What HEAD is answered is described with GET (RFC 9110, 9.3.2).
        const std::string method = made.method == "HEAD" ? "GET" : made.method;
        const std::string path = made.path;
        boost::asio::io_context context;
        boost::asio::co_spawn(context,
                              front_end->handle(std::move(made)),
                              [&](std::exception_ptr failure, plugins::HttpResponse answer) {
                                  if (failure) std::rethrow_exception(failure);
                                  response = std::move(answer);
                              });
        context.run();
        EXPECT_EQ(described(method, path, response), "");
        return response;
    }

    plugins::HttpResponse ask(std::string method,
                              const std::string& target,
                              std::string body = {}) {
        return ask(request(std::move(method), target, std::move(body)));
    }

    static boost::json::object json(const plugins::HttpResponse& response) {
        return boost::json::parse(response.body).as_object();
    }

    static std::string text(const boost::json::object& object, std::string_view name) {
        const auto* value = object.if_contains(name);
        if (value == nullptr) return "(absent)";
        return value->is_string() ? std::string(value->get_string().c_str())
                                  : boost::json::serialize(*value);
    }

    static std::string header(const plugins::HttpResponse& response, std::string_view name) {
        for (const auto& [key, value] : response.headers) {
            if (key == name) return value;
        }
        return {};
    }

    FixedClock clock;
    api::KeyBox secrets{std::string(api::KeyBox::key_bytes, 'k')};
    FakeBroker broker;
    std::unique_ptr<plugins::HttpFrontEnd> front_end;
};

}  // namespace penstock::testing

// CliFixture: command lines run against the real native front end over a FakeBroker, in memory.
// One test, one thread.
#pragma once

#include "broker/cli/remote_server.h"
#include "broker/cli/world.h"
#include "plugins/native/front_end.h"
#include "tests/support/fake_broker.h"
#include "tests/support/temp_folder.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <exception>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

class NoonClock final : public Clock {
  public:
    [[nodiscard]] std::int64_t wall_ms() const override { return now_ms; }

    [[nodiscard]] std::int64_t steady_us() const override { return 0; }

    std::int64_t now_ms = 1'700'000'000'000;
};

// Hands requests to a front end as the listener would.
class InMemoryServer final : public cli::Server {
  public:
    InMemoryServer(plugins::HttpFrontEnd& front_end, cli::Target target, const Clock& clock)
        : front_end_(front_end), target_(std::move(target)), clock_(clock) {}

    Result<cli::Answer> ask(const cli::Ask& ask) override {
        plugins::HttpRequest request;
        request.method = ask.method;
        request.path = ask.target.substr(0, ask.target.find('?'));
        if (request.path.size() < ask.target.size()) {
            request.query = ask.target.substr(request.path.size() + 1);
        }
        request.body = ask.body;
        request.loopback = true;
        for (const auto& [name, value] : ask.headers) {
            std::string lower;
            for (const char letter : name) {
                lower.push_back(static_cast<char>(std::tolower(letter)));
            }
            request.headers.emplace_back(lower, value);
        }
        request.headers.emplace_back("authorization",
                                     cli::authorization(target_, ask, clock_.wall_ms()));
        cli::Answer answer;
        boost::asio::io_context context;
        boost::asio::co_spawn(context,
                              front_end_.handle(std::move(request)),
                              [&](std::exception_ptr failure, plugins::HttpResponse response) {
                                  if (failure) std::rethrow_exception(failure);
                                  answer.status = response.status;
                                  for (const auto& [name, value] : response.headers) {
                                      if (name == "ETag") answer.etag = value;
                                  }
                                  answer.body = std::move(response.body);
                              });
        context.run();
        return answer;
    }

  private:
    plugins::HttpFrontEnd& front_end_;
    cli::Target target_;
    const Clock& clock_;
};

class CliFixture : public ::testing::Test {
  protected:
    CliFixture() {
        broker.secrets["AKIDpenstockdev"] = "penstock-dev-secret";
        plugins::NativeOptions options{clock};
        options.secrets = &secrets;
        front_end = plugins::make_native_front_end(broker, options);
        environment["HOME"] = folder.path().string();
    }

    // Runs one command line; what it printed is in `out` and `err`.
    int run(const std::vector<std::string>& words, const std::string& input = {}) {
        std::istringstream in(input);
        std::ostringstream out_stream;
        std::ostringstream err_stream;
        if (unwritable) out_stream.setstate(std::ios::badbit);
        cli::World world{in,
                         out_stream,
                         err_stream,
                         clock,
                         terminal,
                         terminal,
                         environment,
                         [this](const cli::Target& target) {
                             targets.push_back(target);
                             return connect(target);
                         }};
        const int code = cli::run(words, world);
        out = out_stream.str();
        err = err_stream.str();
        return code;
    }

    Result<std::unique_ptr<cli::Server>> connect(const cli::Target& target) {
        if (unreachable) return error(Errc::unavailable, target.server + "/v1/x: refused");
        return std::unique_ptr<cli::Server>(
            std::make_unique<InMemoryServer>(*front_end, target, clock));
    }

    NoonClock clock;
    api::KeyBox secrets{std::string(api::KeyBox::key_bytes, 'k')};
    FakeBroker broker;
    std::unique_ptr<plugins::HttpFrontEnd> front_end;
    TempFolder folder;
    std::map<std::string, std::string> environment;
    std::vector<cli::Target> targets;
    bool terminal = false;
    bool unreachable = false;
    bool unwritable = false;  // standard output, as on a full disk
    std::string out;
    std::string err;
};

}  // namespace penstock::testing

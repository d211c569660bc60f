// `penstock bench …`: load against a running server and what it took. Makes a queue or topic of its
// own for the run and deletes it after. Speaks the CMQ API for the load and /v1 for the rest. One
// run; the load on this thread, the push receiver on its own.
#pragma once

#include "broker/cli/arguments.h"
#include "broker/cli/bench_load.h"
#include "broker/cli/bench_scenarios.h"
#include "broker/cli/session.h"

#include <optional>
#include <string>

namespace penstock::cli {

class Bench {
  public:
    explicit Bench(Session& session) : session_(session) {}

    void add_to(CLI::App& root);

  private:
    // Where the load goes.
    struct Place {
        Target target;
        std::string authority;
        Link::Tcp::endpoint endpoint;
    };

    void add_mode(CLI::App& noun,
                  const std::string& mode,
                  const std::string& help,
                  int (Bench::*run)());
    boost::system::result<Place, Failure> place();
    std::optional<Failure> check_options() const;
    [[nodiscard]] ScenarioOptions scenario_options(const std::string& object) const;
    [[nodiscard]] LoadOptions load_options() const;
    int with_queue(std::unique_ptr<Scenario> (*make)(const CmqRequests&,
                                                     const Clock&,
                                                     const ScenarioOptions&));
    std::optional<Failure> make_topic(const std::string& topic, const std::string& url);
    void remove_topic(const std::string& topic);

    int send();
    int cycle();
    int push();

    [[nodiscard]] boost::json::object report(const LoadResult& result) const;
    int show(const boost::json::object& report, const LoadResult& result);

    Session& session_;
    std::string mode_;
    std::optional<std::uint64_t> size_;
    std::optional<std::uint64_t> connections_;
    std::optional<std::uint64_t> batch_;
    std::optional<std::uint64_t> duration_ms_;
    std::optional<std::uint64_t> warmup_ms_;
    std::optional<std::uint64_t> rate_;
    std::optional<std::uint64_t> concurrency_;
};

}  // namespace penstock::cli

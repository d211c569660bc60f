// `penstock bench …`: load against a running server and what it took. Makes a queue or topic of its
// own for the run and deletes it after. Speaks the CMQ API for the load, over HTTP or, with --tcp,
// over TCP on connections that carry many requests at a time, and /v1 for the rest. One run; the
// load on this thread, the push receiver on its own.
#pragma once

#include "broker/cli/arguments.h"
#include "broker/cli/bench_load.h"
#include "broker/cli/bench_scenarios.h"
#include "broker/cli/bench_tcp.h"
#include "broker/cli/session.h"
#include "sinks/client/tls_identity.h"

#include <optional>
#include <string>

namespace penstock::cli {

class PushSink;

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
        std::optional<LinkTls> tls = {};
    };

    // Makes what is done over HTTP, or, with --tcp, what is done over TCP.
    struct Makers {
        std::unique_ptr<Scenario> (*http)(const CmqRequests&, const Clock&, const ScenarioOptions&);
        std::unique_ptr<Scenario> (*tcp)(const TcpBench&, const ScenarioOptions&);
    };

    void add_mode(CLI::App& noun,
                  const std::string& mode,
                  const std::string& help,
                  int (Bench::*run)());
    boost::system::result<Place, Failure> place();
    boost::system::result<LinkTls, Failure> trust(const Target& target, const std::string& host);
    std::optional<Failure> check_options() const;
    [[nodiscard]] ScenarioOptions scenario_options(const std::string& object) const;
    [[nodiscard]] LoadOptions load_options() const;
    boost::system::result<TcpBench, Failure> tcp(boost::asio::io_context& context,
                                                 const Place& where,
                                                 std::string_view action,
                                                 const std::string& object);
    // Runs the load; with --tcp it asks where TCP is by `action` about `object`.
    boost::system::result<LoadResult, Failure> run_load(
        const Place& where,
        const Makers& makers,
        std::string_view action,
        const std::string& object,
        const std::function<void(std::int64_t, std::int64_t)>& started);
    int with_queue(const Makers& makers);
    std::optional<Failure> make_topic(const std::string& topic, const std::string& url);
    void remove_topic(const std::string& topic);
    std::optional<Failure> drain_backlog(boost::asio::io_context& context,
                                         const PushSink& sink,
                                         const std::string& topic,
                                         const LoadResult& published,
                                         boost::json::object& shown);

    int send();
    int cycle();
    int push();

    [[nodiscard]] boost::json::object report(const LoadResult& result) const;
    int show(const boost::json::object& report, const LoadResult& result);

    Session& session_;
    std::string mode_;
    std::optional<std::uint64_t> size_;
    std::optional<std::uint64_t> connections_;
    std::optional<std::uint64_t> outstanding_;
    bool tcp_ = false;
    bool clear_tcp_ = false;
    std::optional<sinks::client::TlsIdentities> identities_;  // of a run under TLS
    bool under_tls_ = false;
    std::optional<std::uint64_t> batch_;
    std::optional<std::uint64_t> duration_ms_;
    std::optional<std::uint64_t> warmup_ms_;
    std::optional<std::uint64_t> rate_;
    std::optional<std::uint64_t> concurrency_;
    bool backlog_ = false;
};

}  // namespace penstock::cli

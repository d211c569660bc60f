// What the bench does over CMQ TCP: the same as over HTTP, but many units share a connection, each
// a request under way on it. One load's thread, whose context this keeps busy until close().
#pragma once

#include "broker/cli/bench_load.h"
#include "broker/cli/bench_scenarios.h"
#include "plugins/cmq_tcp/client/client.h"

#include <memory>
#include <optional>

namespace penstock::cli {

struct TcpBench {
    boost::asio::io_context& context;
    Link::Tcp::endpoint endpoint;
    plugins::cmq_tcp::ClientKey key;
    std::size_t connections = 1;  // workers take them in turn
    std::optional<plugins::cmq_tcp::ClientTls> tls = {};
};

std::unique_ptr<Scenario> tcp_send_scenario(const TcpBench& bench, const ScenarioOptions& options);
std::unique_ptr<Scenario> tcp_cycle_scenario(const TcpBench& bench, const ScenarioOptions& options);
std::unique_ptr<Scenario> tcp_publish_scenario(const TcpBench& bench,
                                               const ScenarioOptions& options);

}  // namespace penstock::cli

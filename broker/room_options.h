// From the server's configuration to each room's own small struct. Pure but for asking the number
// of processors; used by the composition root.
#pragma once

#include "broker/base/error.h"
#include "broker/cluster/cluster_host.h"
#include "broker/config/server_config.h"
#include "broker/node/options.h"
#include "plugins/all.h"
#include "plugins/cmq_tcp/server.h"
#include "plugins/listener/server.h"
#include "sinks/all.h"
#include "sinks/observed/span_exporter.h"

#include <cstddef>
#include <optional>

namespace penstock {

node::NodeOptions node_options(const config::ServerConfig& config);

// Of a server whose configuration has a cluster.
cluster::ClusterHostOptions cluster_options(const config::ServerConfig& config);

// Error{invalid}: `listen` is no address, or limits.address_exempt no networks.
Result<plugins::HttpServerOptions> listener_options(const config::ServerConfig& config);

// Nothing: CMQ over TCP is off. Error{invalid}: as listener_options().
Result<std::optional<plugins::TcpServerOptions>> tcp_options(const config::ServerConfig& config);

plugins::FrontEndOptions front_end_options(const config::ServerConfig& config);
sinks::SinkOptions sink_options(const config::ServerConfig& config);
sinks::observed::ExporterOptions exporter_options(const config::ServerConfig& config);
std::size_t io_thread_count(const config::ServerConfig& config);

}  // namespace penstock

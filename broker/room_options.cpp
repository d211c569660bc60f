#include "broker/room_options.h"

#include "broker/config/load.h"
#include "broker/node/data_folder.h"
#include "broker/programs.h"
#include "broker/serve.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <thread>

namespace penstock {

namespace {

// Every number of the configuration has a range that fits (config/keys.cpp).
std::uint32_t narrow(std::uint64_t value) {
    return static_cast<std::uint32_t>(value);
}

node::TrackMode track_mode(const std::string& name) {
    if (name == "off") return node::TrackMode::off;
    if (name == "failures") return node::TrackMode::failures;
    return node::TrackMode::all;
}

// Of a request with one message, what is not its body.
constexpr std::size_t request_bytes_besides = 64 * 1024;

// --dev: programs are found as in a shell.
std::string program_folders(const config::ServerConfig& config) {
    const char* path = config.dev ? std::getenv("PATH") : nullptr;
    return path != nullptr ? path : config.functions.program_folders;
}

node::FunctionRules function_rules(const config::ServerConfig& config) {
    node::FunctionRules rules;
    rules.processes = config.dev || config.functions.allow_processes;
    rules.resolve = [folders = split_folders(program_folders(config))](
                        model::SinkKind kind, const std::vector<std::string>& command) {
        return find_program(kind, command, folders);
    };
    return rules;
}

sinks::client::Http2 http2(const std::string& name) {
    using Http2 = sinks::client::Http2;
    if (name == "off") return Http2::off;
    return name == "on" ? Http2::on : Http2::busy;
}

sinks::worker::SandboxProfile sandbox(const config::ServerConfig& config) {
    using Profile = sinks::worker::SandboxProfile;
    if (config.dev || config.functions.sandbox == "none") return Profile::none;
    return config.functions.sandbox == "strict" ? Profile::strict : Profile::standard;
}

Result<plugins::CallerLimits> caller_limits(const config::LimitsConfig& config) {
    auto exempt = Networks::parse(config.address_exempt);
    if (!exempt) return exempt.error();
    plugins::CallerLimits limits;
    limits.connections_max = config.address_connections_max;
    limits.handshakes_max = config.address_handshakes_max;
    limits.handshakes_per_second = config.address_handshakes_rate;
    limits.slow_per_minute = config.address_slow_per_minute;
    limits.exempt = std::move(*exempt);
    return limits;
}

}  // namespace

node::NodeOptions node_options(const config::ServerConfig& config) {
    node::NodeOptions options;
    options.data_folder = config.data;
    options.dev = config.dev;
    options.version = version;
    options.log.segment_bytes = config.log.segment_bytes;
    options.log.reserve_percent = narrow(config.log.reserve_percent);
    options.log.zero_ahead = config.log.zero_ahead;
    options.scrub_bytes_per_s = config.log.scrub_bytes_per_s;
    options.queues_max = narrow(config.limits.queues_max);
    options.topics_max = narrow(config.limits.topics_max);
    options.subscriptions_max = narrow(config.limits.subscriptions_max);
    options.calls_max = narrow(config.limits.requests_max);
    options.waiters_max = narrow(config.limits.polls_max);
    options.message_bytes_max = narrow(config.limits.message_bytes_max);
    options.log.record_bytes = config.limits.message_bytes_max;
    options.name_reuse_ms = narrow(config.cmq.name_reuse_ms);
    options.track = track_mode(config.track.mode);
    options.track_retention_s = narrow(config.track.retention_ms / 1000);
    options.request_timeout_ms = narrow(config.request_timeout_ms);
    options.functions = function_rules(config);
    return options;
}

cluster::ClusterHostOptions cluster_options(const config::ServerConfig& config) {
    const config::ClusterConfig& from = config.cluster;
    cluster::ClusterHostOptions options;
    cluster::ClusterOptions& cluster = options.cluster;
    cluster.data_folder = config.data;
    cluster.name = from.name;
    cluster.node = model::NodeId{from.node_id};
    cluster.peer_address = from.advertise_peer.empty() ? from.listen_peer : from.advertise_peer;
    cluster.http_address = from.advertise_http;
    cluster.zone = from.zone;
    for (const config::ClusterPeer& peer : from.peers) {
        cluster.peers.push_back({model::NodeId{peer.id}, peer.address});
    }
    cluster.ack = from.ack == "majority" ? cluster::Ack::majority : cluster::Ack::all;
    cluster.slow_sync_us = static_cast<std::int64_t>(from.slow_sync_ms) * 1'000;
    cluster.data_sets = static_cast<std::uint16_t>(from.data_sets);
    cluster.replace_after_us = static_cast<std::int64_t>(from.replace_after_ms) * 1'000;
    cluster.snapshot_bytes_per_s = from.snapshot_bytes_per_s;
    cluster.request_timeout_ms = narrow(config.request_timeout_ms);
    cluster.settings = {config.limits.message_bytes_max, config.encryption.mode == "on"};
    cluster.save_root_key = [folder = config.data](const node::RootKey& key) {
        return node::save_root_key(folder, key);
    };
    options.peers.listen = from.listen_peer;
    options.peers.hello.build = version;
    options.peers.ca_file = from.tls.ca;
    options.peers.certificate_file = from.tls.cert;
    options.peers.key_file = from.tls.key;
    options.peers.insecure = from.insecure;
    return options;
}

Result<plugins::HttpServerOptions> listener_options(const config::ServerConfig& config) {
    const auto address = config::parse_address(config.listen);
    if (!address) return address.error();
    auto caller = caller_limits(config.limits);
    if (!caller) return caller.error();
    plugins::HttpServerOptions options;
    options.host = address.value().host;
    options.port = address.value().port;
    options.limits.connections_max = config.limits.connections_max;
    options.limits.handshakes_max = config.limits.handshakes_max;
    options.limits.caller = std::move(*caller);
    // Percent-encoded throughout, a body is three times as long.
    options.limits.body_bytes_max = 3 * config.limits.message_bytes_max + request_bytes_besides;
    options.limits.linger_bytes_max =
        std::max(options.limits.linger_bytes_max, options.limits.body_bytes_max);
    return options;
}

Result<std::optional<plugins::TcpServerOptions>> tcp_options(const config::ServerConfig& config) {
    std::optional<plugins::TcpServerOptions> options;
    if (config.listen_tcp == "off") return options;
    const bool beside = config.listen_tcp.empty();
    const auto address = config::parse_address(beside ? config.listen : config.listen_tcp);
    if (!address) return address.error();
    auto caller = caller_limits(config.limits);
    if (!caller) return caller.error();
    options.emplace();
    options->host = address.value().host;
    options->port = address.value().port;
    if (beside && options->port != 0) ++options->port;
    options->limits.connections_max = config.limits.connections_max;
    options->limits.handshakes_max = config.limits.handshakes_max;
    options->limits.caller = std::move(*caller);
    options->limits.frame_bytes_max = config.limits.message_bytes_max + request_bytes_besides;
    return options;
}

api::AccountLimits own_limits(const config::ServerConfig& config) {
    api::AccountLimits limits = api::no_limits;
    limits.object_requests_per_second = config.limits.messages_rate;
    return limits;
}

plugins::FrontEndOptions front_end_options(const config::ServerConfig& config) {
    plugins::FrontEndOptions options;
    options.app_id = config.cmq.app_id;
    options.timestamp_skew_ms = config.cmq.timestamp_skew_ms;
    options.backoff_min_ms = narrow(config.cmq.backoff_min_ms);
    options.backoff_max_ms = narrow(config.cmq.backoff_max_ms);
    return options;
}

sinks::SinkOptions sink_options(const config::ServerConfig& config) {
    sinks::SinkOptions options;
    options.allow_private = config.dev || config.push.allow_private;
    // What is no list of networks was refused when it was read.
    if (auto networks = Networks::parse(config.push.allow_networks)) {
        options.allow_networks = std::move(*networks);
    }
    options.ca_file = config.push.ca_file;
    options.client_cert = config.push.client_cert;
    options.client_key = config.push.client_key;
    options.proxy = config.push.proxy;
    options.http2 = http2(config.push.http2);
    options.identity.topic_owner = config.cmq.app_id;
    if (!config.cluster.name.empty()) options.identity.authority = config.cluster.name;
    options.allow_processes = config.dev || config.functions.allow_processes;
    options.sandbox = sandbox(config);
    std::error_code ignored;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
    options.lua_program = (self.parent_path() / "penstock-lua").string();
    return options;
}

sinks::observed::ExporterOptions exporter_options(const config::ServerConfig& config) {
    sinks::observed::ExporterOptions options;
    options.endpoint = config.tracing.endpoint;
    options.traces_endpoint = config.tracing.traces_endpoint;
    options.headers = config.tracing.headers;
    if (!config.tracing.service_name.empty()) options.service_name = config.tracing.service_name;
    options.ca_file = config.push.ca_file;
    return options;
}

std::size_t io_thread_count(const config::ServerConfig& config) {
    if (config.io_threads > 0) return config.io_threads;
    return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace penstock

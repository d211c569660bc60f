#include "broker/config/keys.h"

#include "broker/base/nearest.h"
#include "broker/base/networks.h"
#include "broker/config/peer_list.h"
#include "broker/config/quantity.h"

#include <algorithm>
#include <charconv>

namespace penstock::config {

namespace {

using Complaint = std::optional<std::string>;

template <class T>
using Place = T& (*)(ServerConfig&);

template <class T>
T read(Place<T> place, ServerConfig config) {
    return place(config);
}

struct Range {
    std::uint64_t least;
    std::uint64_t most;
};

Key text_key(std::string name, Place<std::string> place) {
    return {std::move(name),
            KeyKind::text,
            [place](ServerConfig& config, std::string_view text) -> Complaint {
                place(config) = text;
                return std::nullopt;
            },
            [place](const ServerConfig& config) {
                return read(place, config);
            }};
}

Key choice_key(std::string name, Place<std::string> place, std::vector<std::string> choices) {
    return {std::move(name),
            KeyKind::text,
            [place, choices](ServerConfig& config, std::string_view text) -> Complaint {
                place(config) = text;
                if (std::find(choices.begin(), choices.end(), text) != choices.end())
                    return std::nullopt;
                std::string allowed;
                for (const auto& choice : choices)
                    allowed += (allowed.empty() ? "" : ", ") + choice;
                return "must be one of " + allowed;
            },
            [place](const ServerConfig& config) {
                return read(place, config);
            }};
}

Key flag_key(std::string name, Place<bool> place) {
    return {std::move(name),
            KeyKind::flag,
            [place](ServerConfig& config, std::string_view text) -> Complaint {
                place(config) = text == "true";
                if (text == "true" || text == "false") return std::nullopt;
                return "must be true or false";
            },
            [place](const ServerConfig& config) -> std::string {
                return read(place, config) ? "true" : "false";
            }};
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::string format_count(std::uint64_t number) {
    return std::to_string(number);
}

// A number in one of three spellings; `example` shows the spelling in the complaint.
struct Spelling {
    KeyKind kind;
    std::optional<std::uint64_t> (*parse)(std::string_view);
    std::string (*format)(std::uint64_t);
    const char* example;
};

constexpr Spelling count{KeyKind::count, parse_count, format_count, "a whole number"};
constexpr Spelling duration{
    KeyKind::text, parse_duration_ms, format_duration_ms, "a duration such as \"90s\" or \"3d\""};
constexpr Spelling size{
    KeyKind::text, parse_size_bytes, format_size_bytes, "a size such as \"64MiB\""};

Key number_key(std::string name, Spelling spelling, Place<std::uint64_t> place, Range range) {
    return {std::move(name),
            spelling.kind,
            [spelling, place, range](ServerConfig& config, std::string_view text) -> Complaint {
                const auto number = spelling.parse(text);
                if (number && *number >= range.least && *number <= range.most) {
                    place(config) = *number;
                    return std::nullopt;
                }
                return std::string("must be ") + spelling.example + " from " +
                       spelling.format(range.least) + " to " + spelling.format(range.most);
            },
            [spelling, place](const ServerConfig& config) {
                return spelling.format(read(place, config));
            }};
}

Key peers_key(std::string name, Place<std::vector<ClusterPeer>> place) {
    return {std::move(name),
            KeyKind::peers,
            [place](ServerConfig& config, std::string_view text) -> Complaint {
                auto peers = parse_peers(text);
                if (!peers) return "must be as 2=10.0.0.2:7072,3=10.0.0.3:7072";
                place(config) = std::move(*peers);
                return std::nullopt;
            },
            [place](const ServerConfig& config) {
                return format_peers(read(place, config));
            }};
}

Key networks_key(std::string name, Place<std::string> place) {
    return {std::move(name),
            KeyKind::text,
            [place](ServerConfig& config, std::string_view text) -> Complaint {
                if (!Networks::parse(text)) {
                    return "must be addresses or networks such as \"127.0.0.0/8, ::1\"";
                }
                place(config) = text;
                return std::nullopt;
            },
            [place](const ServerConfig& config) {
                return read(place, config);
            }};
}

std::vector<Key> make_server_keys() {
    using C = ServerConfig;
    return {
        text_key("data", [](C& c) -> std::string& { return c.data; }),
        text_key("listen", [](C& c) -> std::string& { return c.listen; }),
        text_key("listen_tcp", [](C& c) -> std::string& { return c.listen_tcp; }),
        text_key("advertise_tcp", [](C& c) -> std::string& { return c.advertise_tcp; }),
        flag_key("dev", [](C& c) -> bool& { return c.dev; }),
        number_key(
            "io_threads", count, [](C& c) -> std::uint64_t& { return c.io_threads; }, {0, 256}),
        choice_key("log_level",
                   [](C& c) -> std::string& { return c.log_level; },
                   {"debug", "info", "warn", "error"}),
        choice_key(
            "log_format", [](C& c) -> std::string& { return c.log_format; }, {"text", "json"}),
        number_key("request_timeout",
                   duration,
                   [](C& c) -> std::uint64_t& { return c.request_timeout_ms; },
                   {1'000, 60'000}),
        text_key("tls.cert", [](C& c) -> std::string& { return c.tls.cert; }),
        text_key("tls.key", [](C& c) -> std::string& { return c.tls.key; }),
        flag_key("tls.tcp", [](C& c) -> bool& { return c.tls.tcp; }),
    };
}

std::vector<Key> make_store_keys() {
    using C = ServerConfig;
    using N = std::uint64_t;
    return {
        number_key("log.segment_size",
                   size,
                   [](C& c) -> N& { return c.log.segment_bytes; },
                   {4ULL << 20U, 1ULL << 30U}),
        number_key("log.reserve_percent",
                   count,
                   [](C& c) -> N& { return c.log.reserve_percent; },
                   {0, 50}),
        number_key("log.scrub_rate",
                   size,
                   [](C& c) -> N& { return c.log.scrub_bytes_per_s; },
                   {0, 1ULL << 30U}),
        number_key(
            "log.zero_ahead", size, [](C& c) -> N& { return c.log.zero_ahead; }, {0, 1ULL << 20U}),
        choice_key("log.compression",
                   [](C& c) -> std::string& { return c.log.compression; },
                   {"off", "zstd"}),
        choice_key("encryption.mode",
                   [](C& c) -> std::string& { return c.encryption.mode; },
                   {"off", "on"}),
        text_key("encryption.key_file", [](C& c) -> std::string& { return c.encryption.key_file; }),
        text_key("encryption.command", [](C& c) -> std::string& { return c.encryption.command; }),
        number_key("encryption.rotate_every",
                   duration,
                   [](C& c) -> N& { return c.encryption.rotate_ms; },
                   {1'000, 365ULL * 86'400'000}),
    };
}

std::vector<Key> make_limit_keys() {
    using C = ServerConfig;
    using N = std::uint64_t;
    return {
        number_key("limits.queues_max",
                   count,
                   [](C& c) -> N& { return c.limits.queues_max; },
                   {1, 1'000'000}),
        number_key("limits.topics_max",
                   count,
                   [](C& c) -> N& { return c.limits.topics_max; },
                   {1, 1'000'000}),
        number_key("limits.subscriptions_max",
                   count,
                   [](C& c) -> N& { return c.limits.subscriptions_max; },
                   {1, 100'000}),
        number_key("limits.connections_max",
                   count,
                   [](C& c) -> N& { return c.limits.connections_max; },
                   {1, 1'000'000}),
        number_key("limits.handshakes_max",
                   count,
                   [](C& c) -> N& { return c.limits.handshakes_max; },
                   {1, 1'000'000}),
        number_key("limits.messages_rate",
                   count,
                   [](C& c) -> N& { return c.limits.messages_rate; },
                   {0, 1'000'000'000}),
        number_key("limits.address_connections_max",
                   count,
                   [](C& c) -> N& { return c.limits.address_connections_max; },
                   {0, 1'000'000}),
        number_key("limits.address_handshakes_max",
                   count,
                   [](C& c) -> N& { return c.limits.address_handshakes_max; },
                   {0, 1'000'000}),
        number_key("limits.address_handshakes_rate",
                   count,
                   [](C& c) -> N& { return c.limits.address_handshakes_rate; },
                   {0, 1'000'000}),
        number_key("limits.address_slow_per_minute",
                   count,
                   [](C& c) -> N& { return c.limits.address_slow_per_minute; },
                   {0, 1'000'000}),
        networks_key("limits.address_exempt",
                     [](C& c) -> std::string& { return c.limits.address_exempt; }),
        number_key("limits.requests_max",
                   count,
                   [](C& c) -> N& { return c.limits.requests_max; },
                   {16, 1'000'000}),
        number_key("limits.polls_max",
                   count,
                   [](C& c) -> N& { return c.limits.polls_max; },
                   {1, 1'000'000}),
        number_key("limits.message_size_max",
                   size,
                   [](C& c) -> N& { return c.limits.message_bytes_max; },
                   {64ULL << 10U, 16ULL << 20U}),
    };
}

std::vector<Key> make_protocol_keys() {
    using C = ServerConfig;
    using N = std::uint64_t;
    return {
        number_key("cmq.timestamp_skew",
                   duration,
                   [](C& c) -> N& { return c.cmq.timestamp_skew_ms; },
                   {0, 86'400'000}),
        number_key(
            "cmq.app_id", count, [](C& c) -> N& { return c.cmq.app_id; }, {0, 999'999'999'999}),
        number_key("cmq.name_reuse",
                   duration,
                   [](C& c) -> N& { return c.cmq.name_reuse_ms; },
                   {0, 3'600'000}),
        number_key("cmq.backoff_min",
                   duration,
                   [](C& c) -> N& { return c.cmq.backoff_min_ms; },
                   {100, 3'600'000}),
        number_key("cmq.backoff_max",
                   duration,
                   [](C& c) -> N& { return c.cmq.backoff_max_ms; },
                   {100, 3'600'000}),
        flag_key("push.allow_private", [](C& c) -> bool& { return c.push.allow_private; }),
        networks_key("push.allow_networks",
                     [](C& c) -> std::string& { return c.push.allow_networks; }),
        text_key("push.ca_file", [](C& c) -> std::string& { return c.push.ca_file; }),
        text_key("push.client_cert", [](C& c) -> std::string& { return c.push.client_cert; }),
        text_key("push.client_key", [](C& c) -> std::string& { return c.push.client_key; }),
        text_key("push.proxy", [](C& c) -> std::string& { return c.push.proxy; }),
        choice_key(
            "push.http2", [](C& c) -> std::string& { return c.push.http2; }, {"auto", "on", "off"}),
        text_key("push.secrets_key", [](C& c) -> std::string& { return c.push.secrets_key; }),
        flag_key("functions.allow_processes",
                 [](C& c) -> bool& { return c.functions.allow_processes; }),
        text_key("functions.program_folders",
                 [](C& c) -> std::string& { return c.functions.program_folders; }),
        choice_key("functions.sandbox",
                   [](C& c) -> std::string& { return c.functions.sandbox; },
                   {"none", "default", "strict"}),
        choice_key("track.mode",
                   [](C& c) -> std::string& { return c.track.mode; },
                   {"off", "failures", "all"}),
        number_key("track.retention",
                   duration,
                   [](C& c) -> N& { return c.track.retention_ms; },
                   {60'000, 15ULL * 86'400'000}),
        text_key("tracing.endpoint", [](C& c) -> std::string& { return c.tracing.endpoint; }),
        text_key("tracing.traces_endpoint",
                 [](C& c) -> std::string& { return c.tracing.traces_endpoint; }),
        text_key("tracing.headers", [](C& c) -> std::string& { return c.tracing.headers; }),
        text_key("tracing.service_name",
                 [](C& c) -> std::string& { return c.tracing.service_name; }),
    };
}

std::vector<Key> make_cluster_keys() {
    using C = ServerConfig;
    return {
        text_key("cluster.name", [](C& c) -> std::string& { return c.cluster.name; }),
        number_key("cluster.node_id",
                   count,
                   [](C& c) -> std::uint64_t& { return c.cluster.node_id; },
                   {0, INT64_MAX}),
        text_key("cluster.listen_peer", [](C& c) -> std::string& { return c.cluster.listen_peer; }),
        text_key("cluster.advertise_peer",
                 [](C& c) -> std::string& { return c.cluster.advertise_peer; }),
        text_key("cluster.advertise_http",
                 [](C& c) -> std::string& { return c.cluster.advertise_http; }),
        peers_key("cluster.peers",
                  [](C& c) -> std::vector<ClusterPeer>& { return c.cluster.peers; }),
        text_key("cluster.zone", [](C& c) -> std::string& { return c.cluster.zone; }),
        text_key("cluster.tls.ca", [](C& c) -> std::string& { return c.cluster.tls.ca; }),
        text_key("cluster.tls.cert", [](C& c) -> std::string& { return c.cluster.tls.cert; }),
        text_key("cluster.tls.key", [](C& c) -> std::string& { return c.cluster.tls.key; }),
        choice_key(
            "cluster.ack", [](C& c) -> std::string& { return c.cluster.ack; }, {"all", "majority"}),
        number_key("cluster.data_sets",
                   count,
                   [](C& c) -> std::uint64_t& { return c.cluster.data_sets; },
                   {1, 1'000}),
        number_key("cluster.replace_after",
                   duration,
                   [](C& c) -> std::uint64_t& { return c.cluster.replace_after_ms; },
                   {10'000, 31'536'000'000}),
        number_key("cluster.snapshot_rate",
                   size,
                   [](C& c) -> std::uint64_t& { return c.cluster.snapshot_bytes_per_s; },
                   {0, 1ULL << 40U}),
        number_key("cluster.slow_sync",
                   duration,
                   [](C& c) -> std::uint64_t& { return c.cluster.slow_sync_ms; },
                   {10, 60'000}),
        flag_key("cluster.insecure", [](C& c) -> bool& { return c.cluster.insecure; }),
    };
}

}  // namespace

const std::vector<Key>& keys() {
    static const std::vector<Key> list = [] {
        std::vector<Key> all = make_server_keys();
        for (auto& key : make_store_keys()) all.push_back(std::move(key));
        for (auto& key : make_limit_keys()) all.push_back(std::move(key));
        for (auto& key : make_protocol_keys()) all.push_back(std::move(key));
        for (auto& key : make_cluster_keys()) all.push_back(std::move(key));
        return all;
    }();
    return list;
}

const Key* find_key(std::string_view name) {
    const auto found = std::find_if(
        keys().begin(), keys().end(), [&](const Key& key) { return key.name == name; });
    return found == keys().end() ? nullptr : &*found;
}

std::string nearest_key(std::string_view name) {
    std::vector<std::string_view> names;
    for (const auto& key : keys()) names.push_back(key.name);
    return std::string(nearest(name, names, std::max<std::size_t>(3, name.size() / 2) - 1));
}

std::string environment_name(std::string_view name) {
    std::string out = "PENSTOCK_";
    for (const char byte : name) {
        const bool letter = byte >= 'a' && byte <= 'z';
        out += letter ? static_cast<char>(byte - 'a' + 'A') : byte == '.' ? '_' : byte;
    }
    return out;
}

}  // namespace penstock::config

// ServerConfig: what one server is started with, every key with its default. Plain values, made by
// load() before anything runs and never changed; the composition root hands each room its own part.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::config {

struct LogStoreConfig {
    std::uint64_t segment_bytes = 64ULL << 20U;
    std::uint64_t reserve_percent = 5;
    std::uint64_t scrub_bytes_per_s = 1ULL << 20U;
    std::uint64_t zero_ahead = 64ULL << 10U;  // bytes; 0: never
    std::string compression = "off";          // off, zstd
};

struct EncryptionConfig {
    std::string mode = "off";  // off: what is sealed is opened, nothing more is sealed; on
    std::string key_file;      // the master key and those before it
    std::string command;       // of a key service, words divided by blanks; one of the two
    std::uint64_t rotate_ms = 86'400'000;  // how long a data key seals
};

struct LimitsConfig {
    std::uint64_t queues_max = 1000;
    std::uint64_t topics_max = 1000;
    std::uint64_t subscriptions_max = 100;  // per topic
    std::uint64_t connections_max = 20'000;
    std::uint64_t handshakes_max = 1'000;  // of TLS, under way
    std::uint64_t messages_rate = 0;       // a second, of each queue and topic of its own; 0: none
    // Of one address, by listener; 0: no limit.
    std::uint64_t address_connections_max = 1'024;
    std::uint64_t address_handshakes_max = 200;   // under way
    std::uint64_t address_handshakes_rate = 200;  // a second
    std::uint64_t address_slow_per_minute = 60;   // handshakes and requests that never end
    std::string address_exempt = "127.0.0.0/8, ::1";
    std::uint64_t requests_max = 20'000;  // that wait to be looked at
    std::uint64_t polls_max = 50'000;
    std::uint64_t message_bytes_max = 1ULL << 20U;  // ceiling of queues' and topics' own
};

struct CmqConfig {
    std::uint64_t timestamp_skew_ms = 300'000;  // 0: any time will do
    std::uint64_t app_id = 1'250'000'000;       // shown as topicOwner
    std::uint64_t name_reuse_ms = 10'000;       // until a deleted name may be used again
    std::uint64_t backoff_min_ms = 10'000;      // BACKOFF_RETRY's pauses
    std::uint64_t backoff_max_ms = 20'000;
};

struct PushConfig {
    bool allow_private = false;
    std::string allow_networks;  // open to pushes besides what is public; empty: none
    std::string ca_file;         // PEM trusted beside the system's store; empty: none
    std::string client_cert;     // PEM shown to endpoints that ask; empty: none
    std::string client_key;      // its key
    std::string proxy;           // http://host:port; empty: none
    std::string http2 = "auto";  // to https endpoints: auto, on, off
    std::string secrets_key;     // file of the key that seals secrets; empty: DATA/secrets.key
};

struct FunctionsConfig {
    bool allow_processes = false;  // exec, worker, worker-http and runtime subscriptions
    std::string program_folders = "/usr/local/bin:/usr/bin:/bin";  // where bare names are found
    std::string sandbox = "default";                               // none, default, strict
};

struct TrackConfig {
    std::string mode = "all";  // off, failures, all
    std::uint64_t retention_ms = 259'200'000;
};

struct TracingConfig {
    std::string endpoint;         // URL of an OTLP/HTTP collector
    std::string traces_endpoint;  // URL for spans as it stands; both empty: spans go nowhere
    std::string headers;          // name=value,name=value, for each request to the collector
    std::string service_name;     // empty: penstock
};

struct TlsConfig {
    std::string cert;
    std::string key;
    bool tcp = true;  // with a certificate: CMQ over TCP speaks TLS too
};

struct ClusterPeer {
    std::uint64_t id = 0;
    std::string address;

    friend bool operator==(const ClusterPeer&, const ClusterPeer&) = default;
};

struct ClusterTlsConfig {
    std::string ca;
    std::string cert;
    std::string key;
};

struct ClusterConfig {
    std::string name;           // empty: this server is on its own
    std::uint64_t node_id = 0;  // 0: none
    std::string listen_peer = "127.0.0.1:7072";
    std::string advertise_peer;  // empty: listen_peer
    std::string advertise_http;  // empty: listen
    std::vector<ClusterPeer> peers;
    std::string zone;
    ClusterTlsConfig tls;
    std::string ack = "all";                            // all, majority
    std::uint64_t data_sets = 8;                        // of a new cluster
    std::uint64_t snapshot_bytes_per_s = 32ULL << 20U;  // 0: no limit
    std::uint64_t replace_after_ms = 1'800'000;         // a node away for longer is replaced
    std::uint64_t slow_sync_ms = 500;
    bool insecure = false;
};

struct ServerConfig {
    std::string data = "penstock-data";
    std::string listen = "127.0.0.1:7070";
    std::string listen_tcp;     // empty: the next port beside `listen`, none with TLS; off: none
    std::string advertise_tcp;  // empty: the address listened on
    bool dev = false;
    std::uint64_t io_threads = 0;  // 0: one per processor
    std::string log_level = "info";
    std::string log_format = "text";
    std::uint64_t request_timeout_ms = 10'000;
    TlsConfig tls;
    LogStoreConfig log;
    LimitsConfig limits;
    CmqConfig cmq;
    PushConfig push;
    FunctionsConfig functions;
    TrackConfig track;
    TracingConfig tracing;
    EncryptionConfig encryption;
    ClusterConfig cluster;
};

}  // namespace penstock::config

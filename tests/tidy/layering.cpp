#include "tests/tidy/layering.h"

#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <set>

namespace penstock::tidy {

namespace {

using Names = std::set<std::string>;

const std::string everything = "*";

// What the sinks whose targets are functions may include.
const Names function_rooms{"broker/base",
                           "broker/model",
                           "broker/api",
                           "sinks/sink.h",
                           "sinks/client",
                           "sinks/worker",
                           "sinks/worker/protocol.h"};

// Answers publish in the form of functions.
const Names http_sink_rooms{"broker/base",
                            "broker/model",
                            "broker/api",
                            "sinks/sink.h",
                            "sinks/client",
                            "sinks/worker/published.h"};

const Names core_rooms{"broker/model",
                       "broker/base/bytes.h",
                       "broker/base/check.h",
                       "broker/base/error.h",
                       "broker/base/hash.h",
                       "broker/base/ids.h",
                       "broker/base/planted.h"};

const Names replication_rooms{
    "broker/base", "broker/model", "broker/storage/log", "broker/replication/etcd_raft"};

const Names node_rooms{"broker/base",
                       "broker/model",
                       "broker/core",
                       "broker/storage/log",
                       "broker/storage/rows",
                       "broker/replication",
                       "broker/replication/snapshot",
                       "broker/api"};

const Names cluster_rooms{"broker/base",
                          "broker/model",
                          "broker/core",
                          "broker/storage/log",
                          "broker/storage/rows",
                          "broker/replication",
                          "broker/replication/snapshot",
                          "broker/replication/transport",
                          "broker/replication/etcd_raft",
                          "broker/api",
                          "broker/node",
                          "broker/backup"};

Names with(Names names, const std::string& more) {
    names.insert(more);
    return names;
}

// The client shares pure helpers with the server: spellings, names and signatures.
const Names cli_rooms{"broker/base",
                      "broker/model",
                      "broker/config/quantity.h",
                      "broker/config/toml_library.h",
                      "broker/api/names.h",
                      "broker/backup",
                      "broker/api/signature.h",
                      "plugins/cmq_tcp/client",
                      "plugins/cmq_tcp/reply.h",
                      "plugins/cmq_tcp/request.h",
                      "sinks/client"};

// Who takes a webhook's URL judges it as the client that will call it does.
const Names url_reader_rooms{
    "broker/base", "broker/model", "broker/api", "plugins/listener", "sinks/client/url.h"};

// Its words for what goes wrong, and what is too much, are those of the HTTP API.
const Names cmq_tcp_rooms{"broker/base",
                          "broker/model",
                          "broker/api",
                          "plugins/listener",
                          "plugins/cmq_http/faults.h",
                          "plugins/cmq_http/limits.h"};

// Shares the bytes with the server, nothing else.
const Names cmq_tcp_client_rooms{"broker/base",
                                 "broker/api/body_seal.h",
                                 "broker/api/signature.h",
                                 "plugins/cmq_tcp/reply.h",
                                 "plugins/cmq_tcp/request.h",
                                 "plugins/cmq_tcp/wire.h"};

// Room -> rooms (or single headers) it may include besides itself.
const std::map<std::string, Names>& room_edges() {
    static const std::map<std::string, Names> edges{
        {"broker/base", {}},
        {"broker/model", {"broker/base"}},
        {"broker/core", core_rooms},
        {"broker/storage/log", {"broker/base", "broker/model"}},
        {"broker/storage/rows", {"broker/base", "broker/model"}},
        {"broker/replication", replication_rooms},
        {"broker/replication/etcd_raft",
         {"broker/base", "broker/model", "broker/storage/log/log_store.h"}},
        {"broker/replication/transport", {"broker/base", "broker/model"}},
        {"broker/replication/snapshot", {"broker/base", "broker/model", "broker/storage/log"}},
        {"broker/backup", {"broker/base", "broker/model", "broker/replication/snapshot"}},
        {"broker/api", {"broker/base", "broker/model"}},
        {"broker/node", node_rooms},
        {"broker/cluster", cluster_rooms},
        {"broker/config", {"broker/base", "broker/model/peer_name.h"}},
        {"broker/cli", cli_rooms},
        {"sinks/sink.h", {"broker/base", "broker/model", "broker/api"}},
        {"sinks/client", {"broker/base"}},
        {"sinks/http", http_sink_rooms},
        {"sinks/queue", {"broker/base", "broker/model", "broker/api", "sinks/sink.h"}},
        {"sinks/worker/protocol.h", {"broker/base"}},
        {"sinks/worker",
         {"broker/base", "broker/model", "broker/api", "sinks/sink.h", "sinks/worker/protocol.h"}},
        {"sinks/worker/supervisor",
         {"broker/base",
          "sinks/worker/control.h",
          "sinks/worker/datagram.h",
          "sinks/worker/owned_file.h"}},
        {"sinks/process", with(function_rooms, "sinks/http")},
        {"sinks/lua", function_rooms},
        {"sinks/observed",
         {"broker/base", "broker/model", "broker/api", "sinks/sink.h", "sinks/client"}},
        {"lua", {"broker/base", "sinks/worker/protocol.h"}},
        {"dispatcher", {"broker/base", "broker/model", "broker/api", "sinks/sink.h"}},
        {"plugins/listener", {"broker/base", "broker/model", "broker/api"}},
        {"plugins/cmq_http", url_reader_rooms},
        {"plugins/cmq_tcp", cmq_tcp_rooms},
        {"plugins/cmq_tcp/client", cmq_tcp_client_rooms},
        {"plugins/console", {"broker/base", "plugins/listener"}},
        {"plugins/native", url_reader_rooms},
        // Asks for the keys of /v1.
        {"plugins/metrics",
         {"broker/base",
          "broker/model",
          "broker/api",
          "plugins/listener",
          "plugins/native/authentication.h",
          "plugins/native/figures.h"}},
        {"plugins/sys", {"broker/base", "broker/model", "broker/api"}},
        // The visible lists and the composition root.
        {"sinks/all", {everything}},
        {"plugins/all", {everything}},
        {"broker", {everything}},
        {"tests", {everything}},
    };
    return edges;
}

// Rooms that speak Asio, that write JSON, that call the system.
const Names speakers{"broker",
                     "broker/api",
                     "broker/node",
                     "broker/cluster",
                     "broker/cli",
                     "broker/replication",
                     "broker/replication/transport",
                     "dispatcher",
                     "plugins/",
                     "sinks/",
                     "tests"};
const Names encoders{
    "broker", "broker/cli", "broker/api", "dispatcher", "lua", "plugins/", "sinks/", "tests"};
const Names system{"broker/base",
                   "broker",
                   "broker/node",
                   "broker/cli",
                   "broker/config",
                   "broker/replication/etcd_raft/shim.h",
                   "plugins/listener",
                   "sinks/client",
                   "sinks/worker",
                   "sinks/worker/supervisor",
                   "sinks/process",
                   "lua",
                   "tests"};

// Third-party and system headers by prefix -> rooms that may include them.
const std::map<std::string, Names>& outside_edges() {
    static const std::map<std::string, Names> edges{
        {"boost/system/", {everything}},
        {"boost/asio", speakers},
        {"boost/beast", speakers},
        {"boost/json", encoders},
        {"boost/url", encoders},
        {"boost/algorithm/", {"sinks/observed/collector_headers.cpp"}},
        {"boost/core/", {"broker/api"}},
        {"boost/pfr", {"broker/base/wire.h"}},
        {"openssl/",
         {"broker/api",
          "broker",
          "broker/cli",
          "broker/replication/transport",
          "plugins/",
          "sinks/client",
          "sinks/http",
          "sinks/process",
          "tests"}},
        {"nghttp2/", {"sinks/client"}},
        {"rocksdb/", {"broker/storage/rows"}},
        {"zstd.h", {"broker/api", "broker/storage/log"}},
        {"lz4.h", {"broker/storage/log"}},
        {"toml++/", {"broker/config", "broker/cli"}},
        {"CLI/", {"broker", "broker/cli"}},
        {"yaml-cpp/", {"broker/cli"}},
        {"spdlog/", {"broker/base/log.cpp"}},
        {"systemd/", {"broker"}},
        {"uv.h", {"sinks/worker/supervisor"}},
        {"seccomp.h", {"sinks/worker/supervisor"}},
        {"linux/", {"sinks/worker/supervisor", "sinks/process"}},
        {"lua.hpp", {"lua"}},
        {"gtest/", {"tests"}},
        {"gmock/", {"tests"}},
        {"benchmark/", {"tests"}},
        {"dlfcn.h", {"broker/replication/etcd_raft"}},
        {"net/", {"sinks/worker/supervisor"}},
        // C, for the shim in Go.
        {"stddef.h", {"broker/replication/etcd_raft"}},
        {"stdint.h", {"broker/replication/etcd_raft"}},
        {"stdlib.h", {"broker/replication/etcd_raft/shim.h"}},
        {"grp.h", {"sinks/worker/supervisor"}},
        {"sched.h", {"sinks/worker/supervisor"}},
        {"sys/", system},
        {"arpa/", system},
        {"netinet/", system},
        {"fcntl.h", system},
        {"netdb.h", system},
        {"poll.h", system},
        {"pthread.h", system},
        {"signal.h", system},
        {"spawn.h", system},
        {"unistd.h", system},
    };
    return edges;
}

// Standard headers the deterministic rooms must not even see.
const Names& impure_headers() {
    static const Names names{"atomic",
                             "chrono",
                             "cmath",
                             "condition_variable",
                             "coroutine",
                             "cstdio",
                             "cstdlib",
                             "ctime",
                             "filesystem",
                             "fstream",
                             "future",
                             "iostream",
                             "mutex",
                             "random",
                             "stop_token",
                             "thread"};
    return names;
}

// boost/asio is written for every room that has it except these single files.
bool serves_the_build(const std::string& path) {
    return starts_with(path, "broker/base/asio_pch.") || path == "broker/base/asio_code.cpp";
}

bool names_room(const Names& names, const std::string& room, const std::string& path) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
        const bool folder = name.back() == '/' && starts_with(path, name);
        return name == everything || name == room || name == path || folder;
    });
}

// The engine's C interface stays inside its room; tests go by the engine as everyone does.
bool is_private_header(const std::string& header) {
    return header == "broker/replication/etcd_raft/etcd_raft.h";
}

std::optional<std::string> complaint_inside(const std::string& path, const std::string& header) {
    const std::string from = room_of(path);
    const std::string to = room_of(header);
    if (from.empty()) return "the include table does not know the room of " + path;
    if (to.empty()) return "\"" + header + "\" is not a header of a known room";
    if (is_private_header(header) && from != to)
        return from + " must not include \"" + header + "\"; only its own room does";
    if (from == to || from == "tests" || names_room(room_edges().at(from), to, header))
        return std::nullopt;
    return from + " must not include " + to + " (\"" + header + "\")";
}

std::optional<std::string> complaint_outside(const std::string& path, const std::string& header) {
    const std::string from = room_of(path);
    const bool standard = header.find_first_of("./") == std::string::npos;
    if (standard) {
        const bool pure = from == "broker/core" || from == "broker/model";
        if (pure && impure_headers().count(header) > 0)
            return from + " must not include <" + header + ">: it stays deterministic";
        return std::nullopt;
    }
    if (from == "tests" || serves_the_build(path)) return std::nullopt;
    for (const auto& [prefix, rooms] : outside_edges()) {
        if (!starts_with(header, prefix)) continue;
        if (names_room(rooms, from, path)) return std::nullopt;
        return from + " must not include <" + header + ">";
    }
    return "<" + header + "> is not in the table of third-party headers";
}

}  // namespace

std::string room_of(const std::string& path) {
    if (starts_with(path, "sinks/all.")) return "sinks/all";
    if (starts_with(path, "plugins/all.")) return "plugins/all";
    if (path == "sinks/sink.h" || path == "sinks/worker/protocol.h") return path;
    std::string best;
    for (const auto& [room, allowed] : room_edges()) {
        if (starts_with(path, room + "/") && room.size() > best.size()) best = room;
    }
    // Files straight in broker/ are the composition root; an unlisted folder is nobody's.
    const bool nested = path.find('/', std::string("broker/").size()) != std::string::npos;
    if (best == "broker" && nested) return {};
    return best;
}

std::vector<Finding> check_includes(const SourceFile& file) {
    static const std::regex include(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
    std::vector<Finding> findings;
    for (std::size_t at = 0; at < file.lines.size(); ++at) {
        std::smatch match;
        const bool likely = file.lines[at].find('#') != std::string::npos;
        if (!likely || !std::regex_search(file.lines[at], match, include)) continue;
        const bool inside = match[1].str() == "\"";
        const std::string header = match[2].str();
        const auto complaint =
            inside ? complaint_inside(file.path, header) : complaint_outside(file.path, header);
        if (complaint) findings.push_back({file.path, at + 1, *complaint});
    }
    return findings;
}

}  // namespace penstock::tidy

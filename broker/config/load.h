// load(): the server's configuration from its four layers, later ones winning: defaults, the file,
// PENSTOCK_* variables, flags; OpenTelemetry's where [tracing] is empty after all. Called once at
// the start; every mistake is reported at once.
#pragma once

#include "broker/base/error.h"
#include "broker/config/server_config.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace penstock::config {

struct Sources {
    std::string file;                                        // empty: none
    std::map<std::string, std::string> environment;          // variables by name
    std::vector<std::pair<std::string, std::string>> flags;  // key and value: {"listen", ":1"}
};

struct Loaded {
    ServerConfig config;
    std::map<std::string, std::string> origins;  // key -> where its value comes from
};

// Error{not_found|invalid}: one line a mistake.
Result<Loaded> load(const Sources& sources);

// The process's variables PENSTOCK_* and OTEL_*.
std::map<std::string, std::string> process_environment();

// Every key with its value and origin, as TOML that load() reads back.
std::string show(const Loaded& loaded);

struct Address {
    std::string host;
    std::uint16_t port = 0;
};

// "127.0.0.1:7070" or "[::1]:7070"; the host must be an address or a name without blanks.
Result<Address> parse_address(const std::string& text);

}  // namespace penstock::config

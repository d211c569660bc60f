// Settings: which server, as whom, from flags, environment, the context in use and defaults, in
// this order; and the file the contexts are kept in. One run, one thread.
#pragma once

#include "broker/cli/failure.h"
#include "broker/cli/world.h"

#include <map>
#include <optional>
#include <string>

namespace penstock::cli {

inline constexpr const char* default_server = "http://127.0.0.1:7070";
// The key of a server started with --dev.
inline constexpr const char* dev_key_id = "AKIDpenstockdev";
inline constexpr const char* dev_key_secret = "penstock-dev-secret";

// Flags as given; empty: not given.
struct SettingFlags {
    std::string server;
    std::string key_id;
    std::string key_secret;
    std::string context;
    std::string ca_file;
    std::string token;
};

// $XDG_CONFIG_HOME/penstock/contexts.toml, or below $HOME/.config. Readable by its owner only:
// it holds secrets. Other bytes than ours in it are errors, never overwritten.
struct Contexts {
    std::string current;  // empty: none
    std::map<std::string, Target> by_name;
};

std::string contexts_file(const World& world);

Result<Contexts> load_contexts(const std::string& file);
Result<void> save_contexts(const std::string& file, const Contexts& contexts);

using Resolved = boost::system::result<Target, Failure>;

Resolved resolve(const SettingFlags& flags, const World& world);

}  // namespace penstock::cli

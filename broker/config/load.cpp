#include "broker/config/load.h"

#include "broker/config/cluster_check.h"
#include "broker/config/keys.h"
#include "broker/config/otel_variables.h"
#include "broker/config/peer_list.h"
#include "broker/config/toml_file.h"

#include <unistd.h>

#include <charconv>
#include <string_view>

namespace penstock::config {

namespace {

// Collects values and mistakes; what is wrong is reported together at the end.
class Loader {
  public:
    void read_file(const std::string& path) {
        auto settings = read_toml_file(path);
        if (!settings) {
            complain(settings.error().detail);
            return;
        }
        for (const auto& setting : settings.value()) take_setting(path, setting);
    }

    void read_environment(const std::map<std::string, std::string>& variables) {
        for (const auto& key : keys()) {
            const std::string variable = environment_name(key.name);
            const auto found = variables.find(variable);
            if (found != variables.end()) set(key, found->second, variable);
        }
    }

    void read_flags(const std::vector<std::pair<std::string, std::string>>& flags) {
        for (const auto& [name, value] : flags) {
            const Key* key = find_key(name);
            if (key != nullptr) set(*key, value, "--" + name);
        }
    }

    // Where all the layers have left a key empty. What belongs to another collector, its key among
    // it, is not mixed with the one that the layers name.
    void stand_in(const std::map<std::string, std::string>& variables) {
        const auto& tracing = loaded_.config.tracing;
        const bool own = !tracing.endpoint.empty() || !tracing.traces_endpoint.empty();
        for (const StandIn& one : otel_stand_ins(variables)) {
            if (own && one.of_collector) continue;
            const Key* key = find_key(one.key);
            if (key->show(loaded_.config).empty()) set(*key, one.value, one.variable);
        }
    }

    void check_whole() {
        const auto& config = loaded_.config;
        if (config.data.empty()) complain(said_in("data") + "data must name a folder");
        const auto address = parse_address(config.listen);
        if (!address) complain(said_in("listen") + "listen " + address.error().detail);
        check_address("listen_tcp", config.listen_tcp == "off" ? "" : config.listen_tcp);
        check_address("advertise_tcp", config.advertise_tcp);
        if (config.tls.cert.empty() != config.tls.key.empty())
            complain("tls.cert and tls.key go together: set both or neither");
        if (config.push.client_cert.empty() != config.push.client_key.empty())
            complain("push.client_cert and push.client_key go together: set both or neither");
        const EncryptionConfig& encryption = config.encryption;
        if (!encryption.key_file.empty() && !encryption.command.empty())
            complain("encryption.key_file and encryption.command: set one of the two");
        if (encryption.mode == "on" && encryption.key_file.empty() &&
            encryption.command.find_first_not_of(' ') == std::string::npos)
            complain("encryption.mode is on: set encryption.key_file or encryption.command");
        if (config.cmq.backoff_min_ms > config.cmq.backoff_max_ms)
            complain("cmq.backoff_min must not be above cmq.backoff_max");
        for (const auto& complaint : check_cluster(config.cluster)) complain(complaint);
    }

    Result<Loaded> finish() && {
        if (!mistakes_.empty()) return error(Errc::invalid, mistakes_);
        return std::move(loaded_);
    }

  private:
    // Empty: nothing is said.
    void check_address(const std::string& key, const std::string& value) {
        if (value.empty()) return;
        const auto address = parse_address(value);
        if (!address) complain(said_in(key) + key + " " + address.error().detail);
    }

    // "PENSTOCK_LISTEN: ", "--listen: " or file and line: a variable may be set long ago.
    [[nodiscard]] std::string said_in(const std::string& key) const {
        const auto origin = loaded_.origins.find(key);
        return origin == loaded_.origins.end() ? std::string() : origin->second + ": ";
    }

    void take_setting(const std::string& path, const Setting& setting) {
        const std::string where = path + ":" + std::to_string(setting.line);
        const Key* key = find_key(setting.name);
        if (key == nullptr) {
            const std::string near = nearest_key(setting.name);
            complain(where + ": unknown key " + setting.name +
                     (near.empty() ? std::string() : "; did you mean " + near + "?"));
            return;
        }
        if (!written_as(setting.written, key->kind)) {
            complain(where + ": " + key->name + " must be written as " + spelling(key->kind));
            return;
        }
        set(*key, setting.value, where);
    }

    static bool written_as(Setting::Written written, KeyKind kind) {
        switch (kind) {
            case KeyKind::text:
                return written == Setting::Written::text;
            case KeyKind::count:
                return written == Setting::Written::count;
            case KeyKind::flag:
                return written == Setting::Written::flag;
            case KeyKind::peers:
                return written == Setting::Written::peers;
        }
        return false;
    }

    static std::string spelling(KeyKind kind) {
        switch (kind) {
            case KeyKind::text:
                return "a string in quotes";
            case KeyKind::count:
                return "a whole number";
            case KeyKind::flag:
                return "true or false";
            case KeyKind::peers:
                return "[{ id = 2, address = \"10.0.0.2:7072\" }]";
        }
        return {};
    }

    void set(const Key& key, const std::string& value, const std::string& where) {
        const auto complaint = key.set(loaded_.config, value);
        if (complaint) complain(where + ": " + key.name + " " + *complaint);
        loaded_.origins[key.name] = where;
    }

    void complain(const std::string& mistake) {
        mistakes_ += (mistakes_.empty() ? "" : "\n") + mistake;
    }

    Loaded loaded_;
    std::string mistakes_;
};

std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    for (const char byte : text) {
        if (byte == '"' || byte == '\\') out += '\\';
        out += byte;
    }
    return out + "\"";
}

std::string as_toml(const Key& key, const ServerConfig& config) {
    switch (key.kind) {
        case KeyKind::text:
            return in_quotes(key.show(config));
        case KeyKind::count:
        case KeyKind::flag:
            return key.show(config);
        case KeyKind::peers:
            return format_peers_as_toml(config.cluster.peers);
    }
    return {};
}

}  // namespace

Result<Loaded> load(const Sources& sources) {
    Loader loader;
    if (!sources.file.empty()) loader.read_file(sources.file);
    loader.read_environment(sources.environment);
    loader.read_flags(sources.flags);
    loader.stand_in(sources.environment);
    loader.check_whole();
    return std::move(loader).finish();
}

std::map<std::string, std::string> process_environment() {
    std::map<std::string, std::string> variables;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view line = *entry;
        const auto equals = line.find('=');
        const bool ours = line.starts_with("PENSTOCK_") || line.starts_with("OTEL_");
        if (!ours || equals == std::string_view::npos) continue;
        variables.emplace(line.substr(0, equals), line.substr(equals + 1));
    }
    return variables;
}

std::string show(const Loaded& loaded) {
    std::string out;
    for (const auto& key : keys()) {
        const auto origin = loaded.origins.find(key.name);
        out += key.name + " = " + as_toml(key, loaded.config) + "  # " +
               (origin == loaded.origins.end() ? "default" : origin->second) + "\n";
    }
    return out;
}

Result<Address> parse_address(const std::string& text) {
    const auto wrong = [&] {
        return error(Errc::invalid, "must be HOST:PORT such as 127.0.0.1:7070, not " + text);
    };
    const auto colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0) return wrong();
    Address address;
    address.host = text.substr(0, colon);
    if (address.host.front() == '[' && address.host.back() == ']')
        address.host = address.host.substr(1, address.host.size() - 2);
    const char* first = text.data() + colon + 1;
    const char* last = text.data() + text.size();
    const auto [end, code] = std::from_chars(first, last, address.port);
    if (code != std::errc() || end != last || address.host.empty()) return wrong();
    return address;
}

}  // namespace penstock::config

#include "broker/cli/settings.h"

#include "broker/config/toml_library.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <utility>

namespace penstock::cli {

namespace {

std::string first_of(std::initializer_list<std::string> candidates) {
    for (const auto& candidate : candidates) {
        if (!candidate.empty()) return candidate;
    }
    return {};
}

Error file_error(const std::string& file, const std::string& what) {
    return error(Errc::io, file + ": " + what + ": " + std::strerror(errno));
}

Result<Contexts> contexts_in(const toml::table& table, const std::string& file) {
    Contexts contexts;
    contexts.current = table["current"].value_or(std::string());
    const auto* entries = table["contexts"].as_table();
    if (entries == nullptr) return contexts;
    for (const auto& [name, node] : *entries) {
        const auto* entry = node.as_table();
        if (entry == nullptr) return error(Errc::invalid, file + ": contexts must be tables");
        Target target;
        target.server = (*entry)["server"].value_or(std::string(default_server));
        target.key_id = (*entry)["key_id"].value_or(std::string());
        target.key_secret = (*entry)["key_secret"].value_or(std::string());
        target.ca_file = (*entry)["ca"].value_or(std::string());
        target.token = (*entry)["token"].value_or(std::string());
        contexts.by_name.emplace(std::string(name.str()), std::move(target));
    }
    return contexts;
}

std::string text_of(const Contexts& contexts) {
    toml::table entries;
    for (const auto& [name, target] : contexts.by_name) {
        toml::table entry;
        entry.insert("server", target.server);
        entry.insert("key_id", target.key_id);
        entry.insert("key_secret", target.key_secret);
        if (!target.ca_file.empty()) entry.insert("ca", target.ca_file);
        if (!target.token.empty()) entry.insert("token", target.token);
        entries.insert(name, std::move(entry));
    }
    toml::table table;
    table.insert("current", contexts.current);
    table.insert("contexts", std::move(entries));
    std::ostringstream text;
    text << table << "\n";
    return text.str();
}

// The context that flags, environment or the file's `current` ask for; empty: none.
boost::system::result<Target, Failure> context_of(const SettingFlags& flags, const World& world) {
    const std::string file = contexts_file(world);
    const auto contexts = load_contexts(file);
    if (!contexts) return usage_failure(contexts.error().detail, "Correct or remove the file.");
    const std::string name =
        first_of({flags.context, world.variable("PENSTOCK_CONTEXT"), contexts->current});
    if (name.empty()) return Target();
    const auto found = contexts->by_name.find(name);
    if (found == contexts->by_name.end()) {
        return usage_failure(
            "There is no context '" + name + "' in " + file + ".",
            "'penstock context list' shows them, 'penstock context add' adds one.");
    }
    return found->second;
}

}  // namespace

std::string contexts_file(const World& world) {
    const std::string configured = world.variable("XDG_CONFIG_HOME");
    const std::string folder =
        configured.empty() ? world.variable("HOME") + "/.config" : configured;
    return folder + "/penstock/contexts.toml";
}

Result<Contexts> load_contexts(const std::string& file) {
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return Contexts();
    try {
        return contexts_in(toml::parse_file(file), file);
    } catch (const toml::parse_error& failure) {
        std::ostringstream text;
        text << file << ":" << failure.source().begin.line << ": " << failure.description();
        return error(Errc::invalid, text.str());
    }
}

Result<void> save_contexts(const std::string& file, const Contexts& contexts) {
    std::error_code failure;
    const std::filesystem::path path(file);
    std::filesystem::create_directories(path.parent_path(), failure);
    if (failure) return error(Errc::io, file + ": " + failure.message());
    // Written beside and renamed: a crash leaves the old file or the new one.
    const std::string fresh = file + ".new";
    const int handle =
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (handle < 0) return file_error(fresh, "cannot be written");
    const std::string text = text_of(contexts);
    const bool written =
        ::fchmod(handle, 0600) == 0 &&
        ::write(handle, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
        ::fsync(handle) == 0;
    const auto problem = file_error(fresh, "cannot be written");
    ::close(handle);
    if (!written) return problem;
    if (::rename(fresh.c_str(), file.c_str()) != 0) return file_error(file, "cannot be replaced");
    return {};
}

Resolved resolve(const SettingFlags& flags, const World& world) {
    const auto context = context_of(flags, world);
    if (!context) return context.error();
    Target target;
    target.server = first_of(
        {flags.server, world.variable("PENSTOCK_SERVER"), context->server, default_server});
    const std::string key_id = first_of({flags.key_id, world.variable("PENSTOCK_KEY_ID")});
    const std::string key_secret =
        first_of({flags.key_secret, world.variable("PENSTOCK_KEY_SECRET")});
    if (key_id.empty() != key_secret.empty()) {
        return usage_failure("A key id and a key secret go together; one of them is missing.",
                             "Give both --key-id and --key-secret, or set both PENSTOCK_KEY_ID and "
                             "PENSTOCK_KEY_SECRET.");
    }
    if (!flags.token.empty() && key_id.empty()) {
        return usage_failure("A token is nothing without the key that it came with.",
                             "Give --key-id and --key-secret too: 'penstock key token' printed "
                             "all three.");
    }
    target.key_id = first_of({key_id, context->key_id, dev_key_id});
    target.key_secret =
        key_id.empty() ? first_of({context->key_secret, dev_key_secret}) : key_secret;
    // It goes with its key: what a context has of another one does not count.
    const std::string token = first_of({flags.token, world.variable("PENSTOCK_TOKEN")});
    target.token = key_id.empty() ? context->token : token;
    target.ca_file = first_of({flags.ca_file, world.variable("PENSTOCK_CA"), context->ca_file});
    return target;
}

}  // namespace penstock::cli

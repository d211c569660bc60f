#include "broker/cli/grammar.h"

#include <CLI/Option.hpp>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace penstock::cli {

namespace {

constexpr std::array<std::string_view, 3> file_kinds = {"FILE", "DIR", "FOLDER"};

// CLI11 writes the values an option is checked against behind its type: TEXT:{table,json}.
std::vector<std::string> values_of(const std::string& type) {
    std::vector<std::string> values;
    const auto from = type.find('{');
    const auto to = type.rfind('}');
    if (from == std::string::npos || to == std::string::npos) return values;
    std::string word;
    for (const char letter : type.substr(from + 1, to - from - 1) + ",") {
        if (letter != ',') {
            word.push_back(letter);
        } else if (!word.empty()) {
            values.push_back(std::exchange(word, {}));
        }
    }
    return values;
}

Flag flag_of(const CLI::Option& option) {
    Flag flag;
    for (const auto& name : option.get_lnames()) flag.names.push_back("--" + name);
    for (const auto& name : option.get_snames()) flag.names.push_back("-" + name);
    flag.about = option.get_description();
    if (option.get_items_expected_max() == 0) return flag;
    const std::string type = option.get_type_name();
    flag.values = values_of(type);
    flag.value = type.substr(0, type.find(':'));
    return flag;
}

Command command_of(const CLI::App& app) {
    Command command;
    command.name = app.get_name();
    command.about = app.get_description();
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_positional()) {
            command.operands.push_back(
                {option->get_name(), option->get_description(), option->get_required()});
        } else {
            command.flags.push_back(flag_of(*option));
        }
    }
    for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; }))
        command.commands.push_back(command_of(*below));
    return command;
}

const Flag config_flag{{"--config"}, "FILE", {}, "TOML file; penstock.toml(5) documents its keys"};
const Flag data_flag{{"--data"}, "DIR", {}, "Folder of the server's state"};

Command serve_command() {
    Command serve{"serve", "Run a server", {}, {}, {}};
    serve.flags = {config_flag,
                   data_flag,
                   {{"--listen"}, "HOST:PORT", {}, "Where clients are served (127.0.0.1:7070)"},
                   {{"--listen-tcp"}, "HOST:PORT", {}, "CMQ over TCP, or off (the port behind)"},
                   {{"--listen-peer"}, "HOST:PORT", {}, "For the other nodes of the cluster"},
                   {{"--dev"}, {}, {}, "A well-known key, pushes to private addresses allowed"}};
    return serve;
}

Command config_command() {
    Command config{"config", "Look at a configuration", {}, {}, {}};
    config.commands = {
        {"check", "Say what is wrong with a file", {}, {{"FILE", "The file", true}}, {}},
        {"show", "What is in force, and where it comes from", {config_flag}, {}, {}}};
    return config;
}

Command recover_command() {
    Command recover{"recover", "Go on with the one node that is left; offline", {}, {}, {}};
    recover.flags = {data_flag,
                     config_flag,
                     {{"--survivor"}, {}, {}, "This is the one replica to go on with"},
                     {{"--yes"}, {}, {}, "The other nodes are lost for good"}};
    return recover;
}

Command restore_command() {
    Command restore{"restore", "Make a data folder out of a backup; offline", {}, {}, {}};
    restore.operands = {{"BACKUP", "Folder of the backup; - reads a stream", true}};
    restore.flags = {data_flag,
                     config_flag,
                     {{"--check"}, {}, {}, "Only say whether the backup is whole"},
                     {{"--output", "-o"}, "FORMAT", {"lines", "json"}, "lines or json"}};
    return restore;
}

Command store_command() {
    const Flag output{{"--output", "-o"}, "FORMAT", {"lines", "json"}, "lines or json"};
    Command store{"store", "Look at the data folder of a server that does not run", {}, {}, {}};
    store.commands = {{"check",
                       "Read everything: rows, log, and each message that is held",
                       {data_flag, config_flag, output},
                       {},
                       {}},
                      {"salvage",
                       "Make a backup of what can be read of a folder that does not start",
                       {data_flag, config_flag, output},
                       {{"BACKUP", "Folder of the backup; new or empty", true}},
                       {}}};
    return store;
}

}  // namespace

Command grammar(const CLI::App& root) {
    Command whole = command_of(root);
    for (Command& noun : whole.commands) {
        if (noun.name != "cluster") continue;
        // In the place of what only says that it asks no server.
        for (Command& verb : noun.commands) {
            if (verb.name == "recover") verb = recover_command();
        }
    }
    whole.commands.insert(whole.commands.begin(),
                          {serve_command(), config_command(), restore_command(), store_command()});
    whole.flags.push_back({{"--version"}, {}, {}, "Print the version"});
    return whole;
}

bool names_a_file(const std::string& value) {
    return std::find(file_kinds.begin(), file_kinds.end(), value) != file_kinds.end();
}

}  // namespace penstock::cli

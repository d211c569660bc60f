#include "broker/store.h"

#include "broker/base/clock.h"
#include "broker/base/log.h"
#include "broker/cluster/store_check.h"
#include "broker/config/load.h"
#include "broker/node/data_folder.h"
#include "broker/offline.h"
#include "broker/room_options.h"

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <iostream>

namespace penstock {

namespace {

namespace json = boost::json;

struct Options {
    config::Sources sources;
    bool salvage = false;
    std::string to;
    bool json = false;
    int exit = 0;
    bool run = false;
};

void add_flags(CLI::App& verb, Options& options, std::string& data, std::string& output) {
    verb.add_option("--data", data, "Data folder of a server that does not run")->required();
    verb.add_option("--config", options.sources.file, "Its configuration");
    verb.add_option("-o,--output", output, "lines or json")
        ->check(CLI::IsMember({"lines", "json"}));
}

Options parse(const std::vector<std::string>& arguments) {
    CLI::App app("Looks at the data folder of a server that does not run.", "penstock store");
    app.require_subcommand(1);
    Options options;
    std::string data;
    std::string output;
    CLI::App* check = app.add_subcommand(
        "check", "Read everything: rows, log, and each message that is held. Exit code 1: damage");
    add_flags(*check, options, data, output);
    CLI::App* salvage = app.add_subcommand(
        "salvage",
        "Make a backup of what can be read, for 'penstock restore'. Copy the folder first: what a "
        "start would write is written");
    add_flags(*salvage, options, data, output);
    salvage->add_option("BACKUP", options.to, "Folder of the backup; new or empty")->required();
    if (!parse_words(app, arguments, options.exit)) return options;
    options.salvage = salvage->parsed();
    options.json = output == "json";
    options.sources.environment = config::process_environment();
    options.sources.flags.emplace_back("data", data);
    options.run = true;
    return options;
}

json::array list(const std::vector<std::string>& lines) {
    json::array all;
    for (const std::string& line : lines) all.emplace_back(line);
    return all;
}

int show(const cluster::CheckedStore& checked, bool as_json) {
    json::array sets;
    for (const cluster::CheckedSet& set : checked.sets) {
        json::object one;
        one["set"] = set.set.value;
        one["applied"] = set.applied;
        one["last"] = set.last;
        one["rows"] = set.rows;
        one["messages"] = set.messages;
        one["damaged"] = set.damaged;
        one["problems"] = list(set.problems);
        sets.push_back(std::move(one));
        if (as_json) continue;
        std::cout << "set " << set.set.value << ": rows up to entry " << set.applied << " ("
                  << set.rows << "), log up to " << set.last << ", " << set.messages
                  << " messages, " << set.damaged << " damaged\n";
        for (const std::string& problem : set.problems) std::cout << "  " << problem << "\n";
    }
    json::object all;
    all["whole"] = checked.whole();
    all["sets"] = std::move(sets);
    all["problems"] = list(checked.problems);
    if (as_json) std::cout << json::serialize(all) << "\n";
    if (!as_json) {
        for (const std::string& problem : checked.problems) std::cout << problem << "\n";
        std::cout << (checked.whole()
                          ? "whole\n"
                          : "damaged: a cluster heals messages by itself, a folder that "
                            "does not start is salvaged (penstock store salvage)\n");
    }
    return checked.whole() ? 0 : exit_failure;
}

int show(const cluster::Salvaged& salvaged, const std::string& to, bool as_json) {
    const bool all = salvaged.problems.empty() && salvaged.copied.lost == 0;
    if (as_json) {
        json::object shown;
        shown["backup"] = to;
        shown["bytes"] = salvaged.copied.bytes;
        shown["unreadable_messages"] = salvaged.copied.lost;
        shown["problems"] = list(salvaged.problems);
        std::cout << json::serialize(shown) << "\n";
    } else {
        for (const std::string& problem : salvaged.problems) std::cout << problem << "\n";
        std::cout << to << ": " << salvaged.copied.bytes << " bytes; " << salvaged.copied.lost
                  << " messages could not be read. Next: penstock restore " << to
                  << " --data DIR\n";
    }
    return all ? 0 : exit_failure;
}

int run(const config::ServerConfig& config, const Options& options) {
    PosixDisk disk;
    if (const auto there = disk.list(config.data); !there) {
        return fail("there is no data folder " + config.data);
    }
    const auto lock = node::FolderLock::take(config.data);
    if (!lock) return fail(lock.error().detail, exit_conflict);
    const node::NodeOptions node = node_options(config);
    const auto open_rows = [&node](const std::string& folder) {
        return storage::open_rocks_rows(folder, node.rows);
    };
    const cluster::StoreWorld world{disk, open_rows, storage::open_rocks_view, node.log};
    if (!options.salvage) {
        const auto checked = cluster::check_store(world, config.data);
        return checked ? show(*checked, options.json) : fail(checked.error().detail);
    }
    auto output = backup::open_output_folder(disk, options.to);
    if (!output) return fail(output.error().detail, exit_conflict);
    const auto salvaged =
        cluster::salvage_store(world, config.data, SystemClock().wall_ms(), **output);
    return salvaged ? show(*salvaged, options.to, options.json) : fail(salvaged.error().detail);
}

}  // namespace

int store(const std::vector<std::string>& arguments) {
    const Options options = parse(arguments);
    if (!options.run) return options.exit;
    set_log_level(LogLevel::error);
    const auto loaded = config::load(options.sources);
    if (!loaded) return fail(loaded.error().detail);
    return run(loaded->config, options);
}

}  // namespace penstock

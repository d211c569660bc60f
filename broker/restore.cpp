#include "broker/restore.h"

#include "broker/backup/copy.h"
#include "broker/base/instant.h"
#include "broker/base/log.h"
#include "broker/cluster/restoring.h"
#include "broker/config/load.h"
#include "broker/node/data_folder.h"
#include "broker/offline.h"
#include "broker/room_options.h"

#include <CLI/CLI.hpp>

#include <iostream>

namespace penstock {

namespace {

constexpr const char* meaning =
    "Makes DIR the data folder of a server as it was when the backup was made: 'penstock serve\n"
    "--data DIR' goes on with it, alone, or with a [cluster] section and 'penstock cluster init' "
    "as\n"
    "the first node of a new cluster. Ids of messages stay. DIR must be empty. Secrets of\n"
    "subscriptions are read with the key in secrets.key, which no backup holds.";

struct Options {
    config::Sources sources;
    std::string from;
    bool check = false;
    bool json = false;
    int exit = 0;
    bool run = false;
};

Options parse(const std::vector<std::string>& arguments) {
    CLI::App app(meaning, "penstock restore");
    Options options;
    std::string data;
    std::string output;
    app.add_option("BACKUP", options.from, "Folder of the backup; - reads a stream")->required();
    app.add_option("--data", data, "Data folder that is made");
    app.add_option("--config", options.sources.file, "Configuration of the server to be");
    app.add_flag("--check", options.check, "Only read the backup and say whether it is whole");
    app.add_option("-o,--output", output, "lines or json")->check(CLI::IsMember({"lines", "json"}));
    if (!parse_words(app, arguments, options.exit)) return options;
    options.json = output == "json";
    options.sources.environment = config::process_environment();
    if (app.count("--data") > 0) options.sources.flags.emplace_back("data", data);
    options.run = options.check || app.count("--data") > 0 || !options.sources.file.empty();
    if (!options.run) {
        std::cerr << "penstock: which folder? --data DIR\n";
        options.exit = exit_usage;
    }
    return options;
}

Result<std::unique_ptr<backup::BackupInput>> open_input(Disk& disk, const std::string& from) {
    if (from == "-") return backup::open_input_stream(std::cin);
    return backup::open_input_folder(disk, from);
}

int show_checked(const backup::BackupInput& input, const backup::Copied& checked, bool json) {
    const std::string made = format_instant(input.catalogue().made_ms);
    if (json) {
        std::cout << "{\"made\":\"" << made << "\",\"sets\":" << input.catalogue().sets.size()
                  << ",\"parts\":" << checked.parts << ",\"bytes\":" << checked.bytes
                  << ",\"unreadable_messages\":" << checked.lost << "}\n";
        return 0;
    }
    std::cout << "whole: made " << made << ", " << input.catalogue().sets.size() << " sets, "
              << checked.parts << " parts, " << checked.bytes << " bytes\n";
    if (checked.lost > 0) {
        std::cout << checked.lost << " messages could not be read when it was made\n";
    }
    return 0;
}

int show_restored(const cluster::Restored& restored, const std::string& folder, bool json) {
    const std::string made = format_instant(restored.made_ms);
    std::uint64_t lost = 0;
    for (const cluster::RestoredSet& set : restored.sets) lost += set.lost;
    if (json) {
        std::cout << "{\"made\":\"" << made << "\",\"data\":" << in_quotes(folder)
                  << ",\"bytes\":" << restored.bytes << ",\"unreadable_messages\":" << lost
                  << ",\"sets\":[";
        const char* comma = "";
        for (const cluster::RestoredSet& set : restored.sets) {
            std::cout << comma << "{\"set\":" << set.set.value << ",\"index\":" << set.index << "}";
            comma = ",";
        }
        std::cout << "]}\n";
        return 0;
    }
    std::cout << folder << " is as the server was at " << made << "\n";
    for (const cluster::RestoredSet& set : restored.sets) {
        std::cout << "set " << set.set.value << ": up to entry " << set.index;
        if (set.lost > 0) std::cout << ", without " << set.lost << " messages nobody could read";
        std::cout << "\n";
    }
    std::cout << "Next: penstock serve --data " << folder
              << "; in a new cluster: with its [cluster] section, then penstock cluster init.\n";
    return 0;
}

int run(const config::ServerConfig& config, backup::BackupInput& input, bool json) {
    PosixDisk disk;
    if (auto made = disk.make_folder(config.data); !made) return fail(made.error().detail);
    const auto lock = node::FolderLock::take(config.data);
    if (!lock) return fail(lock.error().detail, exit_conflict);
    const node::NodeOptions options = node_options(config);
    const auto open_rows = [&options](const std::string& folder) {
        return storage::open_rocks_rows(folder, options.rows);
    };
    cluster::Restoring restoring({disk, open_rows, {}}, config.data, options.log, input);
    const auto restored = restoring.run();
    if (!restored) {
        const bool conflict = restored.error().code == Errc::invalid;
        return fail(restored.error().detail, conflict ? exit_conflict : exit_failure);
    }
    return show_restored(*restored, config.data, json);
}

}  // namespace

int restore(const std::vector<std::string>& arguments) {
    const Options options = parse(arguments);
    if (!options.run) return options.exit;
    set_log_level(LogLevel::warn);
    PosixDisk disk;
    const auto input = open_input(disk, options.from);
    if (!input) return fail(input.error().detail);
    if (options.check) {
        const auto checked = backup::check_backup(**input);
        if (!checked) return fail(checked.error().detail);
        return show_checked(**input, *checked, options.json);
    }
    const auto loaded = config::load(options.sources);
    if (!loaded) return fail(loaded.error().detail);
    return run(loaded->config, **input, options.json);
}

}  // namespace penstock

#include "broker/cli/backup_commands.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>

namespace penstock::cli {

namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds look_pause{20};
constexpr int looks_max = 30'000;  // ten minutes
constexpr int tries_max = 5;
constexpr std::chrono::milliseconds try_pause{1'000};  // a leader is elected meanwhile
constexpr std::int64_t tell_every_us = 500'000;
constexpr unsigned ok_status = 200;

void pause(std::chrono::milliseconds time) {
    boost::asio::io_context context;
    boost::asio::steady_timer(context, time).wait();
}

Failure failure_of_copy(const Error& why) {
    Failure failure;
    failure.what = "The backup is not made: " + why.detail + ".";
    if (why.code == Errc::invalid) failure.exit_code = exit_conflict;
    failure.next = "An earlier backup in the same folder is kept; what was copied is used again.";
    return failure;
}

}  // namespace

void BackupCommands::add_to(CLI::App& root) {
    CLI::App* verb = root.add_subcommand(
        "backup",
        "Copy the state of a running server, one or a cluster, as it is at one moment. Into a "
        "folder with an earlier backup of it only what is new is copied");
    verb->add_option("DIR", where_, "Folder of the backup; - writes a stream to standard output")
        ->required();
    verb->callback([this] {
        session_.chosen = [this] {
            return run();
        };
    });
}

std::string BackupCommands::path_of(std::uint32_t set) const {
    return "/v1/backup/sets/" + std::to_string(set);
}

// A set that changed its leader has forgotten the copy.
BackupCommands::Stopped BackupCommands::stopped(const Failure& failure) const {
    return {failure, failure.code == "unavailable" || failure.exit_code == exit_timeout};
}

std::optional<BackupCommands::Stopped> BackupCommands::act(std::uint32_t set, const char* action) {
    json::object body;
    body["backup"] = number_;
    body["action"] = action;
    for (int look = 0; look < looks_max; ++look) {
        const auto answer = session_.send("POST", path_of(set), body);
        if (!answer) return stopped(answer.error());
        if (at_path(*answer, "state") != "flushing") return std::nullopt;
        pause(look_pause);
    }
    Failure failure;
    failure.what = "The rows of set " + std::to_string(set) + " are not written in time.";
    return Stopped{failure, false};
}

std::optional<BackupCommands::Stopped> BackupCommands::act_on_all(const char* action) {
    // Set 0 last: it may know of a queue that no copy has, never the other way round.
    for (const std::uint32_t set : sets_) {
        if (auto over = act(set, action)) return over;
    }
    return std::nullopt;
}

std::optional<BackupCommands::Stopped> BackupCommands::wait_for(std::uint32_t set,
                                                                const char* state) {
    for (int look = 0; look < looks_max; ++look) {
        const auto answer = session_.get(path_of(set) + "?backup=" + std::to_string(number_));
        if (!answer) return stopped(answer.error());
        if (at_path(*answer, "state") == state) return std::nullopt;
        pause(look_pause);
    }
    Failure failure;
    failure.what = "The copy of set " + std::to_string(set) + " is not listed in time.";
    return Stopped{failure, false};
}

std::optional<Failure> BackupCommands::connect() {
    const auto where = session_.target();
    if (!where) return where.error();
    address_ = where->server;
    auto made = session_.world().connect(*where);
    if (!made) return failure_of(made.error(), address_);
    server_ = std::move(*made);
    return std::nullopt;
}

Result<std::string> BackupCommands::read(std::uint32_t set,
                                         const std::string& part,
                                         std::uint64_t offset) {
    Ask ask;
    ask.target = path_of(set) + "/parts/" + part + "?backup=" + std::to_string(number_) +
                 "&offset=" + std::to_string(offset);
    auto answer = server_->ask(ask);
    if (answer && answer->status == ok_status) return std::move(answer->body);
    refused_ =
        answer ? failure_of(answer->status, answer->body) : failure_of(answer.error(), address_);
    return error(Errc::unavailable, refused_->what);
}

std::optional<BackupCommands::Stopped> BackupCommands::read_manifest(std::uint32_t set,
                                                                     backup::Catalogue& catalogue) {
    if (auto over = wait_for(set, "ready")) return over;
    std::string bytes;
    while (bytes.size() <= replication::manifest_bytes_max) {
        const auto piece = read(set, "manifest", bytes.size());
        if (!piece) return stopped(*refused_);
        if (piece->empty()) break;
        bytes += *piece;
    }
    auto manifest = replication::decode_manifest(bytes);
    if (!manifest || manifest->set.value != set) {
        Failure failure;
        failure.what = "The server's list of set " + std::to_string(set) + " cannot be read.";
        failure.next = "Is it of the same version? 'penstock doctor' looks.";
        return Stopped{failure, false};
    }
    catalogue.sets.push_back(std::move(*manifest));
    return std::nullopt;
}

bool BackupCommands::tell(const backup::Copied& copied) {
    copying_ = true;
    const std::int64_t now_us = session_.world().clock.steady_us();
    if (now_us < told_us_ + tell_every_us) return true;
    told_us_ = now_us;
    const std::int64_t took_ms = std::max<std::int64_t>((now_us - began_us_) / 1'000, 1);
    const std::uint64_t rate = copied.bytes * 1'000 / static_cast<std::uint64_t>(took_ms);
    std::string line = std::to_string(copied.parts) + " of " + std::to_string(parts_) + " parts, " +
                       std::to_string(copied.bytes >> 20) + " MiB, " + std::to_string(rate >> 20) +
                       " MiB/s";
    if (copied.parts > 0) {
        const std::int64_t left_ms = took_ms * (parts_ - copied.parts) / copied.parts;
        line += ", about " + std::to_string(left_ms / 1'000) + " s left";
    }
    const bool terminal = session_.world().terminal_out;
    session_.world().err << (terminal ? "\r\x1b[K" : "") << line << (terminal ? "" : "\n")
                         << std::flush;
    return true;
}

// Whatever a set says to it: the copy goes by itself when nobody reads it.
void BackupCommands::end_all() {
    for (const std::uint32_t set : sets_) (void)act(set, "end");
}

std::optional<BackupCommands::Stopped> BackupCommands::make(backup::BackupOutput& output) {
    const Clock& clock = session_.world().clock;
    // Another number than any other backup's that is under way.
    number_ = (static_cast<std::uint64_t>(clock.wall_ms()) << 12) +
              static_cast<std::uint64_t>(clock.steady_us() & 0xFFF);
    const auto known = session_.get("/v1/backup/sets");
    if (!known) return stopped(known.error());
    sets_.clear();
    const auto* listed = known->if_contains("sets");
    for (const auto& set :
         listed != nullptr && listed->is_array() ? listed->get_array() : json::array()) {
        if (set.is_number()) sets_.push_back(set.to_number<std::uint32_t>());
    }
    std::sort(sets_.rbegin(), sets_.rend());
    auto over = act_on_all("hold");
    if (!over) over = act_on_all("begin");
    if (!over) over = act_on_all("release");
    backup::Catalogue catalogue;
    catalogue.made_ms = clock.wall_ms();
    for (auto set = sets_.rbegin(); !over && set != sets_.rend(); ++set) {
        over = read_manifest(*set, catalogue);
    }
    if (over) return over;
    parts_ = backup::parts(catalogue);
    const auto copied = backup::copy_backup(
        catalogue,
        [this](const backup::SnapshotManifest& manifest, std::uint32_t part, std::uint64_t offset) {
            return read(manifest.set.value, std::to_string(part), offset);
        },
        output,
        [this](const backup::Copied& sofar) { return tell(sofar); });
    if (copied) {
        copied_ = *copied;
        return std::nullopt;
    }
    if (refused_) return stopped(*refused_);
    return Stopped{failure_of_copy(copied.error()), false};
}

int BackupCommands::show() {
    if (session_.world().terminal_out) session_.world().err << "\r\x1b[K";
    json::object shown;
    shown["backup"] = where_;
    shown["sets"] = sets_.size();
    shown["parts"] = copied_.parts;
    shown["kept"] = copied_.kept;
    shown["bytes"] = copied_.bytes;
    shown["unreadable_messages"] = copied_.lost;
    if (copied_.lost > 0) {
        session_.world().err << "penstock: " << copied_.lost
                             << " messages cannot be read on the server and are not in it\n";
    }
    // The stream has the output to itself.
    if (where_ == "-") {
        session_.world().err << json::serialize(shown) << "\n";
        return exit_ok;
    }
    return session_.say(where_ + ": " + std::to_string(copied_.parts) + " parts, of these " +
                            std::to_string(copied_.kept) + " kept, " +
                            std::to_string(copied_.bytes) + " bytes copied",
                        shown,
                        "penstock restore " + where_ + " --check");
}

int BackupCommands::run() {
    PosixDisk disk;
    std::unique_ptr<backup::BackupOutput> output;
    if (where_ == "-") {
        output = backup::make_output_stream(session_.world().out);
    } else {
        auto opened = backup::open_output_folder(disk, where_);
        if (!opened) return session_.fail(failure_of_copy(opened.error()));
        output = std::move(*opened);
    }
    if (const auto failure = connect()) return session_.fail(*failure);
    began_us_ = session_.world().clock.steady_us();
    for (int attempt = 1;; ++attempt) {
        refused_.reset();
        const auto over = make(*output);
        end_all();
        if (!over) return show();
        // What is in a folder is used again; what went into a stream cannot be taken back.
        const bool again = over->again && (where_ != "-" || !copying_);
        if (!again || attempt == tries_max) return session_.fail(over->failure);
        session_.world().err << "penstock: " << escaped(over->failure.what) << " Once more.\n";
        pause(try_pause);
    }
}

}  // namespace penstock::cli

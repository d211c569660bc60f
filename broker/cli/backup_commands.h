// `penstock backup`: a copy of all sets of a running server, one or a cluster, in a folder or as a
// stream (broker/backup). Holds the values of its flags; lives as long as the command line's
// parser. One run, one thread.
#pragma once

#include "broker/backup/copy.h"
#include "broker/cli/session.h"

#include <CLI/App.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::cli {

class BackupCommands {
  public:
    explicit BackupCommands(Session& session) : session_(session) {}

    void add_to(CLI::App& root);

  private:
    // Why it is over, and whether a further try may do better.
    struct Stopped {
        Failure failure;
        bool again = false;
    };

    int run();
    std::optional<Stopped> make(backup::BackupOutput& output);
    std::optional<Stopped> act_on_all(const char* action);
    std::optional<Stopped> act(std::uint32_t set, const char* action);
    std::optional<Stopped> wait_for(std::uint32_t set, const char* state);
    std::optional<Stopped> read_manifest(std::uint32_t set, backup::Catalogue& catalogue);
    Result<std::string> read(std::uint32_t set, const std::string& part, std::uint64_t offset);
    std::optional<Failure> connect();
    bool tell(const backup::Copied& copied);
    int show();
    void end_all();

    [[nodiscard]] std::string path_of(std::uint32_t set) const;
    [[nodiscard]] Stopped stopped(const Failure& failure) const;

    Session& session_;
    std::unique_ptr<Server> server_;  // for pieces, which are no JSON
    std::string address_;
    std::string where_;
    std::uint64_t number_ = 0;  // of this try
    std::vector<std::uint32_t> sets_;
    std::optional<Failure> refused_;  // why a piece was not given
    backup::Copied copied_;
    std::uint32_t parts_ = 0;
    std::int64_t began_us_ = 0;
    std::int64_t told_us_ = 0;
    bool copying_ = false;  // something was written
};

}  // namespace penstock::cli

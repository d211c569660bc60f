// The flags of `sub add` that say where a subscription delivers to: a URL, a queue, a function of
// the server's machine, and Lua scripts before it. Gives the members of /v1's object. One run, one
// thread.
#pragma once

#include "broker/cli/arguments.h"
#include "broker/cli/failure.h"

#include <CLI/App.hpp>
#include <boost/json/object.hpp>
#include <boost/system/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::cli {

// A command is everything behind --exec, --worker or --worker-http: it is cut off before the other
// words are parsed, so that its own flags stay its own.
struct CutCommand {
    std::string flag;  // "--exec" ...; empty: none
    std::vector<std::string> words;
};

CutCommand cut_command(std::vector<std::string>& words);

// Behind the path of what takes scripts: they are taken as they are (--force).
inline constexpr std::string_view untried_scripts = "?force=true";

// The text of a file; a failure that says which and why.
boost::system::result<std::string, Failure> read_file(const std::string& path);

// What error lines of a script call the file: the last part of its path, the end of that if it is
// long. Empty where bytes in it could disturb a line.
std::string script_file_name(const std::string& path);

class SinkFlags {
  public:
    // `command` outlives the flags.
    explicit SinkFlags(const CutCommand& command) : command_(command) {}

    void add_to(CLI::App& verb);

    // The sink and scripts for a new subscription. `batch`: as --batch says.
    [[nodiscard]] boost::system::result<boost::json::object, Failure> sink(
        std::optional<std::uint64_t> batch) const;

    // The Lua files given: as what each is meant (handler, filter, transform), and where it is.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> scripts() const;

    // --batch is about invocations, not about pushes.
    [[nodiscard]] bool is_runtime() const { return !runtime_.empty(); }

  private:
    [[nodiscard]] boost::system::result<boost::json::object, Failure> function(
        std::optional<std::uint64_t> batch) const;

    const CutCommand& command_;
    std::string http_;
    std::string queue_;
    std::string runtime_;
    std::string lua_;
    std::string filter_;
    std::string transform_;
    std::string stdin_;
    std::string framing_;
    std::vector<std::string> http_allow_;
    bool ready_ = false;
    std::optional<std::uint64_t> processes_;
    std::optional<std::uint64_t> window_;
    std::optional<std::uint64_t> startup_ms_;
    std::optional<std::uint64_t> memory_bytes_;
    std::optional<std::uint64_t> recycle_after_;
    std::optional<std::uint64_t> recycle_age_ms_;
    std::optional<std::uint64_t> recycle_memory_bytes_;
    std::optional<std::uint64_t> crashes_max_;
};

}  // namespace penstock::cli

// Session: one run of one command: its flags, its way to the server, its way to print. Commands
// register themselves with CLI11, leave what to do in `chosen`, and answer an exit code. Owned by
// run(), one thread.
#pragma once

#include "broker/cli/failure.h"
#include "broker/cli/output.h"
#include "broker/cli/settings.h"
#include "broker/cli/world.h"

#include <boost/json/object.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::cli {

using Called = boost::system::result<boost::json::object, Failure>;
using Listed = boost::system::result<boost::json::array, Failure>;

class Session {
  public:
    explicit Session(World& world) : world_(world) {}

    SettingFlags flags;
    std::string output;           // -o: table, json, ndjson; empty: as the terminal suggests
    bool yes = false;             // --yes
    std::string if_match;         // --if-match: of PATCH and DELETE; empty: whatever it is
    std::function<int()> chosen;  // what the command line asks for

    [[nodiscard]] World& world() { return world_; }

    [[nodiscard]] const World& world() const { return world_; }

    [[nodiscard]] Format format() const;

    // Where requests go; a failure when flags and environment contradict themselves.
    Resolved target();

    // Asks /v1 and expects JSON (or nothing) back. What has an ETag shows it as a member `etag`,
    // without the quotes.
    Called call(Ask ask);
    Called get(const std::string& path);
    Called send(const std::string& method,
                const std::string& path,
                const boost::json::object& body);
    Called act(const std::string& method, const std::string& path);  // without a body

    // Every item of a list, page by page. `path` may carry a query.
    Listed list(const std::string& path);

    // Says why and answers the exit code.
    int fail(const Failure& failure);

    // Shows an object; on a terminal also what to try next.
    int show(const boost::json::object& object, std::string_view next = {});
    int show(const boost::json::array& items, const Columns& columns);

    // One word or line when nobody asked for JSON, else the object.
    int say(const std::string& line, const boost::json::object& object, std::string_view next = {});

    // True when the user agrees to something that cannot be undone; else the failure is shown and
    // `exit_code` set.
    bool confirmed(const std::string& question, int& exit_code);

  private:
    Server* server(Failure& failure);
    void suggest(std::string_view next);

    World& world_;
    std::unique_ptr<Server> server_;
    std::string address_;
};

// Percent-encodes everything but unreserved characters.
std::string encoded(std::string_view text);

}  // namespace penstock::cli

// Flags that say which messages are meant, and lists gone through page by page. Held by the
// commands that take them; used while CLI11 parses, one thread.
#pragma once

#include "broker/cli/arguments.h"
#include "broker/cli/session.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace penstock::cli {

class MessageFlags {
  public:
    // `letters`: dead letters, which also have a reason and a status.
    void add_to(CLI::App& verb, bool letters);

    // As "&name=value" for a query, or as members of a body.
    [[nodiscard]] boost::system::result<std::string, Failure> query(const Session& session) const;
    [[nodiscard]] std::optional<Failure> put(const Session& session,
                                             boost::json::object& body) const;

  private:
    [[nodiscard]] boost::system::result<boost::json::object, Failure> members(
        const Session& session) const;

    std::string from_;
    std::string to_;
    std::vector<std::string> tags_;
    std::string key_;
    std::string text_;
    std::vector<std::string> reasons_;
    std::string status_;
};

// --rate "50/s" or 50, as messages a second.
boost::system::result<std::uint64_t, Failure> parse_rate(const std::string& text);

// Goes through a list page by page until its end or until `visit` says false. `path` has a query.
using VisitItem = std::function<bool(const boost::json::object& item)>;
std::optional<Failure> each_item(Session& session, const std::string& path, const VisitItem& visit);

// Shows at most `limit` items of a list.
int show_items(Session& session,
               const std::string& path,
               std::uint64_t limit,
               const Columns& columns);

}  // namespace penstock::cli

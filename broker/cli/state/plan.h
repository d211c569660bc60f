// Plan: what has to be asked of a server so that it holds what is desired. Pure functions over
// values; any thread.
#pragma once

#include "broker/cli/state/desired.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::cli {

// What the server's own description says of each kind: members a new one may have, members that
// can be changed later.
struct Members {
    std::set<std::string> of_new;
    std::set<std::string> changeable;
};

using Vocabulary = std::map<Kind, Members>;

// From the document at /v1/openapi.json.
Vocabulary vocabulary_of(const boost::json::object& description);

// What a server holds, as /v1 shows it. A subscription's `scripts` are those in use, with code.
struct Actual {
    std::map<std::string, boost::json::object> queues;  // without automatic dead-letter queues
    std::map<std::string, boost::json::object> topics;
    std::map<std::string, boost::json::object> subscriptions;  // by TOPIC/NAME

    [[nodiscard]] const std::map<std::string, boost::json::object>& of(Kind kind) const;
};

enum class Action : std::uint8_t { create, change, remove, conflict };

struct Change {
    std::string member;
    boost::json::value from;
    boost::json::value to;
};

struct Request {
    std::string method;
    std::string path;
    boost::json::object body;  // empty: none
};

struct Step {
    Action action = Action::create;
    Kind kind = Kind::queue;
    std::string name;
    std::vector<Change> changes;
    std::vector<Request> requests;  // in order
    std::string why;                // of a conflict: what stands in the way
};

// Whether /v1 shows this without what is secret in it. Such a member is set again each time, never
// described, and its value never shown.
bool holds_secret(std::string_view member, const boost::json::value& shown);

// In the order in which they must happen. With `prune` also deletes what nothing in `desired`
// names. A step that is a conflict cannot be done at all.
std::vector<Step> make_plan(const std::vector<Resource>& desired,
                            const Actual& actual,
                            const Vocabulary& vocabulary,
                            bool prune);

// A document that describes what there is, in the order of names: what a new one may have of what
// /v1 shows, with durations and sizes as texts.
boost::json::object describe(const Actual& actual, const Vocabulary& vocabulary);

}  // namespace penstock::cli

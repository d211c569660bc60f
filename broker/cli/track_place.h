// Where a message is or was, out of the answer to /v1/messages/ID/track. Pure, any thread.
#pragma once

#include <boost/json/object.hpp>

#include <string_view>

namespace penstock::cli {

// As to one queue, or subscription by its full name; null: the track tells nothing of it. Lives as
// long as the track.
const boost::json::object* place_of(const boost::json::object& track, std::string_view object);

}  // namespace penstock::cli

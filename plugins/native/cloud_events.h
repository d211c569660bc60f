// CloudEvents 1.0 as publishers send them, in the three modes of the HTTP binding 1.0.2 and in its
// JSON event format 1.0.2, made into messages: context attributes become message attributes
// (broker/api/event_attributes.h), data the payload. Hostile input ends here. Pure functions, any
// thread.
#pragma once

#include "broker/model/message.h"
#include "plugins/listener/http.h"
#include "plugins/native/problem.h"

#include <boost/system/result.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::plugins::native {

// How a request says that its body is of events. Another event format than JSON is `none`, as the
// binding allows (section 3): such a body is a message like any other.
enum class EventMode {
    none,
    binary,      // ce-specversion is among the headers; the body is the data
    structured,  // application/cloudevents+json
    batch,       // application/cloudevents-batch+json, 1 to 16 events
};

EventMode event_mode(const HttpRequest& request);

// Of one event: specversion, id, source, type, subject, time, dataschema and 16 extensions.
inline constexpr std::size_t event_attributes_max = 23;

using Events = boost::system::result<std::vector<model::NewMessage>, Problem>;

// The event whose context is in the headers (names in lower case) and whose data is `body`. The
// message has `content_type`, which the caller has judged; empty: unknown. Headers that are not
// ce-* count for nothing.
Events binary_event(const HttpRequest& request, std::string content_type, std::string body);

// The event that is `body`, or the 1 to 16 that are its items. JSON data is kept as it is written,
// digit for digit; other text as it is; data_base64 is decoded.
//
// For all: a Problem (400) names the attribute, in a batch behind the event's place ("[2].source");
// then there is no event at all. Integers and booleans become their text, as in binary mode. Null
// and empty are as absent. An event without data has the data null: a message has at least a byte.
Events structured_event(std::string_view body);
Events batch_of_events(std::string_view body);

}  // namespace penstock::plugins::native

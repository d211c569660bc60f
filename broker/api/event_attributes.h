// How CloudEvents 1.0 stand in a message: the context attribute NAME is the message attribute
// ce-NAME, but datacontenttype, which is the message's content type. Who takes events in and who
// gives them out share this. Pure functions, any thread.
#pragma once

#include "broker/model/message.h"

#include <string_view>

namespace penstock::api {

inline constexpr std::string_view event_prefix = "ce-";
inline constexpr std::string_view event_version = "1.0";

// What makes a message an event: it came in as one, all of its attributes checked.
inline constexpr std::string_view event_mark = "ce-specversion";

// CloudEvents 1.0.2 section 3.1: 1 to 20 of a-z and 0-9 (the 20 are its SHOULD).
bool is_event_attribute(std::string_view name);

// The message came in as an event, rather than with some attributes ce-NAME of its publisher's.
bool is_event(const model::MessageMeta& meta);

// "application/json; charset=utf-8", "application/vnd.a+json": JSON by its subtype, as the JSON
// event format 1.0.2 section 3.1.1 judges it.
bool says_json(std::string_view content_type);

}  // namespace penstock::api

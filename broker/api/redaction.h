// Redaction: answers without what messages contain, for those who may only look. Bodies, messages'
// attributes, what receivers answered and wrote, scripts' code. Pure functions, any thread.
#pragma once

#include "broker/api/broker.h"

namespace penstock::api {

// What stands where content was.
inline constexpr const char* redacted_text = "(not shown to this key)";

// `answer` behind a filter that fits the request.
Broker::Answer redacted(const Request& request, Broker::Answer answer);

// It looks for messages by what they contain: their number alone would tell.
bool asks_for_content(const Request& request);

}  // namespace penstock::api

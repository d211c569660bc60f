// Which names users may give. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace penstock::api {

// Queues, topics and subscriptions: 1-64 characters, a letter first, then letters, digits, '-', '_'
// (cmq-api.md 2). A dot cannot occur: dotted names are the server's own.
bool valid_name(std::string_view name);

// "TOPIC.NAME.dlq", the automatic dead-letter queue of TOPIC/NAME (surface.md, Names).
std::string automatic_dead_letter_name(std::string_view topic, std::string_view subscription);

// Well-formed UTF-8 (Unicode 15, table 3-7), no surrogates, no overlong forms.
bool valid_utf8(std::string_view text);

}  // namespace penstock::api

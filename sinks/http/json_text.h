// Pieces of JSON as pushes are drawn of them, straight into the bytes. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace penstock::sinks::http {

// A JSON string. Of text that is not UTF-8 every byte beyond ASCII becomes '?'.
void append_json_text(std::string& out, std::string_view text);

// A message's body as a JSON string: as it is where it is text, else in base64, since JSON carries
// text only.
void append_json_body(std::string& out, std::string_view body);

// One whole JSON value and nothing else (RFC 8259), nested at most 32 deep.
bool is_json(std::string_view text);

// `text` as the value of a header: bytes that would end it become '?'.
void append_header_text(std::string& out, std::string_view text);

}  // namespace penstock::sinks::http

// A request written as HTTP/1.1 has it, taken apart for HTTP/2 (RFC 9113, 8.2 and 8.3). Values and
// pure functions, any thread; views are into the text that was read.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace penstock::sinks::client {

struct HeadField {
    std::string_view name;  // as written; HTTP/2 wants it in lower case
    std::string_view value;
};

struct RequestHead {
    std::string_view method;
    std::string_view target;
    std::string_view authority;
    std::vector<HeadField> fields;  // without Host and those that speak of the connection
    std::string_view rest;          // what stands behind the blank line: the body's beginning
};

// Empty: it is no head (the line of the request, fields, a blank line).
std::optional<RequestHead> read_request_head(std::string_view text);

// True for fields whose value may stay in the table that later requests are compressed with, seen
// by whoever sees their sizes: those that are no secret and the same each time.
bool may_be_indexed(std::string_view name);

}  // namespace penstock::sinks::client

// The text of responses. Pure functions, any thread.
#pragma once

#include "plugins/listener/http.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::plugins {

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7).
std::string http_date(std::int64_t unix_seconds);

struct ResponseFrame {
    std::string_view date;
    bool keep_alive = true;
    bool http_1_0 = false;  // the request's version: keep-alive must then be said
};

// Appends status line and headers, the empty line included. A header a front end gave with a
// control character in it is left out: it could split the response.
void append_head(std::string& out, const HttpResponse& response, const ResponseFrame& frame);

// A piece of a streamed body on its way (RFC 9112, 7.1); an empty one is the end of it.
std::string chunk(std::string_view piece);

// What the listener itself answers: a problem document (RFC 9457).
HttpResponse problem(unsigned status, std::string_view detail);

}  // namespace penstock::plugins

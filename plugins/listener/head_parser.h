// parse_head(): the request line and headers of one request, read strictly: in doubt 400. Whatever
// two readers of the same bytes could understand differently (request smuggling) is refused here:
// bare CR or LF, NUL, folded lines, blanks before a colon, repeated or signed lengths, a length
// beside chunks. Pure functions, any thread; they never throw.
#pragma once

#include "plugins/listener/http.h"
#include "plugins/listener/limits.h"

#include <cstdint>
#include <string_view>

namespace penstock::plugins {

// How the body is delimited and the connection goes on.
struct Framing {
    bool keep_alive = true;
    bool http_1_0 = false;
    bool chunked = false;
    bool expect_continue = false;
    std::uint64_t body_bytes = 0;  // when not chunked
};

// Reads `head`, which ends behind its empty line, into `request` (all but body and connection
// facts) and `framing`. 0, or the status to refuse with; the request then holds what was read
// before the fault: with 413, 414 and 415 at least method and path.
unsigned parse_head(std::string_view head,
                    const HttpLimits& limits,
                    HttpRequest& request,
                    Framing& framing);

// Looks for the end of a head in `bytes`, of which the first `seen` were looked at before.
struct HeadScan {
    std::size_t bytes = 0;   // of the head, its empty line included; 0: not there yet
    bool malformed = false;  // it begins like no text, or a line ends without CR: never will be
};

HeadScan scan_head(std::string_view bytes, std::size_t seen);

// Letters A-Z in lower case; other bytes as they are.
std::string lower_case(std::string_view text);

}  // namespace penstock::plugins

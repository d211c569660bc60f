// How error codes of sockets are read. Pure functions, any thread.
#pragma once

#include "sinks/client/http_client.h"

#include <boost/system/error_code.hpp>

namespace penstock::sinks::client {

// The peer closed in an orderly way. TLS peers that skip the closing alert count as well: lengths
// tell whether an answer is whole.
bool is_end_of_stream(const boost::system::error_code& ec);

// What a failed connect means.
Ending ending_of_connect(const boost::system::error_code& ec);

}  // namespace penstock::sinks::client

// The console: a page at / and its files under /console/, from memory. It needs no key: what it
// shows it asks of /v1 with the key of whoever signs in. Any I/O thread; keeps nothing.
#pragma once

#include "plugins/listener/http.h"

#include <memory>

namespace penstock::plugins {

// Asked last: a "/" that speaks another protocol is that protocol's.
std::unique_ptr<HttpFrontEnd> make_console_front_end();

}  // namespace penstock::plugins

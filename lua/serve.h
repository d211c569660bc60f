// serve(): the loop of penstock-lua: frames by line from one descriptor, answers to the other, many
// in one write. One thread, plain poll; what goes out is bounded: beyond it nothing more is read.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "lua/limits.h"

namespace penstock::lua {

// Until the end of the input. Error{io}: a descriptor broke; Error{invalid}: a frame without end.
Result<void> serve(int in, int out, const Limits& limits, const Clock& clock);

}  // namespace penstock::lua

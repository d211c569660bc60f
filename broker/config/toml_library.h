// toml++ as this project uses it. Include it from here only: the two places where it is compiled
// must agree.
#pragma once

// Broken text must be an error, never the end of the process: in 3.0 a table header that begins
// with no key ("[::1]") meets an assertion one step before the error that is there for it.
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>

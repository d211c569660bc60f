// The manual page penstock(1), made from the grammar. A pure function; any thread.
#pragma once

#include "broker/cli/grammar.h"

#include <string>

namespace penstock::cli {

std::string manual_page(const Command& root);

}  // namespace penstock::cli

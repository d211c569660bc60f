// A URL among the fields of a request: refused as it is read, in the words of whoever is to call
// it. A pure function, any thread.
#pragma once

#include "plugins/native/fields.h"

#include <string>
#include <string_view>

namespace penstock::plugins::native {

// The http or https URL that `name` must hold, as it was written; one that could never be called,
// being malformed, with a user name or a fragment, is a problem of `fields`.
std::string need_url(Fields& fields, std::string_view name);

}  // namespace penstock::plugins::native

#include "plugins/native/url_field.h"

#include "sinks/client/url.h"

namespace penstock::plugins::native {

namespace {

// What is too short to be one is told so by parse_url.
constexpr Range url_bytes{1, sinks::client::url_bytes_max};

}  // namespace

std::string need_url(Fields& fields, std::string_view name) {
    std::string url = fields.need_text(name, url_bytes);
    if (!fields.ok()) return url;
    const auto parsed = sinks::client::parse_url(url);
    if (!parsed) fields.refuse(name, parsed.error().detail + ".");
    return url;
}

}  // namespace penstock::plugins::native

#include "plugins/native/url_field.h"

#include "sinks/client/url.h"

namespace penstock::plugins::native {

namespace {

constexpr Range url_bytes{8, sinks::client::url_bytes_max};

}  // namespace

std::string need_url(Fields& fields, std::string_view name) {
    std::string url = fields.need_text(name, url_bytes);
    if (!fields.ok()) return url;
    const auto parsed = sinks::client::parse_url(url);
    if (!parsed) fields.refuse(name, parsed.error().detail + ".");
    return url;
}

}  // namespace penstock::plugins::native

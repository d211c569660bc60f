#include "plugins/native/call.h"

#include <algorithm>

namespace penstock::plugins::native {

std::uint64_t cursor_of(Fields& fields, char kind) {
    const auto cursor = fields.text("cursor", {1, 64});
    if (!cursor) return 0;
    const auto position = decode_cursor(kind, *cursor);
    if (!position) fields.refuse("cursor", "must be the next_cursor of an earlier page.");
    return position.value_or(0);
}

Reply list_reply(boost::json::array items, char kind, std::uint64_t next) {
    boost::json::object body;
    body["items"] = std::move(items);
    if (next != 0) body["next_cursor"] = encode_cursor(kind, next);
    return json_reply(body);
}

NameListing name_listing(Fields& fields) {
    NameListing listing;
    listing.search = fields.text("search", search_bytes).value_or("");
    listing.page.limit = fields.whole32("limit", name_limit).value_or(name_limit_default);
    const std::uint64_t offset = cursor_of(fields, name_cursor);
    if (offset > UINT32_MAX) fields.refuse("cursor", "must be the next_cursor of an earlier page.");
    listing.page.offset = static_cast<std::uint32_t>(offset);
    return listing;
}

std::uint64_t next_page(const api::Page& page, std::size_t items, std::uint64_t total) {
    const std::uint64_t next = page.offset + items;
    return items == 0 || next >= total ? 0 : next;
}

}  // namespace penstock::plugins::native

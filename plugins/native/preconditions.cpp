#include "plugins/native/preconditions.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <vector>

namespace penstock::plugins::native {

namespace {

constexpr std::string_view weak_mark = "W/";

struct Tag {
    bool weak = false;
    std::string_view text;  // with its quotes
};

struct Tags {
    bool given = false;
    bool any = false;  // `*`
    std::vector<Tag> list;
};

bool is_tag_letter(char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return byte == 0x21 || (byte >= 0x23 && byte != 0x7F);
}

// Cuts `[W/]"..."` off the front of `rest`; nothing: it does not begin with a tag.
std::optional<Tag> cut_tag(std::string_view& rest) {
    Tag tag;
    tag.weak = rest.starts_with(weak_mark);
    if (tag.weak) rest.remove_prefix(weak_mark.size());
    if (!rest.starts_with('"')) return std::nullopt;
    const auto end = std::find_if_not(rest.begin() + 1, rest.end(), is_tag_letter);
    if (end == rest.end() || *end != '"') return std::nullopt;
    tag.text = rest.substr(0, static_cast<std::size_t>(end - rest.begin()) + 1);
    rest.remove_prefix(tag.text.size());
    return tag;
}

void cut_blanks(std::string_view& rest) {
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
}

// Appends the tags of one header line; false: it is malformed, or too many.
bool append(std::string_view line, std::vector<Tag>& tags) {
    for (;;) {
        cut_blanks(line);
        if (line.empty()) return true;
        if (line.front() == ',') {
            line.remove_prefix(1);
            continue;
        }
        const auto tag = cut_tag(line);
        if (!tag || tags.size() == entity_tags_max) return false;
        tags.push_back(*tag);
        cut_blanks(line);
        if (!line.empty() && line.front() != ',') return false;
    }
}

// The tags of all lines of a header (`name` in lower case).
boost::system::result<Tags, Problem> read_tags(const HttpRequest& request, std::string_view name) {
    Tags tags;
    bool decent = true;
    for (const auto& [key, line] : request.headers) {
        if (key != name) continue;
        const bool any = line == "*";
        decent = decent && (any || append(line, tags.list));
        tags.any = tags.any || any;
        tags.given = true;
    }
    if (decent && (!tags.given || tags.any == tags.list.empty())) return tags;
    return invalid_parameter(name,
                             "Must be * or 1 to " + std::to_string(entity_tags_max) +
                                 " entity tags such as " + entity_tag(0) +
                                 ", in quotes, with commas between them.");
}

std::optional<std::uint64_t> digest_of(std::string_view tag) {
    std::uint64_t digest = 0;
    for (const char letter : tag.substr(1, tag.size() - 2)) {
        const auto digit = std::string_view("0123456789abcdef").find(letter);
        if (digit == std::string_view::npos) return std::nullopt;
        digest = (digest << 4U) | digit;
    }
    // Only the one way in which it is written.
    if (entity_tag(digest) != tag) return std::nullopt;
    return digest;
}

}  // namespace

std::string entity_tag(std::uint64_t digest) {
    std::array<char, 19> text{};
    std::snprintf(text.data(), text.size(), "\"%016llx\"", static_cast<unsigned long long>(digest));
    return text.data();
}

boost::system::result<api::Expected, Problem> read_if_match(const HttpRequest& request) {
    const auto tags = read_tags(request, "if-match");
    if (!tags) return tags.error();
    if (!tags->given || tags->any) return api::Expected();
    std::vector<std::uint64_t> digests;
    for (const Tag& tag : tags->list) {
        const auto digest = digest_of(tag.text);
        if (digest && !tag.weak) digests.push_back(*digest);
    }
    return api::Expected(std::move(digests));
}

std::optional<boost::system::result<HttpResponse, Problem>> not_modified(const HttpRequest& request,
                                                                         std::uint64_t digest) {
    const auto tags = read_tags(request, "if-none-match");
    if (!tags) return tags.error();
    const std::string own = entity_tag(digest);
    const bool listed = std::any_of(
        tags->list.begin(), tags->list.end(), [&](const Tag& tag) { return tag.text == own; });
    if (!tags->any && !listed) return std::nullopt;
    HttpResponse response;
    response.status = 304;
    response.content_type.clear();
    response.headers.emplace_back("ETag", own);
    return response;
}

}  // namespace penstock::plugins::native

// Which subscriptions a message goes to, held against the definition word by word; receipts, which
// open to what was sealed; text that is UTF-8, held against the table of Unicode.
#include "broker/api/names.h"
#include "broker/base/hash.h"
#include "broker/core/matcher.h"
#include "tests/fuzz/target.h"

#include <algorithm>

namespace penstock::fuzz {
namespace {

using Words = std::vector<std::string>;

Words split(std::string_view text, char at) {
    Words words;
    while (!text.empty()) {
        const auto end = std::min(text.find(at), text.size());
        words.emplace_back(text.substr(0, end));
        const bool more = end < text.size();
        text.remove_prefix(std::min(text.size(), end + 1));
        if (more && text.empty()) words.emplace_back();
    }
    return words;
}

bool naive(const Words& pattern, std::size_t at, const Words& key, std::size_t word) {
    if (at == pattern.size()) return word == key.size();
    if (pattern[at] == "#") {
        for (std::size_t skip = word; skip <= key.size(); ++skip) {
            if (naive(pattern, at + 1, key, skip)) return true;
        }
        return false;
    }
    if (word == key.size()) return false;
    const bool fits = pattern[at] == "*" ? !key[word].empty() : pattern[at] == key[word];
    return fits && naive(pattern, at + 1, key, word + 1);
}

// The first line is what a message says, each further one what a subscription wants.
void match(model::FilterKind kind, std::string_view bytes) {
    const auto matcher = core::make_matcher(kind);
    const Words lines = split(bytes.substr(0, 400), '\n');
    if (lines.empty() || lines.size() > 12) return;
    const bool keys = kind == model::FilterKind::routing_key;
    model::MessageMeta meta;
    if (keys) meta.routing_key = lines[0];
    if (!keys) meta.tags = split(lines[0], ' ');
    std::vector<bool> expected;
    for (std::size_t at = 1; at < lines.size(); ++at) {
        model::SubscriptionSpec spec;
        (keys ? spec.binding_keys : spec.filter_tags) = split(lines[at], ' ');
        const Words& wants = keys ? spec.binding_keys : spec.filter_tags;
        bool fits = wants.empty();
        for (const std::string& want : wants) {
            if (keys && std::count(want.begin(), want.end(), '#') > 6)
                return;  // the naive one's time
            const Words& tags = meta.tags;
            fits = fits || (keys ? naive(split(want, '.'), 0, split(lines[0], '.'), 0)
                                 : std::find(tags.begin(), tags.end(), want) != tags.end());
        }
        matcher->add(model::SubscriptionNo{static_cast<std::uint32_t>(at)}, spec);
        expected.push_back(fits);
    }
    std::vector<model::SubscriptionNo> found;
    matcher->match(meta, found);
    for (std::size_t at = 0; at < expected.size(); ++at) {
        const model::SubscriptionNo number{static_cast<std::uint32_t>(at + 1)};
        const bool matched = std::find(found.begin(), found.end(), number) != found.end();
        check(matched == expected[at], "matched as defined");
    }
}

// Unicode 15, table 3-7, row by row.
bool plain_utf8(std::string_view text) {
    const auto within = [&text](std::size_t at, unsigned low, unsigned high) {
        const auto byte = at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
        return byte >= low && byte <= high;
    };
    for (std::size_t at = 0; at < text.size();) {
        const bool last = within(at + 2, 0x80, 0xBF);
        const bool last_two = last && within(at + 3, 0x80, 0xBF);
        std::size_t bytes = 0;
        if (static_cast<unsigned char>(text[at]) < 0x80) bytes = 1;
        if (within(at, 0xC2, 0xDF) && within(at + 1, 0x80, 0xBF)) bytes = 2;
        if (within(at, 0xE0, 0xE0) && within(at + 1, 0xA0, 0xBF) && last) bytes = 3;
        if (within(at, 0xE1, 0xEC) && within(at + 1, 0x80, 0xBF) && last) bytes = 3;
        if (within(at, 0xED, 0xED) && within(at + 1, 0x80, 0x9F) && last) bytes = 3;
        if (within(at, 0xEE, 0xEF) && within(at + 1, 0x80, 0xBF) && last) bytes = 3;
        if (within(at, 0xF0, 0xF0) && within(at + 1, 0x90, 0xBF) && last_two) bytes = 4;
        if (within(at, 0xF1, 0xF3) && within(at + 1, 0x80, 0xBF) && last_two) bytes = 4;
        if (within(at, 0xF4, 0xF4) && within(at + 1, 0x80, 0x8F) && last_two) bytes = 4;
        if (bytes == 0) return false;
        at += bytes;
    }
    return true;
}

void seal(std::string_view bytes) {
    const std::uint64_t value = siphash({1, 2}, bytes);
    const Permutation64 permutation({hash64(bytes), 7});
    check(permutation.open(permutation.seal(value)) == value, "a seal opens");
    check(crc32c(bytes) == crc32c_portable(bytes), "one checksum");
}

}  // namespace

void one_input(std::string_view bytes) {
    const unsigned choice = take_choice(bytes, 4);
    if (choice == 0) match(model::FilterKind::routing_key, bytes);
    if (choice == 1) match(model::FilterKind::tags, bytes);
    if (choice == 2) check(api::valid_utf8(bytes) == plain_utf8(bytes), "UTF-8 by the table");
    if (choice == 3) seal(bytes);
}

std::vector<std::string> seeds() {
    return {chosen(0, "a.b.c\na.*.c\n#\na.#\n*.*\n#.c d.e\n"),
            chosen(0, "\n#\n*\na"),
            chosen(0, "a..b\n*.*.*\na.#.b\na..b\n#.#.#"),
            chosen(1, "x y\nx\nz\ny z\n"),
            chosen(2, "\xE4\xBD\xA0 \xF0\x9F\x98\x80 \xC3\xA9"),
            chosen(2, "\xED\xA0\x80"),
            chosen(2, "\xC0\xAF"),
            chosen(2, "\xF4\x90\x80\x80"),
            chosen(3, "anything")};
}

}  // namespace penstock::fuzz

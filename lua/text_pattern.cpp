#include "lua/text_pattern.h"

#include <cctype>
#include <cstring>
#include <utility>

namespace penstock::lua {
namespace {

constexpr char escape = '%';
constexpr int depth_max = 200;  // of nested items, as in Lua
constexpr std::int64_t steps_between_stops = 1'024;

unsigned char byte_of(const char* at) {
    return static_cast<unsigned char>(*at);
}

}  // namespace

TextPattern::TextPattern(std::string_view subject,
                         std::string_view pattern,
                         std::int64_t steps,
                         Stop stop)
    : subject_(subject),
      pattern_(pattern),
      text_end_(subject.data() + subject.size()),
      pattern_end_(pattern.data() + pattern.size()),
      steps_left_(steps),
      stop_(stop) {}

const char* TextPattern::match_at(const char* begin) {
    level_ = 0;
    depth_ = 0;
    return match(begin, pattern_.data());
}

bool TextPattern::step() {
    if (--steps_left_ < 0) return false;
    if (steps_left_ % steps_between_stops == 0 && stop_()) steps_left_ = -1;
    return steps_left_ >= 0;
}

TextPattern::Place TextPattern::fail(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    return nullptr;
}

// Follows the pattern as far as it goes straight on; items that may match in several ways recurse.
TextPattern::Place TextPattern::match(Place text, Place item) {
    if (++depth_ > depth_max) return fail("pattern too complex");
    Place found = text;
    for (bool again = true; again && item != pattern_end_;) {
        again = false;
        if (!step()) {
            found = nullptr;
            break;
        }
        Place next_text = nullptr;
        Place next_item = nullptr;
        found = match_item(text, item, again, next_text, next_item);
        if (again) {
            text = found = next_text;
            item = next_item;
        }
    }
    --depth_;
    return found;
}

// One item: either the end of the whole match (`again` false) or where to go on.
TextPattern::Place TextPattern::match_item(
    Place text, Place item, bool& again, Place& next_text, Place& next_item) {
    const auto go_on = [&](Place to_text, Place to_item) -> Place {
        again = to_text != nullptr;
        next_text = to_text;
        next_item = to_item;
        return to_text;
    };
    switch (*item) {
        case '(':
            if (item + 1 < pattern_end_ && item[1] == ')')
                return open_capture(text, item + 2, position);
            return open_capture(text, item + 1, unfinished);
        case ')':
            return close_capture(text, item + 1);
        case '$':
            if (item + 1 == pattern_end_) return text == text_end_ ? text : nullptr;
            break;
        case escape:
            if (item + 1 == pattern_end_) break;
            if (item[1] == 'b') return go_on(match_balance(text, item + 2), item + 4);
            if (item[1] == 'f') {
                item += 2;
                if (item == pattern_end_ || *item != '[')
                    return fail("missing '[' after '%f' in pattern");
                const Place after = item_end(item);
                if (after == nullptr || !frontier(text, item, after)) return nullptr;
                return go_on(text, after);
            }
            if (std::isdigit(byte_of(item + 1)) != 0)
                return go_on(match_capture(text, item[1]), item + 2);
            break;
        default:
            break;
    }
    const Place after = item_end(item);
    if (after == nullptr) return nullptr;
    const char suffix = after == pattern_end_ ? '\0' : *after;
    switch (suffix) {
        case '?':
            if (single(text, item, after)) {
                const Place rest = match(text + 1, after + 1);
                if (rest != nullptr || !problem_.empty() || out_of_steps()) return rest;
            }
            return go_on(text, after + 1);
        case '+':
            return single(text, item, after) ? repeat_most(text + 1, item, after) : nullptr;
        case '*':
            return repeat_most(text, item, after);
        case '-':
            return repeat_least(text, item, after);
        default:
            return single(text, item, after) ? go_on(text + 1, after) : nullptr;
    }
}

TextPattern::Place TextPattern::repeat_most(Place text, Place item, Place after) {
    std::ptrdiff_t count = 0;
    while (single(text + count, item, after)) {
        if (!step()) return nullptr;
        ++count;
    }
    for (; count >= 0; --count) {
        if (!step()) return nullptr;
        const Place rest = match(text + count, after + 1);
        if (rest != nullptr || !problem_.empty()) return rest;
    }
    return nullptr;
}

TextPattern::Place TextPattern::repeat_least(Place text, Place item, Place after) {
    for (;; ++text) {
        if (!step()) return nullptr;
        const Place rest = match(text, after + 1);
        if (rest != nullptr || !problem_.empty()) return rest;
        if (!single(text, item, after)) return nullptr;
    }
}

TextPattern::Place TextPattern::open_capture(Place text, Place item, std::ptrdiff_t length) {
    if (level_ >= captures_max) return fail("too many captures");
    captures_[level_] = {text, length};
    ++level_;
    const Place rest = match(text, item);
    if (rest == nullptr) --level_;
    return rest;
}

TextPattern::Place TextPattern::close_capture(Place text, Place item) {
    std::size_t open = level_;
    while (open > 0 && captures_[open - 1].length != unfinished) --open;
    if (open == 0) return fail("invalid pattern capture");
    Capture& capture = captures_[open - 1];
    capture.length = text - capture.begin;
    const Place rest = match(text, item);
    if (rest == nullptr) capture.length = unfinished;
    return rest;
}

TextPattern::Place TextPattern::match_balance(Place text, Place item) {
    if (pattern_end_ - item < 2) return fail("malformed pattern (missing arguments to '%b')");
    if (text == text_end_ || *text != item[0]) return nullptr;
    std::size_t open = 1;
    for (++text; text < text_end_; ++text) {
        if (!step()) return nullptr;
        if (*text == item[1]) {
            if (--open == 0) return text + 1;
        } else if (*text == item[0]) {
            ++open;
        }
    }
    return nullptr;
}

TextPattern::Place TextPattern::match_capture(Place text, char digit) {
    const int number = digit - '1';
    const auto at = static_cast<std::size_t>(number);
    if (number < 0 || at >= level_ || captures_[at].length == unfinished)
        return fail("invalid capture index %" + std::to_string(number + 1));
    // A position capture's length is beyond any text, as in Lua.
    const auto length = static_cast<std::size_t>(captures_[at].length);
    if (static_cast<std::size_t>(text_end_ - text) < length) return nullptr;
    steps_left_ -= static_cast<std::int64_t>(length / 16);
    if (std::memcmp(captures_[at].begin, text, length) != 0) return nullptr;
    return text + length;
}

bool TextPattern::frontier(Place text, Place set, Place after) {
    const unsigned char before = text == subject_.data() ? 0 : byte_of(text - 1);
    const unsigned char here = text == text_end_ ? 0 : byte_of(text);
    return !in_set(before, set, after - 1) && in_set(here, set, after - 1);
}

// Just after the single item (a byte, a class or a set) that begins at `item`.
TextPattern::Place TextPattern::item_end(Place item) {
    const char first = *item++;
    if (first == escape) {
        if (item == pattern_end_) return fail("malformed pattern (ends with '%')");
        return item + 1;
    }
    if (first != '[') return item;
    if (item != pattern_end_ && *item == '^') ++item;
    do {  // the first byte of a set is never its end
        if (item == pattern_end_) return fail("malformed pattern (missing ']')");
        if (*item++ == escape) {
            if (item == pattern_end_) return fail("malformed pattern (missing ']')");
            ++item;
        }
    } while (item == pattern_end_ || *item != ']');
    return item + 1;
}

bool TextPattern::single(Place text, Place item, Place after) {
    if (text >= text_end_) return false;
    const unsigned char byte = byte_of(text);
    switch (*item) {
        case '.':
            return true;
        case escape:
            return in_class(byte, byte_of(item + 1));
        case '[':
            steps_left_ -= (after - item) / 8;  // a long set is long work
            return in_set(byte, item, after - 1);
        default:
            return byte_of(item) == byte;
    }
}

bool TextPattern::in_class(unsigned char byte, unsigned char letter) {
    bool inside = false;
    switch (std::tolower(letter)) {
        case 'a':
            inside = std::isalpha(byte) != 0;
            break;
        case 'c':
            inside = std::iscntrl(byte) != 0;
            break;
        case 'd':
            inside = std::isdigit(byte) != 0;
            break;
        case 'g':
            inside = std::isgraph(byte) != 0;
            break;
        case 'l':
            inside = std::islower(byte) != 0;
            break;
        case 'p':
            inside = std::ispunct(byte) != 0;
            break;
        case 's':
            inside = std::isspace(byte) != 0;
            break;
        case 'u':
            inside = std::isupper(byte) != 0;
            break;
        case 'w':
            inside = std::isalnum(byte) != 0;
            break;
        case 'x':
            inside = std::isxdigit(byte) != 0;
            break;
        case 'z':  // in no manual since 5.1, and still understood
            inside = byte == 0;
            break;
        default:
            return letter == byte;
    }
    return std::isupper(letter) != 0 ? !inside : inside;
}

// `set` is at its '[', `last` at its ']'.
bool TextPattern::in_set(unsigned char byte, Place set, Place last) {
    bool wanted = true;
    if (set[1] == '^') {
        wanted = false;
        ++set;
    }
    while (++set < last) {
        if (*set == escape) {
            ++set;
            if (in_class(byte, byte_of(set))) return wanted;
        } else if (set[1] == '-' && set + 2 < last) {
            if (byte_of(set) <= byte && byte <= byte_of(set + 2)) return wanted;
            set += 2;
        } else if (byte_of(set) == byte) {
            return wanted;
        }
    }
    return !wanted;
}

bool is_plain_pattern(std::string_view pattern) {
    return pattern.find_first_of("^$*+?.([%-") == std::string_view::npos;
}

}  // namespace penstock::lua

#include "broker/api/policy.h"

#include <algorithm>
#include <string>

namespace penstock::api {

namespace {

constexpr std::string_view queue_kind = "queue/";

bool any_matches(const std::vector<std::string>& patterns, std::string_view text, bool folded) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
        return matches(pattern, text, folded);
    });
}

char lower(char byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text, bool folded) {
    const auto same = [folded](char left, char right) {
        return left == right || (folded && lower(left) == lower(right));
    };
    std::size_t at = 0;
    std::size_t star = std::string_view::npos;  // the last one met in the pattern
    std::size_t resume = 0;                     // where the text goes on should it take one more
    std::size_t place = 0;
    while (at < text.size()) {
        if (place < pattern.size() && pattern[place] == '*') {
            star = place++;
            resume = at;
        } else if (place < pattern.size() && same(pattern[place], text[at])) {
            ++place;
            ++at;
        } else if (star != std::string_view::npos) {
            place = star + 1;
            at = ++resume;
        } else {
            return false;
        }
    }
    while (place < pattern.size() && pattern[place] == '*') ++place;
    return place == pattern.size();
}

Verdict weigh(const std::vector<model::Statement>& statements,
              std::string_view action,
              std::string_view resource) {
    const bool folded = resource.starts_with(queue_kind);
    Verdict verdict = Verdict::silent;
    for (const model::Statement& statement : statements) {
        if (!any_matches(statement.actions, action, false)) continue;
        if (!any_matches(statement.resources, resource, folded)) continue;
        if (statement.deny) return Verdict::denied;
        verdict = Verdict::allowed;
    }
    return verdict;
}

}  // namespace penstock::api

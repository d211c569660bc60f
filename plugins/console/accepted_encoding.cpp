#include "plugins/console/accepted_encoding.h"

#include "broker/base/letters.h"

#include <algorithm>

namespace penstock::plugins::console {

namespace {

std::string_view trimmed(std::string_view text) {
    const auto first = std::min(text.find_first_not_of(" \t"), text.size());
    text.remove_prefix(first);
    const auto last = text.find_last_not_of(" \t");
    return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

// "q=0", "q=0.0" and the like: not wanted.
bool is_refused(std::string_view parameters) {
    const auto q = parameters.find("q=");
    if (q == std::string_view::npos) return false;
    const std::string_view weight = trimmed(parameters.substr(q + 2));
    return !weight.empty() && weight.find_first_not_of("0.") == std::string_view::npos;
}

bool takes(std::string_view accept_encoding, std::string_view wanted) {
    while (!accept_encoding.empty()) {
        const std::string_view item = accept_encoding.substr(0, accept_encoding.find(','));
        accept_encoding.remove_prefix(std::min(accept_encoding.size(), item.size() + 1));
        const auto semicolon = std::min(item.find(';'), item.size());
        const std::string_view name = trimmed(item.substr(0, semicolon));
        if (same_letters(name, wanted)) return !is_refused(item.substr(semicolon));
    }
    return false;
}

}  // namespace

Encoding best_encoding(std::string_view accept_encoding) {
    if (takes(accept_encoding, "br")) return Encoding::brotli;
    return takes(accept_encoding, "gzip") ? Encoding::gzip : Encoding::identity;
}

}  // namespace penstock::plugins::console

#include "broker/base/nearest.h"

#include <algorithm>
#include <numeric>

namespace penstock {

namespace {

// Levenshtein distance, in one row.
std::size_t changes(std::string_view left, std::string_view right) {
    std::vector<std::size_t> row(right.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= left.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= right.size(); ++j) {
            const std::size_t above = row[j];
            const std::size_t changed = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
            row[j] = std::min({above + 1, row[j - 1] + 1, changed});
            diagonal = above;
        }
    }
    return row[right.size()];
}

}  // namespace

std::string_view nearest(std::string_view name,
                         const std::vector<std::string_view>& known,
                         std::size_t changes_max) {
    std::string_view best;
    std::size_t best_changes = changes_max + 1;
    for (const std::string_view candidate : known) {
        const std::size_t apart = changes(name, candidate);
        if (apart >= best_changes) continue;
        best = candidate;
        best_changes = apart;
    }
    return best;
}

}  // namespace penstock

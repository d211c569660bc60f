#include "sinks/worker/line_splitter.h"

#include <algorithm>

namespace penstock::sinks::worker {

void LineSplitter::add(std::string_view part) {
    const std::size_t room = bytes_max_ - std::min(bytes_max_, begun_.size());
    begun_.append(part.substr(0, room));
}

void LineSplitter::put(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        if (end == std::string_view::npos) return add(bytes);
        add(bytes.substr(0, end));
        bytes.remove_prefix(end + 1);
        finish();
    }
}

void LineSplitter::finish() {
    if (!begun_.empty() && begun_.back() == '\r') begun_.pop_back();
    if (!begun_.empty()) line_(begun_);
    begun_.clear();
}

}  // namespace penstock::sinks::worker

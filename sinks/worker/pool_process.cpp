#include "sinks/worker/pool_process.h"

#include <algorithm>

namespace penstock::sinks::worker {

void PoolProcess::output(std::string_view stream, std::string_view line) {
    tail_.append(line);
    tail_.push_back('\n');
    tail_total_ += line.size() + 1;
    // Cut seldom: a move of the whole tail for each line would be most of the work.
    if (tail_.size() > 4 * model::attempt_log_bytes_max) {
        tail_.erase(0, tail_.size() - model::attempt_log_bytes_max);
    }
    owner_.on_line(*this, stream, 0, line);
}

std::string PoolProcess::tail_since(std::uint64_t begin) const {
    const std::size_t wanted = std::min<std::uint64_t>(
        {tail_total_ - begin, tail_.size(), std::uint64_t{model::attempt_log_bytes_max}});
    return tail_.substr(tail_.size() - wanted);
}

}  // namespace penstock::sinks::worker

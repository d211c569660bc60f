#include "dispatcher/breaker.h"

#include "broker/base/hash.h"

#include <algorithm>

namespace penstock::dispatcher {

bool Breaker::lets_through(std::int64_t now_us) const {
    if (!open_) return true;
    return !probing_ && now_us >= until_us_;
}

bool Breaker::on_start(std::int64_t now_us) {
    if (!open_ || now_us < until_us_) return false;
    probing_ = true;
    return true;
}

bool Breaker::on_end(Sign sign, bool probe, std::int64_t now_us) {
    if (probe) {
        probing_ = false;
        if (sign == Sign::badly || sign == Sign::disconnected) {
            open_up(now_us);
            return true;
        }
        // What says nothing leaves the next probe to the next message.
        if (sign == Sign::none) return false;
        open_ = false;
        closed_us_ = now_us;
        samples_.clear();
        bad_ = 0;
        disconnected_ = 0;
        return false;
    }
    // Attempts that began before it opened say nothing new.
    if (open_ || sign == Sign::none) return false;
    sample(sign, now_us);
    if (!tripped()) return false;
    if (now_us - closed_us_ >= limits_.steady_us) openings_ = 0;
    open_up(now_us);
    return true;
}

void Breaker::sample(Sign sign, std::int64_t now_us) {
    const bool bad = sign != Sign::well;
    disconnected_ = sign == Sign::disconnected ? disconnected_ + 1 : 0;
    samples_.emplace_back(now_us, bad);
    bad_ += bad ? 1 : 0;
    while (samples_.size() > limits_.samples_most ||
           samples_.front().first < now_us - limits_.sample_us_max) {
        bad_ -= samples_.front().second ? 1 : 0;
        samples_.pop_front();
    }
}

bool Breaker::tripped() const {
    if (disconnected_ >= limits_.connections_failed_max) return true;
    return samples_.size() >= limits_.samples_least && 2 * bad_ >= samples_.size();
}

void Breaker::open_up(std::int64_t now_us) {
    constexpr unsigned doublings_max = 9;
    const std::int64_t pause_us =
        std::min(limits_.open_us_most, limits_.open_us_first << std::min(openings_, doublings_max));
    ++openings_;
    // Breakers of one host that open together do not probe it together.
    const std::uint64_t spread = static_cast<std::uint64_t>(pause_us) * 2 / 5;
    const std::uint64_t jitter = spread == 0 ? 0 : mix64(seed_ ^ openings_) % spread;
    open_ = true;
    until_us_ = now_us + pause_us * 4 / 5 + static_cast<std::int64_t>(jitter);
}

}  // namespace penstock::dispatcher

#include "broker/replication/transport/complaints.h"

#include <chrono>
#include <cstdlib>

namespace penstock::replication::transport {

namespace {

constexpr std::size_t clocks_max = 256;
constexpr std::int64_t line_pause_us = std::chrono::microseconds(std::chrono::seconds(10)).count();

}  // namespace

void Complaints::say(std::size_t kind, LogLevel level, const std::string& line) {
    Limit& limit = limits_[kind];
    const std::int64_t now_us = clock_.steady_us();
    if (limit.said_us != 0 && now_us - limit.said_us < line_pause_us) {
        ++limit.unsaid;
        return;
    }
    const std::string unsaid =
        limit.unsaid == 0 ? std::string() : " unsaid=" + std::to_string(limit.unsaid);
    limit = {now_us, 0};
    log_line(level, "replication/transport", line + unsaid);
}

void Complaints::refuse(const Refused& refused, const std::string& whom) {
    const auto reason = static_cast<std::size_t>(refused.reason);
    ++statistics_.refusals[reason];
    say(first_refusal + reason,
        LogLevel::warn,
        "event=peer_refused reason=" + std::string(refusal_name(refused.reason)) + " from=" + whom +
            " detail=" + refused.detail);
}

void Complaints::refused_by(const std::string& whom, const std::string& why) {
    ++statistics_.refused_by_peers;
    say(by_peer, LogLevel::warn, "event=refused_by_peer peer=" + whom + " detail=" + why);
}

void Complaints::clock(model::NodeId whom, std::int64_t difference_ms) {
    const bool off = std::llabs(difference_ms) > clock_difference_ms_max;
    if (clocks_.size() >= clocks_max && !clocks_.contains(whom)) clocks_.clear();
    PeerClock& known = clocks_[whom];
    const std::int64_t now_us = clock_.steady_us();
    const bool just_said = known.said_us != 0 && now_us - known.said_us < line_pause_us;
    if (off == known.off || just_said) return;
    known = {off, now_us};
    if (off) ++statistics_.clock_warnings;
    log_line(off ? LogLevel::warn : LogLevel::info,
             "replication/transport",
             "event=peer_clock node=" + std::to_string(whom.value) +
                 " difference_ms=" + std::to_string(difference_ms) +
                 (off ? " detail=the clocks of two nodes are more than a minute apart"
                      : " detail=the clocks of two nodes agree again"));
}

void Complaints::failed(const std::string& what) {
    say(failure, LogLevel::error, "event=connection_failed detail=" + what);
}

}  // namespace penstock::replication::transport

#include "plugins/listener/callers.h"

#include "broker/base/log.h"

#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>

#include <algorithm>
#include <utility>

namespace penstock::plugins {

namespace {

constexpr std::int64_t quiet_us = 60'000'000;
constexpr double s_per_minute = 60;
constexpr std::ptrdiff_t bytes_of_64_bits = 8;

asio::ip::address_v6 as_v6(const asio::ip::address& address) {
    if (address.is_v6()) return address.to_v6();
    return asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4());
}

// Whoever has one address of IPv6 has its /64.
AddressBytes caller_of(const asio::ip::address_v6& address) {
    AddressBytes bytes = address.to_bytes();
    if (!address.is_v4_mapped()) std::fill(bytes.begin() + bytes_of_64_bits, bytes.end(), 0);
    return bytes;
}

std::string text_of(const AddressBytes& caller) {
    const asio::ip::address_v6 address(caller);
    if (!address.is_v4_mapped()) return address.to_string() + "/64";
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address).to_string();
}

// A limit of 0 is none: such a bucket is not asked.
double at_least_one(std::size_t limit) {
    return static_cast<double>(std::max<std::size_t>(limit, 1));
}

}  // namespace

Callers::Caller::Caller(const CallerLimits& limits)
    : handshake_rate(at_least_one(limits.handshakes_per_second),
                     at_least_one(limits.handshakes_per_second)),
      slow(at_least_one(limits.slow_per_minute) / s_per_minute,
           at_least_one(limits.slow_per_minute)) {}

// A forgotten caller is as a new one.
bool Callers::idle(const Caller& caller, std::int64_t now_us) {
    return caller.connections == 0 && caller.handshake_rate.full(now_us) &&
           caller.slow.full(now_us) && caller.quiet_until_us <= now_us;
}

Callers::Limit Callers::exceeded(const Caller& caller, bool tls, std::int64_t now_us) const {
    const auto reached = [](std::size_t have, std::size_t most) {
        return most > 0 && have >= most;
    };
    if (reached(caller.connections, limits_.connections_max)) return Limit::connections;
    if (limits_.slow_per_minute > 0 && !caller.slow.has_one(now_us)) return Limit::slow;
    if (!tls) return Limit::none;
    if (reached(caller.handshakes, limits_.handshakes_max)) return Limit::handshakes;
    const bool limited = limits_.handshakes_per_second > 0;
    return limited && !caller.handshake_rate.has_one(now_us) ? Limit::handshake_rate : Limit::none;
}

Callers::Admission Callers::enter(const asio::ip::address& address, bool tls) {
    const asio::ip::address_v6 v6 = as_v6(address);
    if (limits_.exempt.contains(v6.to_bytes())) return {};
    Admission admission;
    admission.visit.caller = caller_of(v6);
    const std::int64_t now_us = clock_.steady_us();
    const std::lock_guard lock(mutex_);
    Caller& caller = find(admission.visit.caller, now_us);
    admission.exceeded = exceeded(caller, tls, now_us);
    if (admission.exceeded != Limit::none) {
        refuse(admission.visit.caller, caller, admission.exceeded, now_us);
        return admission;
    }
    admission.visit.counted = true;
    ++caller.connections;
    if (tls) {
        admission.visit.handshaking = true;
        ++caller.handshakes;
        caller.handshake_rate.take(1, now_us);
    }
    return admission;
}

Callers::Caller& Callers::find(const AddressBytes& caller, std::int64_t now_us) {
    const auto found = callers_.find(caller);
    if (found != callers_.end()) return found->second;
    if (callers_.size() >= remembered_max) make_room(now_us);
    return callers_.emplace(caller, Caller(limits_)).first->second;
}

// At worst what is forgotten is how much somebody who is gone had taken.
void Callers::make_room(std::int64_t now_us) {
    std::erase_if(callers_, [&](const auto& one) { return idle(one.second, now_us); });
    if (callers_.size() < remembered_max) return;
    std::erase_if(callers_, [](const auto& one) { return one.second.connections == 0; });
}

void Callers::refuse(const AddressBytes& who, Caller& caller, Limit limit, std::int64_t now_us) {
    ++refused_[static_cast<std::size_t>(limit)];
    ++caller.untold;
    if (now_us < caller.quiet_until_us || !lines_.has_one(now_us)) return;
    lines_.take(1, now_us);
    caller.quiet_until_us = now_us + quiet_us;
    log_line(LogLevel::warn,
             "listener",
             "event=caller_refused listener=" + listener_ + " address=" + text_of(who) +
                 " limit=" + std::string(limit_names[static_cast<std::size_t>(limit)]) +
                 " connections=" + std::to_string(caller.connections) +
                 " refused=" + std::to_string(std::exchange(caller.untold, 0)));
}

void Callers::greeted(Visit& visit) {
    if (!std::exchange(visit.handshaking, false)) return;
    const std::lock_guard lock(mutex_);
    --callers_.at(visit.caller).handshakes;
}

// No debt: once what it held open has run out, it is heard again within seconds.
void Callers::slow(const Visit& visit) {
    const std::int64_t now_us = clock_.steady_us();
    const std::lock_guard lock(mutex_);
    ++slow_;
    if (!visit.counted) return;
    Caller& caller = callers_.at(visit.caller);
    if (caller.slow.has_one(now_us)) caller.slow.take(1, now_us);
}

void Callers::left(Visit& visit) {
    greeted(visit);
    if (!std::exchange(visit.counted, false)) return;
    const std::int64_t now_us = clock_.steady_us();
    const std::lock_guard lock(mutex_);
    const auto found = callers_.find(visit.caller);
    --found->second.connections;
    if (idle(found->second, now_us)) callers_.erase(found);
}

void Callers::measure(model::Metrics& metrics) const {
    const std::lock_guard lock(mutex_);
    for (std::size_t at = 1; at < refused_.size(); ++at) {
        metrics.counter("penstock_listener_callers_refused",
                        "Connections that were refused because their address had too much.",
                        refused_[at],
                        {{"listener", listener_}, {"limit", std::string(limit_names[at])}});
    }
    metrics.counter("penstock_listener_slow_requests",
                    "Handshakes and requests that were not whole in time.",
                    slow_,
                    {{"listener", listener_}});
    metrics.gauge("penstock_listener_callers",
                  "Addresses that are counted: connected, or a moment ago.",
                  static_cast<double>(callers_.size()),
                  {{"listener", listener_}});
}

}  // namespace penstock::plugins

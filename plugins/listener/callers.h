// Callers: who is connected from where, so that no address takes what is there for all. One IPv4
// address, or one /64 of IPv6, is one caller: connections, TLS handshakes under way and begun,
// requests that never end. Who has too many is refused before anything is done for it, and told of
// in the log once a minute. Owned by an Acceptor; any thread; nothing fails.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/networks.h"
#include "broker/base/short_lock.h"
#include "broker/base/token_bucket.h"
#include "broker/model/metric.h"
#include "plugins/listener/limits.h"

#include <boost/asio/ip/address.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace penstock::plugins {

namespace asio = boost::asio;

class Callers {
  public:
    // What a caller has too much of.
    enum class Limit : std::uint8_t { none, connections, handshakes, handshake_rate, slow };
    static constexpr std::array<std::string_view, 5> limit_names{
        "none", "connections", "handshakes", "handshake_rate", "slow"};

    // One connection, as it is counted. Of an exempt address nothing is.
    struct Visit {
        AddressBytes caller{};
        bool counted = false;
        bool handshaking = false;
    };

    struct Admission {
        Limit exceeded = Limit::none;
        Visit visit;  // with Limit::none
    };

    // Callers that are remembered, beyond those that are connected: idle ones make way.
    static constexpr std::size_t remembered_max = 16'384;

    // `clock` outlives it; `listener` stands in what is logged.
    Callers(const CallerLimits& limits, const Clock& clock)
        : limits_(limits), clock_(clock), lines_(log_lines_per_s, log_lines_at_once) {}

    void call_it(std::string listener) { listener_ = std::move(listener); }  // before enter()

    // A connection was accepted; with `tls` its handshake begins.
    Admission enter(const asio::ip::address& address, bool tls);

    void greeted(Visit& visit);     // its handshake is over
    void slow(const Visit& visit);  // it let the time for its handshake or request pass
    void left(Visit& visit);        // it is closed

    // Refused connections by limit, slow ones, and callers remembered, with the label `listener`.
    void measure(model::Metrics& metrics) const;

  private:
    // All callers together: a flood from everywhere does not fill the log.
    static constexpr double log_lines_per_s = 1;
    static constexpr double log_lines_at_once = 10;

    struct Caller {
        explicit Caller(const CallerLimits& limits);

        std::size_t connections = 0;
        std::size_t handshakes = 0;  // under way
        TokenBucket handshake_rate;
        TokenBucket slow;
        std::uint64_t untold = 0;         // refusals since the last line
        std::int64_t quiet_until_us = 0;  // no line before
    };

    using Book = std::map<AddressBytes, Caller>;

    [[nodiscard]] Limit exceeded(const Caller& caller, bool tls, std::int64_t now_us) const;
    Caller& find(const AddressBytes& caller, std::int64_t now_us);
    void make_room(std::int64_t now_us);
    void refuse(const AddressBytes& who, Caller& caller, Limit limit, std::int64_t now_us);
    [[nodiscard]] static bool idle(const Caller& caller, std::int64_t now_us);

    const CallerLimits limits_;
    const Clock& clock_;
    std::string listener_;
    mutable ShortLock mutex_;  // of what follows
    Book callers_;
    TokenBucket lines_;
    std::array<std::uint64_t, limit_names.size()> refused_{};
    std::uint64_t slow_ = 0;
};

}  // namespace penstock::plugins

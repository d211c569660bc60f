#include "broker/replication/transport/certificate_watch.h"

#include "broker/base/log.h"
#include "broker/replication/transport/peer_tls.h"

#include <chrono>
#include <utility>

namespace penstock::replication::transport {

namespace {

constexpr std::int64_t day_us = 86'400'000'000;

}  // namespace

CertificateWatch::Stamps CertificateWatch::stamps() const {
    const TlsPeersOptions& options = world_.options;
    return {
        stamp_of(options.ca_file), stamp_of(options.certificate_file), stamp_of(options.key_file)};
}

Result<void> CertificateWatch::load() {
    // Before they are read: what is written meanwhile is looked at again.
    seen_ = stamps();
    loaded_us_ = looked_us_ = world_.clock.steady_us();
    auto tls = make_tls(world_.options, world_.clock);
    if (!tls) return tls.error();
    // Connections that stand hold on to the one they were made with.
    world_.tls.emplace(std::move(*tls));
    return {};
}

void CertificateWatch::tick(std::int64_t now_us) {
    const std::chrono::microseconds period = world_.limits().certificates;
    if (!world_.tls || now_us < looked_us_ + period.count()) return;
    looked_us_ = now_us;
    const bool renewed = stamps() != seen_;
    if (!renewed && now_us < loaded_us_ + day_us) return;
    const auto loaded = load();
    if (!loaded) {
        log_line(LogLevel::error,
                 "replication/transport",
                 "event=certificate_refused detail=" + loaded.error().detail +
                     "; the one in use stays in use");
    } else if (renewed) {
        log_line(LogLevel::info,
                 "replication/transport",
                 "event=certificate_renewed file=" + world_.options.certificate_file);
    }
}

}  // namespace penstock::replication::transport

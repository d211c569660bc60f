// CertificateWatch: takes renewed TLS files of a node into use for the connections that follow, and
// says every day that a certificate is near its end. Files that cannot be used change nothing.
// Owned by TlsPeers, on its thread.
#pragma once

#include "broker/base/file_stamp.h"
#include "broker/replication/transport/surroundings.h"

#include <array>
#include <cstdint>

namespace penstock::replication::transport {

class CertificateWatch {
  public:
    explicit CertificateWatch(Surroundings& world) : world_(world) {}

    // The files as they are now, into `world.tls`. Error{invalid}: as make_tls().
    Result<void> load();

    // Now and then, at monotonic time `now_us`. Nothing without TLS.
    void tick(std::int64_t now_us);

  private:
    using Stamps = std::array<FileStamp, 3>;

    [[nodiscard]] Stamps stamps() const;

    Surroundings& world_;
    Stamps seen_;
    std::int64_t looked_us_ = 0;
    std::int64_t loaded_us_ = 0;
};

}  // namespace penstock::replication::transport

// ServerTls: the certificate and key that the server's listeners show, whatever their protocol, and
// how they speak TLS: Mozilla's "intermediate" (1.2 and 1.3, ciphers with forward secrecy only).
// Files that change are read again within two seconds, or at once by refresh(); files that
// cannot be used are told in the log, and what was in use stays in use.
//
// Owned by main, outlives the listeners; destroyed when the context it watches on has stopped.
// context() and ends_ms() from any thread; the rest on the thread of watch()'s context. Only open()
// fails: a file that is missing or no PEM, a key that belongs to another certificate, a certificate
// that has ended or not begun.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/file_stamp.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace penstock::plugins {

namespace asio = boost::asio;

struct TlsFiles {
    std::string certificate;  // PEM, the chain from the server's own on
    std::string key;          // PEM
};

class ServerTls {
  public:
    // `clock` outlives it.
    static Result<std::unique_ptr<ServerTls>> open(TlsFiles files, const Clock& clock);

    // For one new connection; those that are open keep theirs.
    [[nodiscard]] std::shared_ptr<asio::ssl::context> context() const;

    // When the certificate in use ends, Unix time.
    [[nodiscard]] std::int64_t ends_ms() const { return ends_ms_.load(); }

    // Looks at the files every two seconds from now on.
    void watch(asio::io_context& context);

    // Reads the files now, changed or not.
    void refresh();

    struct Loaded {
        std::shared_ptr<asio::ssl::context> context;
        std::int64_t ends_ms = 0;
    };

    ServerTls(TlsFiles files, const Clock& clock, Loaded loaded);  // of open()

  private:
    using Stamps = std::array<FileStamp, 2>;

    [[nodiscard]] Stamps stamps() const;
    void use(Loaded loaded);
    void arm();
    void look();

    const TlsFiles files_;
    const Clock& clock_;
    Stamps seen_;
    std::atomic<std::shared_ptr<asio::ssl::context>> context_;
    std::atomic<std::int64_t> ends_ms_{0};
    std::optional<asio::steady_timer> timer_;
};

}  // namespace penstock::plugins

// Certificates as users give them: PEM, taken apart strictly and put together anew, so that nothing
// but certificates is kept where certificates are meant, whatever else their file held. A value
// with one owner; any thread. Errors are invalid, in words that go behind a field's name.
#pragma once

#include "broker/base/error.h"
#include "broker/model/ids.h"

#include <openssl/x509.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::plugins::native {

inline constexpr std::size_t authorities_max = 16;  // that vouch for one endpoint
inline constexpr std::size_t chain_max = 8;         // a client certificate and its issuers

class Certificates {
  public:
    struct Facts {
        std::string subject;  // as of RFC 2253: "CN=shop,O=Example"
        model::TimeMs ends_ms = 0;
    };

    // Those that vouch for an endpoint, of which one at least has not ended at `now_ms`.
    static Result<Certificates> authorities(std::string_view pem, model::TimeMs now_ms);

    // One that is shown, not ended at `now_ms`, and its issuers behind it.
    static Result<Certificates> chain(std::string_view pem, model::TimeMs now_ms);

    // The key of the first one, as PEM and nothing else; it must not ask for a passphrase, and it
    // and the certificate must be as strong as TLS here wants them.
    [[nodiscard]] Result<std::string> key_in(std::string_view pem) const;

    [[nodiscard]] std::string pem() const;

    [[nodiscard]] std::vector<Facts> facts() const;

    // Of PEM that was kept: what cannot be read is left out.
    static std::vector<Facts> facts_in(std::string_view pem);

  private:
    using One = std::unique_ptr<X509, decltype(&::X509_free)>;

    static Result<Certificates> read(std::string_view pem, std::size_t most);

    std::vector<One> all_;
};

}  // namespace penstock::plugins::native

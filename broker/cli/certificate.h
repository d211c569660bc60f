// Certificate: an X.509 certificate and its key, made on the spot (EC P-256, SHA-256) or read from
// PEM. A value with one owner; any thread. What OpenSSL refuses is an Error{io}: out of memory or
// of randomness, or PEM that is none.
#pragma once

#include "broker/base/error.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdint>
#include <memory>
#include <string>

namespace penstock::cli {

class Certificate {
  public:
    struct Life {
        std::int64_t from_s = 0;  // Unix time
        std::int64_t to_s = 0;
    };

    // An authority that signs itself and may sign nodes, nothing deeper.
    static Result<Certificate> authority(const std::string& common_name, Life life);

    static Result<Certificate> from_pem(const std::string& certificate, const std::string& key);

    // A certificate for both ends of a connection, with `dns_name` as its alternative name.
    [[nodiscard]] Result<Certificate> sign_node(const std::string& dns_name, Life life) const;

    [[nodiscard]] std::string certificate_pem() const;
    [[nodiscard]] std::string key_pem() const;
    [[nodiscard]] std::string common_name() const;
    [[nodiscard]] bool ends_after(std::int64_t time_s) const;

  private:
    using Key = std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)>;
    using Body = std::unique_ptr<X509, decltype(&::X509_free)>;

    Certificate(Key key, Body body) : key_(std::move(key)), body_(std::move(body)) {}

    static Result<Certificate> blank(const std::string& common_name, Life life);
    bool extend(const X509* issuer, int kind, const std::string& value);
    bool seal(const Certificate& issuer);

    Key key_;
    Body body_;
};

}  // namespace penstock::cli

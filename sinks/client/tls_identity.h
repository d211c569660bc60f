// TlsIdentity: whom the TLS connections of a request trust, and which certificate they show: the
// client's own, or what a request's URL names instead. Connections are kept by it, so that none is
// ever used for two of them. TlsIdentities makes those of one client and knows which there are.
// Used on the client's thread.
#pragma once

#include "broker/base/error.h"

#include <boost/asio/ssl/context.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace penstock::sinks::client {

struct ClientOptions;

// What differs from the client's own identity, as PEM; what is empty does not.
struct TlsTexts {
    std::string ca;            // who vouches for servers
    bool beside_ours = false;  // `ca` is trusted beside those of the client, not instead of them
    std::string chain;         // shown to servers that ask, the own certificate first; with `key`
    std::string key;           // without a passphrase
};

class TlsIdentity {
  public:
    explicit TlsIdentity(boost::asio::ssl::context context) : context_(std::move(context)) {}

    [[nodiscard]] boost::asio::ssl::context& context() { return context_; }

  private:
    boost::asio::ssl::context context_;
};

class TlsIdentities {
  public:
    // Error{invalid}: a file of the options cannot be used.
    static Result<TlsIdentities> make(const ClientOptions& options);

    // The client's own.
    [[nodiscard]] TlsIdentity& own() { return *own_; }

    // The one of these texts: the same for the same texts as long as anybody holds it. Certificates
    // of `ca` need not be roots. Error{unavailable}: OpenSSL does not take the texts, or too many
    // are in use.
    [[nodiscard]] Result<std::shared_ptr<TlsIdentity>> get(const TlsTexts& texts);

    // How many are in use beside the client's own.
    [[nodiscard]] std::size_t others() const;

  private:
    TlsIdentities(std::shared_ptr<TlsIdentity> own, std::size_t others_max)
        : own_(std::move(own)), others_max_(others_max) {}

    std::shared_ptr<TlsIdentity> own_;
    std::size_t others_max_;
    std::map<std::string, std::weak_ptr<TlsIdentity>> others_;  // by SHA-256 of their texts
};

}  // namespace penstock::sinks::client

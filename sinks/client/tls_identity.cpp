#include "sinks/client/tls_identity.h"

#include "broker/base/check.h"
#include "sinks/client/http_client.h"

#include <boost/asio/buffer.hpp>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <utility>

namespace penstock::sinks::client {
namespace {

namespace ssl = asio::ssl;
using Errors = boost::system::error_code;

// Some servers ask for a second handshake, to see a certificate for some paths only. One that asks
// again and again would keep our processor busy: there is no third.
void note_handshake(const SSL* tls, int where, int) {
    if ((where & SSL_CB_HANDSHAKE_DONE) == 0) return;
    auto* const noted = const_cast<SSL*>(tls);  // OpenSSL asks only by one that it may change
    if (::SSL_ctrl(noted, SSL_CTRL_GET_TOTAL_RENEGOTIATIONS, 0, nullptr) == 0) return;
    ::SSL_set_options(noted, SSL_OP_NO_RENEGOTIATION);
}

// 1.2 and 1.3. Sessions are not resumed: each connection proves anew who is at both of its ends.
ssl::context blank() {
    ssl::context tls(ssl::context::tls_client);
    tls.set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 |
                    ssl::context::no_tlsv1_1);
    ::SSL_CTX_set_info_callback(tls.native_handle(), note_handshake);
    SSL_CTX_set_session_cache_mode(tls.native_handle(), SSL_SESS_CACHE_OFF);
    return tls;
}

// The folder, not the bundle: certificates are read as they are needed, instead of all of them
// (some 100 ms) at the start of every command.
bool trust_system(ssl::context& tls) {
    return ::SSL_CTX_set_default_verify_dir(tls.native_handle()) == 1;
}

Result<ssl::context> make_own(const ClientOptions& options) {
    ssl::context tls = blank();
    if (!trust_system(tls)) return error(Errc::invalid, "the system's trust store cannot be used");
    Errors ec;
    if (!options.ca_file.empty()) tls.load_verify_file(options.ca_file, ec);
    if (ec) return error(Errc::invalid, "CA file " + options.ca_file + ": " + ec.message());
    if (options.client_cert.empty() && options.client_key.empty()) return tls;
    tls.use_certificate_chain_file(options.client_cert, ec);
    if (!ec) tls.use_private_key_file(options.client_key, ssl::context::pem, ec);
    if (!ec) return tls;
    return error(Errc::invalid,
                 "client certificate " + options.client_cert + " with key " + options.client_key +
                     ": " + ec.message());
}

// The certificates themselves; the system's folder is looked into anew.
bool trust_like(ssl::context& tls, SSL_CTX* own) {
    X509_STORE* to = ::SSL_CTX_get_cert_store(tls.native_handle());
    STACK_OF(X509_OBJECT)* objects = ::X509_STORE_get0_objects(::SSL_CTX_get_cert_store(own));
    for (int at = 0; at < sk_X509_OBJECT_num(objects); ++at) {
        X509* one = ::X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, at));
        if (one != nullptr && ::X509_STORE_add_cert(to, one) != 1) return false;
    }
    return trust_system(tls);
}

Errors choose_trust(ssl::context& tls, SSL_CTX* own, const TlsTexts& texts) {
    Errors ec;
    if (texts.ca.empty()) {
        ::SSL_CTX_set1_cert_store(tls.native_handle(), ::SSL_CTX_get_cert_store(own));
        return ec;
    }
    if (texts.beside_ours && !trust_like(tls, own)) {
        return Errors(static_cast<int>(::ERR_get_error()), asio::error::get_ssl_category());
    }
    tls.add_certificate_authority(asio::buffer(texts.ca), ec);
    ::X509_STORE_set_flags(::SSL_CTX_get_cert_store(tls.native_handle()),
                           X509_V_FLAG_PARTIAL_CHAIN);
    return ec;
}

Errors choose_certificate(ssl::context& tls, SSL_CTX* own, const TlsTexts& texts) {
    Errors ec;
    if (!texts.chain.empty()) {
        tls.use_certificate_chain(asio::buffer(texts.chain), ec);
        if (!ec) tls.use_private_key(asio::buffer(texts.key), ssl::context::pem, ec);
        return ec;
    }
    X509* shown = ::SSL_CTX_get0_certificate(own);
    if (shown == nullptr) return ec;
    STACK_OF(X509)* issuers = nullptr;
    SSL_CTX_get0_chain_certs(own, &issuers);
    if (::SSL_CTX_use_cert_and_key(
            tls.native_handle(), shown, ::SSL_CTX_get0_privatekey(own), issuers, 1) != 1) {
        ec.assign(static_cast<int>(::ERR_get_error()), asio::error::get_ssl_category());
    }
    return ec;
}

// What tells one from another without keeping the key a second time.
std::string fingerprint(const TlsTexts& texts) {
    std::string all;
    for (const std::string* text : {&texts.ca, &texts.chain, &texts.key}) {
        all += std::to_string(text->size()) + ':' + *text;
    }
    all += texts.beside_ours ? '+' : '=';
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    const int done =
        ::EVP_Digest(all.data(), all.size(), digest.data(), &length, ::EVP_sha256(), nullptr);
    ::OPENSSL_cleanse(all.data(), all.size());
    check(done == 1, "OpenSSL refuses SHA-256");
    return {reinterpret_cast<const char*>(digest.data()), length};
}

}  // namespace

Result<TlsIdentities> TlsIdentities::make(const ClientOptions& options) {
    auto own = make_own(options);
    if (!own) return own.error();
    return TlsIdentities(std::make_shared<TlsIdentity>(std::move(*own)), options.identities_max);
}

Result<std::shared_ptr<TlsIdentity>> TlsIdentities::get(const TlsTexts& texts) {
    std::string key = fingerprint(texts);
    const auto found = others_.find(key);
    if (found != others_.end()) {
        if (auto there = found->second.lock()) return there;
    }
    if (others_.size() >= others_max_) {
        std::erase_if(others_, [](const auto& other) { return other.second.expired(); });
    }
    if (others_.size() >= others_max_) {
        return error(
            Errc::unavailable,
            "certificates of " + std::to_string(others_max_) + " kinds are in use already");
    }
    SSL_CTX* own = own_->context().native_handle();
    ssl::context tls = blank();
    Errors ec = choose_trust(tls, own, texts);
    if (ec) return error(Errc::unavailable, "the CA cannot be used: " + ec.message());
    ec = choose_certificate(tls, own, texts);
    if (ec) {
        return error(Errc::unavailable, "the client certificate cannot be used: " + ec.message());
    }
    auto made = std::make_shared<TlsIdentity>(std::move(tls));
    others_[std::move(key)] = made;
    return made;
}

std::size_t TlsIdentities::others() const {
    return static_cast<std::size_t>(std::count_if(
        others_.begin(), others_.end(), [](const auto& other) { return !other.second.expired(); }));
}

}  // namespace penstock::sinks::client

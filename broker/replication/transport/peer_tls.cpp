#include "broker/replication/transport/peer_tls.h"

#include "broker/base/log.h"
#include "broker/model/peer_name.h"

#include <boost/asio/ssl/error.hpp>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace penstock::replication::transport {

namespace {

namespace ssl = boost::asio::ssl;
using Errors = boost::system::error_code;

constexpr int chain_depth_max = 4;
constexpr int alert_reasons = 1000;  // SSL_AD_REASON_OFFSET: reasons above it are the peer's alerts
constexpr int days_warned_of = 30;
constexpr int seconds_a_day = 86'400;

// The name must stand there in full, among the alternative names.
constexpr unsigned exact_name = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_WILDCARDS;

bool names(X509* certificate, const std::string& name) {
    return ::X509_check_host(certificate, name.data(), name.size(), exact_name, nullptr) == 1;
}

void warn_of_end(X509* certificate, const Clock& clock, const std::string& file) {
    const auto now = static_cast<time_t>(clock.wall_ms() / 1000);
    const std::unique_ptr<ASN1_TIME, decltype(&::ASN1_TIME_free)> today(
        ::ASN1_TIME_set(nullptr, now), ::ASN1_TIME_free);
    int days = 0;
    int seconds = 0;
    if (::ASN1_TIME_diff(&days, &seconds, today.get(), ::X509_get0_notAfter(certificate)) != 1)
        return;
    if (days >= days_warned_of) return;
    const bool over = days < 0 || seconds < 0;
    log_line(over ? LogLevel::error : LogLevel::warn,
             "replication/transport",
             "event=certificate_ends file=" + file + " days=" + std::to_string(days) +
                 " detail=" + (over ? "it has expired: no peer will accept it" : "renew it"));
}

Error unusable(const std::string& file, const Errors& failed) {
    return error(Errc::invalid, file + ": " + failed.message());
}

Errors load_files(ssl::context& context, const TlsPeersOptions& options, std::string& file) {
    Errors failed;
    file = options.ca_file;
    context.load_verify_file(file, failed);
    if (failed) return failed;
    file = options.certificate_file;
    context.use_certificate_chain_file(file, failed);
    if (failed) return failed;
    file = options.key_file;
    context.use_private_key_file(file, ssl::context::pem, failed);
    return failed;
}

}  // namespace

Result<ssl::context> make_tls(const TlsPeersOptions& options, const Clock& clock) {
    ssl::context context(ssl::context::tlsv13);
    std::string file;
    if (const Errors failed = load_files(context, options, file)) return unusable(file, failed);
    context.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
    context.set_verify_depth(chain_depth_max);
    SSL_CTX* native = context.native_handle();
    ::SSL_CTX_set_options(native, SSL_OP_NO_TICKET);
    ::SSL_CTX_set_num_tickets(native, 0);
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    X509* own = ::SSL_CTX_get0_certificate(native);
    const std::string name = model::peer_name(options.hello.node, options.hello.cluster);
    if (!names(own, name))
        return error(Errc::invalid,
                     options.certificate_file + " is not the certificate of " + name);
    warn_of_end(own, clock, options.certificate_file);
    return context;
}

Refused tls_refusal(SSL* session, const Errors& failed) {
    const long verified = ::SSL_get_verify_result(session);
    if (verified == X509_V_ERR_CERT_HAS_EXPIRED || verified == X509_V_ERR_CERT_NOT_YET_VALID)
        return {Refusal::expired, ::X509_verify_cert_error_string(verified)};
    if (verified != X509_V_OK)
        return {Refusal::untrusted, ::X509_verify_cert_error_string(verified)};
    const int reason = ERR_GET_REASON(static_cast<unsigned long>(failed.value()));
    const bool of_tls = failed.category() == boost::asio::error::get_ssl_category();
    if (of_tls && reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        return {Refusal::untrusted, "no certificate"};
    return {Refusal::tls_failed, failed.message()};
}

bool is_alert_of_peer(const Errors& failed) {
    return failed.category() == boost::asio::error::get_ssl_category() &&
           ERR_GET_REASON(static_cast<unsigned long>(failed.value())) > alert_reasons;
}

bool certificate_names(SSL* session, const std::string& name) {
    const std::unique_ptr<X509, decltype(&::X509_free)> certificate(
        ::SSL_get1_peer_certificate(session), ::X509_free);
    return certificate && names(certificate.get(), name);
}

}  // namespace penstock::replication::transport

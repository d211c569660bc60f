#include "plugins/listener/server_tls.h"

#include "broker/base/instant.h"
#include "broker/base/log.h"
#include "plugins/listener/asn1_time.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <chrono>
#include <utility>

namespace penstock::plugins {

namespace {

namespace ssl = asio::ssl;
using Errors = boost::system::error_code;

constexpr std::chrono::seconds look_period{2};
constexpr std::int64_t warned_of_ms = 30LL * 86'400'000;  // so long before the end

// Mozilla's server-side TLS guidelines 5.7, "intermediate"; 1.3 has OpenSSL's own three ciphers.
constexpr const char* ciphers_1_2 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305";
constexpr const char* curves = "X25519:P-256:P-384";

bool set_intermediate(SSL_CTX* native) {
    ::SSL_CTX_set_options(native, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
    // Resumption by ticket only: nothing is kept here for a caller that may not come again.
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION) == 1 &&
           ::SSL_CTX_set_cipher_list(native, ciphers_1_2) == 1 &&
           SSL_CTX_set1_curves_list(native, curves) == 1 && SSL_CTX_set_dh_auto(native, 1) == 1;
}

Error unusable(const std::string& file, const std::string& why) {
    return error(Errc::invalid, file + ": " + why);
}

bool is_mismatch(const Errors& failed) {
    const auto code = static_cast<unsigned long>(failed.value());
    return failed.category() == asio::error::get_ssl_category() &&
           ERR_GET_LIB(code) == ERR_LIB_X509 &&
           (ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH ||
            ERR_GET_REASON(code) == X509_R_KEY_TYPE_MISMATCH);
}

Result<ServerTls::Loaded> load(const TlsFiles& files, std::int64_t now_ms) {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    SSL_CTX* native = context->native_handle();
    if (!set_intermediate(native)) return unusable("tls", "OpenSSL refuses the ciphers");
    Errors failed;
    context->use_certificate_chain_file(files.certificate, failed);
    if (failed) return unusable(files.certificate, failed.message());
    context->use_private_key_file(files.key, ssl::context::pem, failed);
    if (is_mismatch(failed))
        return unusable(files.key, "is not the key of the certificate in " + files.certificate);
    if (failed) return unusable(files.key, failed.message());
    const X509* own = ::SSL_CTX_get0_certificate(native);
    const std::int64_t begins_ms = unix_ms(::X509_get0_notBefore(own));
    const std::int64_t ends_ms = unix_ms(::X509_get0_notAfter(own));
    if (ends_ms <= now_ms)
        return unusable(files.certificate,
                        "the certificate expired at " + format_instant(ends_ms) + "; renew it");
    if (begins_ms > now_ms)
        return unusable(files.certificate,
                        "the certificate is valid from " + format_instant(begins_ms) +
                            " only; is the clock right?");
    return ServerTls::Loaded{std::move(context), ends_ms};
}

}  // namespace

ServerTls::ServerTls(TlsFiles files, const Clock& clock, Loaded loaded)
    : files_(std::move(files)), clock_(clock), seen_(stamps()) {
    use(std::move(loaded));
}

Result<std::unique_ptr<ServerTls>> ServerTls::open(TlsFiles files, const Clock& clock) {
    auto loaded = load(files, clock.wall_ms());
    if (!loaded) return loaded.error();
    return std::make_unique<ServerTls>(std::move(files), clock, std::move(*loaded));
}

std::shared_ptr<ssl::context> ServerTls::context() const {
    return context_.load();
}

void ServerTls::use(Loaded loaded) {
    context_.store(std::move(loaded.context));
    ends_ms_.store(loaded.ends_ms);
    if (loaded.ends_ms - clock_.wall_ms() > warned_of_ms) return;
    log_line(LogLevel::warn,
             "listener",
             "event=certificate_ends file=" + files_.certificate +
                 " at=" + format_instant(loaded.ends_ms) + " detail=renew it");
}

ServerTls::Stamps ServerTls::stamps() const {
    return {stamp_of(files_.certificate), stamp_of(files_.key)};
}

void ServerTls::refresh() {
    // Before they are read: what is written meanwhile is looked at again.
    seen_ = stamps();
    auto loaded = load(files_, clock_.wall_ms());
    if (!loaded) {
        log_line(LogLevel::error,
                 "listener",
                 "event=certificate_refused detail=" + loaded.error().detail +
                     "; the one in use stays in use");
        return;
    }
    const std::int64_t ends_ms = loaded->ends_ms;
    use(std::move(*loaded));
    log_line(LogLevel::info,
             "listener",
             "event=certificate_renewed file=" + files_.certificate +
                 " ends=" + format_instant(ends_ms));
}

void ServerTls::watch(asio::io_context& context) {
    timer_.emplace(context);
    arm();
}

void ServerTls::arm() {
    timer_->expires_after(look_period);
    timer_->async_wait([this](const Errors& failed) {
        if (!failed) look();
    });
}

void ServerTls::look() {
    if (stamps() != seen_) refresh();
    arm();
}

}  // namespace penstock::plugins

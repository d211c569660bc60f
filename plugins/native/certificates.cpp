#include "plugins/native/certificates.h"

#include "broker/base/instant.h"
#include "plugins/listener/asn1_time.h"
#include "plugins/native/views.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <utility>

namespace penstock::plugins::native {

namespace {

using Bio = std::unique_ptr<BIO, decltype(&::BIO_free_all)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)>;

constexpr std::size_t subject_bytes_max = 256;

Bio reading(std::string_view text) {
    return {::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), ::BIO_free_all};
}

Bio writing() {
    return {::BIO_new(::BIO_s_mem()), ::BIO_free_all};
}

std::string text_of(const Bio& bio) {
    char* data = nullptr;
    const long length = ::BIO_ctrl(bio.get(), BIO_CTRL_INFO, 0, &data);
    return {data, static_cast<std::size_t>(std::max(length, 0L))};
}

Error invalid(std::string detail) {
    return error(Errc::invalid, std::move(detail));
}

// What OpenSSL complained of last; its list is empty afterwards.
std::string complaint() {
    const char* reason = ::ERR_reason_error_string(::ERR_peek_last_error());
    ::ERR_clear_error();
    return reason == nullptr ? "no reason given" : reason;
}

bool at_end() {
    const unsigned long last = ::ERR_peek_last_error();
    return ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
}

// Nobody is asked for a passphrase.
int no_passphrase(char* /*text*/, int /*size*/, int /*writing*/, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

Certificates::Facts facts_of(X509* one) {
    const Bio name = writing();
    ::X509_NAME_print_ex(name.get(),
                         ::X509_get_subject_name(one),
                         0,
                         XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
    return {readable(text_of(name).substr(0, subject_bytes_max)),
            unix_ms(::X509_get0_notAfter(one))};
}

// OpenSSL refuses what is too weak for its security level only when it is to be used.
bool is_usable(X509* certificate, EVP_PKEY* key) {
    const std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context(
        ::SSL_CTX_new(::TLS_client_method()), ::SSL_CTX_free);
    return context && ::SSL_CTX_use_certificate(context.get(), certificate) == 1 &&
           ::SSL_CTX_use_PrivateKey(context.get(), key) == 1;
}

}  // namespace

Result<Certificates> Certificates::read(std::string_view pem, std::size_t most) {
    Certificates made;
    const Bio bio = reading(pem);
    ::ERR_clear_error();
    for (;;) {
        One one(::PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), ::X509_free);
        if (!one && at_end()) break;
        if (!one) return invalid("holds a certificate that cannot be read: " + complaint() + ".");
        if (made.all_.size() == most) {
            return invalid("holds more than " + std::to_string(most) + " certificates.");
        }
        made.all_.push_back(std::move(one));
    }
    ::ERR_clear_error();
    if (!made.all_.empty()) return made;
    return invalid("holds no certificate in PEM (-----BEGIN CERTIFICATE-----).");
}

Result<Certificates> Certificates::authorities(std::string_view pem, model::TimeMs now_ms) {
    auto made = read(pem, authorities_max);
    if (!made) return made;
    const auto all = made->facts();
    const bool ended = std::all_of(
        all.begin(), all.end(), [&](const Facts& one) { return one.ends_ms <= now_ms; });
    if (!ended) return made;
    return invalid("ended: " + all.front().subject + " at " + format_instant(all.front().ends_ms) +
                   ".");
}

Result<Certificates> Certificates::chain(std::string_view pem, model::TimeMs now_ms) {
    auto made = read(pem, chain_max);
    if (!made) return made;
    const Facts own = facts_of(made->all_.front().get());
    if (own.ends_ms > now_ms) return made;
    return invalid("ended: " + own.subject + " at " + format_instant(own.ends_ms) + ".");
}

Result<std::string> Certificates::key_in(std::string_view pem) const {
    const Bio bio = reading(pem);
    bool asked = false;
    ::ERR_clear_error();
    const Key key(::PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &asked),
                  ::EVP_PKEY_free);
    if (asked) return invalid("asks for a passphrase: give the key without one.");
    if (!key) return invalid("holds no private key that can be read: " + complaint() + ".");
    if (::X509_check_private_key(all_.front().get(), key.get()) != 1) {
        ::ERR_clear_error();
        return invalid("is not the key of the first certificate in client_cert.");
    }
    if (!is_usable(all_.front().get(), key.get())) {
        return invalid("cannot be used with its certificate: " + complaint() + ".");
    }
    const Bio clean = writing();
    ::PEM_write_bio_PrivateKey(clean.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return text_of(clean);
}

std::string Certificates::pem() const {
    const Bio bio = writing();
    for (const One& one : all_) ::PEM_write_bio_X509(bio.get(), one.get());
    return text_of(bio);
}

std::vector<Certificates::Facts> Certificates::facts() const {
    std::vector<Facts> all;
    for (const One& one : all_) all.push_back(facts_of(one.get()));
    return all;
}

std::vector<Certificates::Facts> Certificates::facts_in(std::string_view pem) {
    const auto known = read(pem, authorities_max);
    return known ? known->facts() : std::vector<Facts>();
}

}  // namespace penstock::plugins::native

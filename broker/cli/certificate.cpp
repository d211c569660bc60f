#include "broker/cli/certificate.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <utility>

namespace penstock::cli {

namespace {

using Bio = std::unique_ptr<BIO, decltype(&::BIO_free_all)>;

constexpr int version_3 = 2;  // as X.509 counts
constexpr int serial_bits = 127;

Error failed(const std::string& what) {
    std::array<char, 256> reason{};
    ::ERR_error_string_n(::ERR_get_error(), reason.data(), reason.size());
    return error(Errc::io, what + ": " + reason.data());
}

Bio reading(const std::string& text) {
    return {::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), ::BIO_free_all};
}

std::string text_of(const Bio& bio) {
    char* data = nullptr;
    const long length = ::BIO_ctrl(bio.get(), BIO_CTRL_INFO, 0, &data);
    return {data, static_cast<std::size_t>(length)};
}

bool draw_serial(X509* body) {
    const std::unique_ptr<BIGNUM, decltype(&::BN_free)> number(::BN_new(), ::BN_free);
    return number &&
           ::BN_rand(number.get(), serial_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
           ::BN_to_ASN1_INTEGER(number.get(), ::X509_get_serialNumber(body)) != nullptr;
}

bool name_subject(X509* body, const std::string& common_name) {
    const auto* text = reinterpret_cast<const unsigned char*>(common_name.c_str());
    return ::X509_NAME_add_entry_by_txt(
               ::X509_get_subject_name(body), "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1;
}

}  // namespace

Result<Certificate> Certificate::blank(const std::string& common_name, Life life) {
    Key key(::EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), ::EVP_PKEY_free);
    Body body(::X509_new(), ::X509_free);
    const bool made = key && body && ::X509_set_version(body.get(), version_3) == 1 &&
                      draw_serial(body.get()) && name_subject(body.get(), common_name) &&
                      ::ASN1_TIME_set(::X509_getm_notBefore(body.get()), life.from_s) != nullptr &&
                      ::ASN1_TIME_set(::X509_getm_notAfter(body.get()), life.to_s) != nullptr &&
                      ::X509_set_pubkey(body.get(), key.get()) == 1;
    if (!made) return failed("a certificate cannot be made");
    return Certificate(std::move(key), std::move(body));
}

bool Certificate::extend(const X509* issuer, int kind, const std::string& value) {
    X509V3_CTX context{};
    X509V3_set_ctx(
        &context, const_cast<X509*>(issuer), body_.get(), nullptr, nullptr, X509V3_CTX_REPLACE);
    const std::unique_ptr<X509_EXTENSION, decltype(&::X509_EXTENSION_free)> extension(
        ::X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()), ::X509_EXTENSION_free);
    return extension && ::X509_add_ext(body_.get(), extension.get(), -1) == 1;
}

bool Certificate::seal(const Certificate& issuer) {
    return ::X509_set_issuer_name(body_.get(), ::X509_get_subject_name(issuer.body_.get())) == 1 &&
           ::X509_sign(body_.get(), issuer.key_.get(), ::EVP_sha256()) > 0;
}

Result<Certificate> Certificate::authority(const std::string& common_name, Life life) {
    auto made = blank(common_name, life);
    if (!made) return made;
    Certificate& own = made.value();
    const bool whole =
        own.extend(own.body_.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        own.extend(own.body_.get(), NID_key_usage, "critical,keyCertSign,cRLSign") &&
        own.extend(own.body_.get(), NID_subject_key_identifier, "hash") && own.seal(own);
    if (!whole) return failed("the authority cannot be made");
    return made;
}

Result<Certificate> Certificate::sign_node(const std::string& dns_name, Life life) const {
    auto made = blank(dns_name, life);
    if (!made) return made;
    Certificate& node = made.value();
    const X509* issuer = body_.get();
    const bool whole = node.extend(issuer, NID_basic_constraints, "critical,CA:FALSE") &&
                       node.extend(issuer, NID_key_usage, "critical,digitalSignature") &&
                       node.extend(issuer, NID_ext_key_usage, "serverAuth,clientAuth") &&
                       node.extend(issuer, NID_subject_alt_name, "DNS:" + dns_name) &&
                       node.extend(issuer, NID_subject_key_identifier, "hash") &&
                       node.extend(issuer, NID_authority_key_identifier, "keyid") &&
                       node.seal(*this);
    if (!whole) return failed("the certificate of " + dns_name + " cannot be made");
    return made;
}

Result<Certificate> Certificate::from_pem(const std::string& certificate, const std::string& key) {
    const Bio certificate_text = reading(certificate);
    const Bio key_text = reading(key);
    Body body(::PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr), ::X509_free);
    if (!body) return failed("no certificate in PEM");
    Key pair(::PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr), ::EVP_PKEY_free);
    if (!pair) return failed("no key in PEM");
    if (::X509_check_private_key(body.get(), pair.get()) != 1)
        return failed("key and certificate do not belong together");
    return Certificate(std::move(pair), std::move(body));
}

std::string Certificate::certificate_pem() const {
    const Bio bio(::BIO_new(::BIO_s_mem()), ::BIO_free_all);
    ::PEM_write_bio_X509(bio.get(), body_.get());
    return text_of(bio);
}

std::string Certificate::key_pem() const {
    const Bio bio(::BIO_new(::BIO_s_mem()), ::BIO_free_all);
    ::PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return text_of(bio);
}

std::string Certificate::common_name() const {
    std::array<char, 256> text{};
    const int length = ::X509_NAME_get_text_by_NID(::X509_get_subject_name(body_.get()),
                                                   NID_commonName,
                                                   text.data(),
                                                   static_cast<int>(text.size()));
    return length < 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(length));
}

bool Certificate::ends_after(std::int64_t time_s) const {
    time_t time = time_s;
    return ::X509_cmp_time(::X509_get0_notAfter(body_.get()), &time) > 0;
}

}  // namespace penstock::cli

// TlsIdentity: keys and certificates made on the spot: an authority of the test's own and servers
// it vouches for. PEM texts. Nothing is kept on disk unless the test writes it.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <utility>

namespace penstock::testing {

class TlsIdentity {
  public:
    // An authority that signs itself.
    static TlsIdentity authority(const std::string& name) {
        TlsIdentity made;
        made.certificate_ = made.blank(name, 3'600);
        made.extend(NID_basic_constraints, "critical,CA:TRUE");
        made.seal(made);
        return made;
    }

    // A server known as `names` ("DNS:localhost,IP:127.0.0.1"), signed by this authority. A
    // negative life makes it expired.
    [[nodiscard]] TlsIdentity server(const std::string& names, long life_s = 3'600) const {
        TlsIdentity made;
        made.be_server(*this, names, life_s);
        return made;
    }

    // With a key that is too short for today: RSA of 1024 bits.
    [[nodiscard]] TlsIdentity weak_server(const std::string& names) const {
        TlsIdentity made;
        made.key_.reset(::EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{1'024}));
        made.be_server(*this, names, 3'600);
        return made;
    }

    [[nodiscard]] std::string certificate_pem() const { return pem_of(certificate_.get()); }

    static std::string pem_of(X509* certificate) {
        const Bio bio(::BIO_new(::BIO_s_mem()), ::BIO_free_all);
        ::PEM_write_bio_X509(bio.get(), certificate);
        return text_of(bio);
    }

    // `passphrase`: which opens it; empty: none does.
    [[nodiscard]] std::string key_pem(const std::string& passphrase = {}) const {
        const Bio bio(::BIO_new(::BIO_s_mem()), ::BIO_free_all);
        const EVP_CIPHER* cipher = passphrase.empty() ? nullptr : ::EVP_aes_256_cbc();
        ::PEM_write_bio_PKCS8PrivateKey(bio.get(),
                                        key_.get(),
                                        cipher,
                                        passphrase.data(),
                                        static_cast<int>(passphrase.size()),
                                        nullptr,
                                        nullptr);
        return text_of(bio);
    }

  private:
    using Key = std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)>;
    using Certificate = std::unique_ptr<X509, decltype(&::X509_free)>;
    using Bio = std::unique_ptr<BIO, decltype(&::BIO_free_all)>;

    TlsIdentity()
        : key_(::EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), ::EVP_PKEY_free),
          certificate_(nullptr, ::X509_free) {}

    [[nodiscard]] Certificate blank(const std::string& name, long life_s) const {
        Certificate made(::X509_new(), ::X509_free);
        ::X509_set_version(made.get(), 2);
        ::ASN1_INTEGER_set(::X509_get_serialNumber(made.get()), life_s + 10'000);
        ::X509_gmtime_adj(::X509_getm_notBefore(made.get()), -7'200);
        ::X509_gmtime_adj(::X509_getm_notAfter(made.get()), life_s);
        ::X509_set_pubkey(made.get(), key_.get());
        const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
        X509_NAME* subject = ::X509_get_subject_name(made.get());
        ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, text, -1, -1, 0);
        return made;
    }

    void be_server(const TlsIdentity& issuer, const std::string& names, long life_s) {
        certificate_ = blank("server", life_s);
        extend(NID_subject_alt_name, names);
        seal(issuer);
    }

    void extend(int kind, const std::string& value) {
        X509_EXTENSION* extension = ::X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
        ::X509_add_ext(certificate_.get(), extension, -1);
        ::X509_EXTENSION_free(extension);
    }

    void seal(const TlsIdentity& issuer) {
        ::X509_set_issuer_name(certificate_.get(),
                               ::X509_get_subject_name(issuer.certificate_.get()));
        ::X509_sign(certificate_.get(), issuer.key_.get(), ::EVP_sha256());
    }

    static std::string text_of(const Bio& bio) {
        char* data = nullptr;
        const long length = ::BIO_ctrl(bio.get(), BIO_CTRL_INFO, 0, &data);
        return {data, static_cast<std::size_t>(length)};
    }

    Key key_;
    Certificate certificate_;
};

}  // namespace penstock::testing

// Every way in does the same work for a key that nobody knows, one that comes with another secret
// and one that has ended: time tells nobody which keys there are. HMAC() and CRYPTO_memcmp() of
// this program count what they are asked for and hand it on to OpenSSL.
#include "broker/api/authorisation.h"
#include "broker/api/signature.h"
#include "broker/base/base64.h"
#include "plugins/cmq_http/authentication.h"
#include "plugins/cmq_http/cloud/signature.h"
#include "plugins/cmq_tcp/authentication.h"
#include "plugins/native/authentication.h"
#include "tests/api/keys_fixture.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include <string>
#include <vector>

namespace {

// Of each call: the bytes of the key and of what is signed, or those that are compared.
std::vector<std::size_t> asked_for;

template <class Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" unsigned char* HMAC(const EVP_MD* digest,
                               const void* key,
                               int key_bytes,
                               const unsigned char* data,
                               std::size_t data_bytes,
                               unsigned char* out,
                               unsigned int* out_bytes) {
    asked_for.push_back(static_cast<std::size_t>(key_bytes));
    asked_for.push_back(data_bytes);
    static const auto real = next<decltype(HMAC)>("HMAC");
    return real(digest, key, key_bytes, data, data_bytes, out, out_bytes);
}

extern "C" int CRYPTO_memcmp(const void* left, const void* right, std::size_t bytes) {
    asked_for.push_back(bytes);
    static const auto real = next<decltype(CRYPTO_memcmp)>("CRYPTO_memcmp");
    return real(left, right, bytes);
}

namespace penstock::plugins {
namespace {

constexpr std::int64_t now_s = 1'700'000'000;
// Of one length, and with the same number of bytes in common.
constexpr const char* known_id = "AKIDknown";
constexpr const char* ended_id = "AKIDended";
constexpr const char* lost_id = "AKIDlost1";  // its account is gone
constexpr const char* unknown_id = "AKIDother";

class RefusalWork : public api::KeysFixture {
  protected:
    RefusalWork() {
        keep(known_id, 0, {});
        keep(ended_id, clock.wall_ms() - 1, {});
        keep(lost_id, 0, "acme");
    }

    void keep(const std::string& key_id, model::TimeMs ends_ms, const std::string& account) {
        api::KeyView view{key_id, {model::Role::publisher, {}}, {}, 1, ends_ms, account};
        view.account_number = account.empty() ? 0 : 1;
        const std::string secret(api::nobodys_secret.size(), 's');
        store.kept[key_id] = {key_id, *seal_credential(box, {secret, view}), false};
    }

    // What a refusal asks OpenSSL for, once the key has been opened.
    template <class Refused>
    static std::vector<std::size_t> work_of(const Refused& refused) {
        EXPECT_TRUE(refused());
        asked_for.clear();
        EXPECT_TRUE(refused());
        return asked_for;
    }

    // `refused` says whether a key is refused, whose id it gets.
    template <class Refused>
    void compare(const Refused& refused) {
        const auto wrong = work_of([&] { return refused(std::string(known_id)); });
        EXPECT_FALSE(wrong.empty()) << "nothing is counted";
        for (const char* key_id : {unknown_id, ended_id, lost_id}) {
            EXPECT_EQ(work_of([&] { return refused(std::string(key_id)); }), wrong) << key_id;
        }
    }

    static HttpRequest request(const std::string& path, std::string body) {
        HttpRequest made;
        made.method = "POST";
        made.path = path;
        made.host = "127.0.0.1:7070";
        made.body = std::move(body);
        return made;
    }

    bool native_refuses(const std::string& authorization) {
        HttpRequest made = request("/v1/queues", "{}");
        made.headers.emplace_back("authorization", authorization);
        return !native::authenticate(broker, made, now_s * 1'000);
    }

    bool cmq_refuses(const std::string& path, const std::string& key_id) {
        const std::string form =
            "Action=SendMessage&Nonce=1&SecretId=" + key_id +
            "&SignatureMethod=HmacSHA256&Timestamp=1700000000&msgBody=@hello&queueName=orders"
            "&Signature=" +
            std::string(44, 'A');
        cmq::Parameters parameters;
        EXPECT_TRUE(parameters.parse(form).none());
        api::Principal principal;
        return !cmq::authenticate(request(path, form), parameters, {now_s, 300}, broker, principal)
                    .none();
    }

    api::AuthorisedBroker broker{store, ring};
};

TEST_F(RefusalWork, OfABearerKeyIsTheSameForEveryKey) {
    for (const std::size_t given : {0, 1, 63, 64, 65}) {
        const std::string secret(given, 'x');
        const auto refused = [&](const std::string& key_id) {
            return native_refuses("Bearer " + key_id + ":" + secret);
        };
        if (given == api::nobodys_secret.size()) {
            compare(refused);
            continue;
        }
        for (const char* key_id : {unknown_id, known_id, ended_id, lost_id}) {
            EXPECT_TRUE(work_of([&] { return refused(key_id); }).empty())
                << "the length alone tells: " << given;
        }
    }
}

TEST_F(RefusalWork, OfASignatureOfV1IsTheSameForEveryKey) {
    compare([&](const std::string& key_id) {
        return native_refuses("CMQ-HMAC-SHA256 KeyId=" + key_id +
                              ", Timestamp=1700000000, Signature=" + std::string(44, 'A'));
    });
}

TEST_F(RefusalWork, OfCmqIsTheSameForEveryKeyWhateverClientsAreKnownToLeaveOut) {
    for (const char* path : {"/v2/index.php", "/"}) {
        compare([&](const std::string& key_id) { return cmq_refuses(path, key_id); });
    }
}

TEST_F(RefusalWork, OfApi3IsTheSameForEveryKey) {
    compare([&](const std::string& key_id) {
        HttpRequest made = request("/", "{}");
        made.headers.emplace_back("authorization",
                                  "TC3-HMAC-SHA256 Credential=" + key_id +
                                      "/2023-11-14/tdmq/tc3_request, "
                                      "SignedHeaders=content-type;host, Signature=" +
                                      std::string(64, 'a'));
        made.headers.emplace_back("content-type", "application/json");
        made.headers.emplace_back("x-tc-timestamp", std::to_string(now_s));
        api::Principal principal;
        return !cmq::cloud::authenticate(made, now_s, true, broker, principal).none();
    });
}

TEST_F(RefusalWork, OfCmqOverTcpIsTheSameForEveryKey) {
    const std::string signature(28, 'A');
    compare([&](const std::string& key_id) {
        api::Principal principal;
        const cmq_tcp::Authenticate claim{key_id, signature, "127.0.0.1@test", "HmacSHA1"};
        return !cmq_tcp::authenticate(claim, broker, principal).none();
    });
}

}  // namespace
}  // namespace penstock::plugins

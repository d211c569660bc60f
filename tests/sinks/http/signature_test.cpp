#include "sinks/http/signature.h"

#include "broker/base/base64.h"
#include "sinks/http/credentials.h"
#include "sinks/http/push_request.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock::sinks::http {
namespace {

const api::KeyBox& box() {
    static const api::KeyBox made(std::string(api::KeyBox::key_bytes, 'k'));
    return made;
}

model::SigningKey key(model::SignatureKind kind,
                      const std::string& secret,
                      model::TimeMs until_ms = 0) {
    model::SigningKey made;
    made.kind = kind;
    made.sealed = *box().seal(secret, "orders/billing");
    made.until_ms = until_ms;
    return made;
}

model::SigningKey example_key(model::TimeMs until_ms = 0) {
    return key(
        model::SignatureKind::hmac, *decode_base64("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), until_ms);
}

std::string headers(const std::vector<model::SigningKey>& keys) {
    const auto signer = WebhookSigner::make(keys, box(), "orders/billing");
    std::string out;
    if (signer) {
        signer->append_headers(
            out, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1'614'265'330'999, R"({"test": 2432232314})");
    }
    return out;
}

constexpr const char* example_signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

// The example of the Standard Webhooks libraries.
TEST(WebhookSigner, HmacIsTheSpecificationsExample) {
    EXPECT_EQ(headers({example_key()}),
              std::string("\r\nwebhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek"
                          "\r\nwebhook-timestamp: 1614265330"
                          "\r\nwebhook-signature: ") +
                  example_signature);
}

// RFC 8032, 7.1, test 1 gives the key; the signature was made with another implementation.
TEST(WebhookSigner, Ed25519SignsTheSameBytes) {
    const std::string secret = *decode_base64("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=");
    EXPECT_EQ(
        headers({key(model::SignatureKind::ed25519, secret)})
            .substr(std::string("\r\nwebhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek"
                                "\r\nwebhook-timestamp: 1614265330")
                        .size()),
        "\r\nwebhook-signature: "
        "v1a,"
        "fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsle0zV9jSeGlHFG2NVAw==");
}

TEST(WebhookSigner, WhileKeysOverlapEverySignatureIsSent) {
    const std::string both =
        headers({key(model::SignatureKind::hmac, "new"), example_key(1'614'265'331'000)});
    EXPECT_TRUE(both.ends_with(std::string(" ") + example_signature));
    EXPECT_NE(both.find("webhook-signature: v1,"), std::string::npos);
    const std::string ended =
        headers({key(model::SignatureKind::hmac, "new"), example_key(1'614'265'330'999)});
    EXPECT_EQ(ended.find(example_signature), std::string::npos);
}

TEST(WebhookSigner, WithoutKeysNothingIsSigned) {
    EXPECT_EQ(headers({}), "");
}

TEST(WebhookSigner, AKeyOfAnotherSubscriptionDoesNotOpen) {
    EXPECT_FALSE(WebhookSigner::make({example_key()}, box(), "orders/other"));
}

TEST(CredentialsTest, HeadersAndAuthorizationAreOpened) {
    model::PushSpec push;
    push.headers = {{"x-api-key", *box().seal("k\r\nEvil: 1", "a/b")}};
    push.authorization.kind = model::PushAuthorization::Kind::basic;
    push.authorization.name = "Aladdin";
    push.authorization.sealed = *box().seal("open sesame", "a/b");
    EXPECT_EQ(Credentials::make(push, box(), "a/b")->headers(),
              "\r\nx-api-key: k??Evil: 1"
              "\r\nauthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    push.headers.clear();
    push.authorization.kind = model::PushAuthorization::Kind::bearer;
    EXPECT_EQ(Credentials::make(push, box(), "a/b")->headers(),
              "\r\nauthorization: Bearer open sesame");
    EXPECT_FALSE(Credentials::make(push, box(), "a/c"));
}

// What is signed is what is sent, whatever the format.
TEST(PushRequestSigned, TheBodyThatIsSentIsSignedAtTheTimeOfTheAttempt) {
    api::Target target;
    target.topic = "orders";
    target.name = "billing";
    target.spec.endpoint = "http://example.com/";
    target.spec.push.signing_keys = {example_key()};
    api::Delivery delivery;
    delivery.message = model::MessageId(42);
    delivery.payload = "hello";
    for (const auto format :
         {model::ContentFormat::simplified, model::ContentFormat::cloudevents_structured}) {
        target.spec.format = format;
        const auto request = PushRequest::make(target, {1}, &box());
        ASSERT_TRUE(request);
        const client::Outgoing out = request->fill(delivery, 7, 1'700'000'000'000);
        const std::string text = out.head + std::string(out.body);
        const std::string body = text.substr(text.find("\r\n\r\n") + 4);
        const auto signer =
            WebhookSigner::make(target.spec.push.signing_keys, box(), "orders/billing");
        std::string expected;
        signer->append_headers(expected, "42", 1'700'000'000'000, body);
        EXPECT_NE(text.find(expected + "\r\n\r\n"), std::string::npos);
    }
}

TEST(PushRequestSigned, WithoutTheKeyThereIsNoRequest) {
    api::Target target;
    target.topic = "orders";
    target.name = "billing";
    target.spec.endpoint = "http://example.com/";
    target.spec.push.signing_keys = {example_key()};
    EXPECT_FALSE(PushRequest::make(target, {1}));
    const api::KeyBox other(std::string(api::KeyBox::key_bytes, 'o'));
    const auto request = PushRequest::make(target, {1}, &other);
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().code, Errc::unavailable);
}

}  // namespace
}  // namespace penstock::sinks::http

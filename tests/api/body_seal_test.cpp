#include "broker/api/body_seal.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace penstock::api {
namespace {

DataKey data_key(char letter = 'k') {
    return {std::string(aes_key_bytes, letter), std::string("wrapped ") + letter, 7};
}

model::NewMessage message_of(std::string payload) {
    model::NewMessage message;
    message.meta.tags = {"red"};
    message.payload = std::move(payload);
    return message;
}

model::NewMessage sealed(std::string payload, const DataKey& key = data_key()) {
    SeededRandom random(1);
    model::NewMessage message = message_of(std::move(payload));
    seal_payload(message, "acme", model::ObjectNo{42}, key, random);
    return message;
}

TEST(DataKeySecret, StandsInMemoryThatIsNotDumpedAndIsWiped) {
    // False only says that it cannot be locked: machines differ.
    (void)protect_data_keys();
    ASSERT_EQ(::CRYPTO_secure_malloc_initialized(), 1);
    {
        const DataKey key = data_key();
        EXPECT_EQ(key.secret(), std::string(aes_key_bytes, 'k'));
        EXPECT_EQ(::CRYPTO_secure_allocated(key.secret().data()), 1);
        EXPECT_EQ(::CRYPTO_secure_used(), aes_key_bytes);
    }
    EXPECT_EQ(::CRYPTO_secure_used(), 0U);
    {
        // More than there is room for go elsewhere.
        constexpr std::size_t room_keys = (4U << 20) / aes_key_bytes;
        std::vector<std::unique_ptr<DataKey>> keys;
        for (std::size_t at = 0; at < room_keys + 2; ++at) {
            keys.push_back(std::make_unique<DataKey>(std::string(aes_key_bytes, 'k'), "w", 7));
        }
        EXPECT_EQ(::CRYPTO_secure_allocated(keys.back()->secret().data()), 0);
        EXPECT_EQ(keys.back()->secret(), std::string(aes_key_bytes, 'k'));
        // OpenSSL's own keys are there too: without room for them no handshake is possible.
        void* others = ::OPENSSL_secure_malloc(64U << 10);
        EXPECT_EQ(::CRYPTO_secure_allocated(others), 1);
        ::OPENSSL_secure_free(others);
    }
    EXPECT_EQ(::CRYPTO_secure_malloc_done(), 1) << "all of it was given back";
}

TEST(BodySeal, WhatWasSealedComesBack) {
    const DataKey key = data_key();
    for (const std::string& payload :
         {std::string(), std::string("hush"), std::string(1 << 20, 'x')}) {
        const model::NewMessage message = sealed(payload);
        ASSERT_TRUE(message.packing && message.packing->seal);
        EXPECT_EQ(message.payload.size(), payload.size() + aes_tag_bytes);
        EXPECT_EQ(message.packing->plain_bytes, payload.size());
        EXPECT_EQ(message.packing->seal->account, "acme");
        EXPECT_EQ(message.packing->seal->object, model::ObjectNo{42});
        EXPECT_EQ(message.packing->seal->key_version, 7U);
        EXPECT_EQ(message.packing->seal->wrapped_key, "wrapped k");
        const auto opened = open_payload(*message.packing, message.payload, &key);
        ASSERT_TRUE(opened);
        EXPECT_EQ(*opened, payload);
    }
}

// Made with other libraries: HKDF-Expand (RFC 5869) and AES-GCM of Python's cryptography.
TEST(BodySeal, IsStoredAsItsGoldenBytes) {
    const DataKey key = data_key();
    model::Packing packing;
    packing.plain_bytes = 4;
    packing.seal = model::Seal{"acme", model::ObjectNo{42}, 7, "0123456789abcdef", "wrapped k"};
    const std::string golden(
        "\x25\x22\x72\x97\x1c\xf0\x14\xc3\x0b\x08"
        "\xec\x2b\x79\x3c\x53\x75\x3c\x12\x05\x4f",
        20);
    const auto opened = open_payload(packing, golden, &key);
    ASSERT_TRUE(opened);
    EXPECT_EQ(*opened, "hush");
}

TEST(BodySeal, NoTwoSealsAreAlikeAndNoneShowsThePayload) {
    SeededRandom random(1);
    const DataKey key = data_key();
    model::NewMessage one = message_of("a canary sang here");
    model::NewMessage two = message_of("a canary sang here");
    seal_payload(one, "", model::ObjectNo{1}, key, random);
    seal_payload(two, "", model::ObjectNo{1}, key, random);
    EXPECT_NE(one.payload, two.payload);
    EXPECT_NE(one.packing->seal->nonce, two.packing->seal->nonce);
    EXPECT_EQ(model::encode_body(one).find("canary"), std::string::npos);
}

TEST(BodySeal, EveryChangeOfItsContextIsSeen) {
    const DataKey key = data_key();
    const model::NewMessage whole = sealed("hush");
    const std::vector<std::function<void(model::Packing&)>> changes{
        [](model::Packing& packing) { packing.codec = model::Codec::zstd; },
        [](model::Packing& packing) { ++packing.plain_bytes; },
        [](model::Packing& packing) { packing.seal->account = "other"; },
        [](model::Packing& packing) { packing.seal->object = model::ObjectNo{43}; },
        [](model::Packing& packing) { ++packing.seal->key_version; },
        [](model::Packing& packing) { packing.seal->nonce.back() ^= 1; },
        [](model::Packing& packing) { packing.seal->wrapped_key += "x"; },
    };
    for (std::size_t at = 0; at < changes.size(); ++at) {
        model::Packing packing = *whole.packing;
        changes[at](packing);
        const auto opened = open_payload(packing, whole.payload, &key);
        ASSERT_FALSE(opened) << at;
        EXPECT_EQ(opened.error().code, Errc::damaged) << at;
    }
}

TEST(BodySeal, EveryChangedByteIsSeenAndSoIsAnotherKey) {
    const DataKey key = data_key();
    const DataKey other = data_key('l');
    const model::NewMessage whole = sealed("hush");
    for (std::size_t at = 0; at < whole.payload.size(); ++at) {
        std::string changed = whole.payload;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        EXPECT_FALSE(open_payload(*whole.packing, changed, &key)) << at;
        EXPECT_FALSE(open_payload(*whole.packing, whole.payload.substr(0, at), &key)) << at;
    }
    EXPECT_FALSE(open_payload(*whole.packing, whole.payload, &other));
}

TEST(Compression, IsForWhatIsLargeAndGetsAnEighthSmaller) {
    model::NewMessage small = message_of(std::string(compress_over_bytes, 'x'));
    compress_payload(small);
    EXPECT_FALSE(small.packing);
    model::NewMessage random_bytes = message_of(SeededRandom(3).fill(4'096));
    compress_payload(random_bytes);
    EXPECT_FALSE(random_bytes.packing);
    EXPECT_EQ(random_bytes.payload, SeededRandom(3).fill(4'096));
    // Four fifths of it cannot be made smaller: it saves more than an eighth. Nine tenths: less.
    model::NewMessage worth_it = message_of(SeededRandom(3).fill(8'000) + std::string(2'000, 'x'));
    compress_payload(worth_it);
    ASSERT_TRUE(worth_it.packing);
    EXPECT_EQ(worth_it.packing->codec, model::Codec::zstd);
    EXPECT_EQ(worth_it.packing->plain_bytes, 10'000U);
    EXPECT_FALSE(worth_it.packing->seal);
    model::NewMessage not_worth_it =
        message_of(SeededRandom(3).fill(9'000) + std::string(1'000, 'x'));
    compress_payload(not_worth_it);
    EXPECT_FALSE(not_worth_it.packing);
}

TEST(Compression, ComesBackAloneAndUnderASeal) {
    const DataKey key = data_key();
    const std::string payload(100'000, 'x');
    model::NewMessage alone = message_of(payload);
    compress_payload(alone);
    ASSERT_TRUE(alone.packing);
    EXPECT_LT(alone.payload.size(), 1'000U);
    EXPECT_EQ(*open_payload(*alone.packing, alone.payload, nullptr), payload);
    SeededRandom random(1);
    model::NewMessage both = alone;
    seal_payload(both, "", model::ObjectNo{1}, key, random);
    EXPECT_EQ(both.packing->codec, model::Codec::zstd);
    EXPECT_EQ(both.packing->plain_bytes, payload.size());
    EXPECT_EQ(*open_payload(*both.packing, both.payload, &key), payload);
}

TEST(Compression, WhatDoesNotComeBackAsItSaysIsDamaged) {
    model::NewMessage message = message_of(std::string(100'000, 'x'));
    compress_payload(message);
    for (const std::uint32_t plain_bytes : {0U, 99'999U, 100'001U, plain_bytes_max + 1}) {
        model::Packing packing = *message.packing;
        packing.plain_bytes = plain_bytes;
        const auto opened = open_payload(packing, message.payload, nullptr);
        ASSERT_FALSE(opened) << plain_bytes;
        EXPECT_EQ(opened.error().code, Errc::damaged);
    }
    EXPECT_FALSE(open_payload(*message.packing, message.payload.substr(1), nullptr));
    EXPECT_FALSE(open_payload(*message.packing, "", nullptr));
    const model::Packing plain{model::Codec::none, 3, {}};
    EXPECT_FALSE(open_payload(plain, "four", nullptr));
}

TEST(SealedText, OpensWithItsKeyAndContextOnly) {
    SeededRandom random(1);
    const std::string key(aes_key_bytes, 'k');
    const std::string text = seal_text(key, "orders", "hush", random);
    EXPECT_EQ(open_text(key, "orders", text), "hush");
    EXPECT_FALSE(open_text(key, "others", text));
    EXPECT_FALSE(open_text(std::string(aes_key_bytes, 'l'), "orders", text));
    for (std::size_t length = 0; length < text.size(); ++length) {
        EXPECT_FALSE(open_text(key, "orders", text.substr(0, length))) << length;
    }
}

}  // namespace
}  // namespace penstock::api

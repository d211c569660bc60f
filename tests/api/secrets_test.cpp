#include "broker/api/secrets.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock::api {
namespace {

std::string key(char letter) {
    return std::string(KeyBox::key_bytes, letter);
}

TEST(KeyBox, WhatWasSealedOpensForItsOwner) {
    const KeyBox box(key('k'));
    for (const std::string& secret :
         {std::string(), std::string("hush"), std::string(5'000, 'x')}) {
        const auto sealed = box.seal(secret, "orders/billing");
        ASSERT_TRUE(sealed);
        EXPECT_EQ(sealed->size(), secret.size() + 37);
        const auto opened = KeyBox(key('k')).open(*sealed, "orders/billing");
        ASSERT_TRUE(opened);
        EXPECT_EQ(*opened, secret);
    }
}

TEST(KeyBox, TheSecretIsNotInWhatIsSealedAndNoTwoSealsAreAlike) {
    const KeyBox box(key('k'));
    const auto one = box.seal("a very long secret", "a/b");
    const auto two = box.seal("a very long secret", "a/b");
    EXPECT_EQ(one->find("long"), std::string::npos);
    EXPECT_NE(*one, *two);
}

TEST(KeyBox, ItOpensForNobodyElse) {
    const KeyBox box(key('k'));
    const auto sealed = box.seal("hush", "orders/billing");
    const auto opened = box.open(*sealed, "orders/other");
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::damaged);
}

TEST(KeyBox, EveryChangedByteIsSeen) {
    const KeyBox box(key('k'));
    const std::string sealed = *box.seal("hush", "a/b");
    for (std::size_t at = 0; at < sealed.size(); ++at) {
        std::string changed = sealed;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        EXPECT_FALSE(box.open(changed, "a/b")) << at;
        EXPECT_FALSE(box.open(sealed.substr(0, at), "a/b")) << at;
    }
}

TEST(KeyBox, AnotherKeyIsToldFromDamage) {
    const auto sealed = KeyBox(key('k')).seal("hush", "a/b");
    const auto opened = KeyBox(key('l')).open(*sealed, "a/b");
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::unavailable);
    EXPECT_EQ(opened.error().detail, "a secret was sealed with another key than this node has");
}

TEST(KeyBox, WithoutAKeyItSaysWhy) {
    const KeyBox box("", "give it one");
    const auto sealed = box.seal("hush", "a/b");
    ASSERT_FALSE(sealed);
    EXPECT_EQ(sealed.error().detail, "give it one");
    EXPECT_FALSE(box.open("anything", "a/b"));
}

}  // namespace
}  // namespace penstock::api

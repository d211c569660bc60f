#include "plugins/cmq_tcp/client/envelope.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock::plugins::cmq_tcp {
namespace {

Envelope envelope(const std::string& key_id = "team-7", char letter = 'k') {
    return *Envelope::make(key_id, std::string(Envelope::key_bytes, letter));
}

class EnvelopeTest : public ::testing::Test {
  protected:
    SeededRandom random{1};
};

TEST_F(EnvelopeTest, WhatOneClientSealsAnotherOpens) {
    for (const std::string& body :
         {std::string(), std::string("hush"), std::string(100'000, 'x')}) {
        const std::string sealed = envelope().seal(body, "orders", random);
        EXPECT_EQ(sealed.find("hush"), std::string::npos);
        EXPECT_EQ(Envelope::key_id_of(sealed), "team-7");
        const auto opened = envelope().open(sealed, "orders");
        ASSERT_TRUE(opened);
        EXPECT_EQ(*opened, body);
    }
    EXPECT_NE(envelope().seal("hush", "orders", random), envelope().seal("hush", "orders", random));
}

TEST_F(EnvelopeTest, ItOpensWithItsKeyAndContextOnly) {
    const std::string sealed = envelope().seal("hush", "orders", random);
    EXPECT_EQ(envelope().open(sealed, "others").error().code, Errc::damaged);
    EXPECT_EQ(envelope("team-7", 'l').open(sealed, "orders").error().code, Errc::damaged);
    const auto other = envelope("team-8").open(sealed, "orders");
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Errc::invalid);
    EXPECT_EQ(other.error().detail, "it is sealed with the key team-7");
}

TEST_F(EnvelopeTest, EveryChangeIsSeen) {
    const std::string sealed = envelope().seal("hush", "orders", random);
    for (std::size_t at = 0; at < sealed.size(); ++at) {
        std::string changed = sealed;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(envelope().open(changed, "orders")) << at;
        EXPECT_FALSE(envelope().open(sealed.substr(0, at), "orders")) << at;
    }
}

TEST_F(EnvelopeTest, WhatIsNoEnvelopeIsToldSo) {
    for (const std::string text : {"",
                                   "a body",
                                   "penstock-envelope-1.",
                                   "penstock-envelope-1.a",
                                   "penstock-envelope-1..aaaa",
                                   "penstock-envelope-2.a.aaaa"}) {
        EXPECT_FALSE(Envelope::key_id_of(text)) << text;
        EXPECT_EQ(envelope().open(text, "orders").error().code, Errc::invalid) << text;
    }
    EXPECT_FALSE(Envelope::make("", std::string(32, 'k')));
    EXPECT_FALSE(Envelope::make("a b", std::string(32, 'k')));
    EXPECT_FALSE(Envelope::make(std::string(65, 'a'), std::string(32, 'k')));
    EXPECT_FALSE(Envelope::make("a", std::string(31, 'k')));
}

}  // namespace
}  // namespace penstock::plugins::cmq_tcp

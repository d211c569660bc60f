#include "broker/base/networks.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>

namespace penstock {
namespace {

AddressBytes bytes_of(const std::string& address) {
    AddressBytes bytes{};
    const bool v4 = address.find(':') == std::string::npos;
    const std::string text = v4 ? "::ffff:" + address : address;
    EXPECT_EQ(::inet_pton(AF_INET6, text.c_str(), bytes.data()), 1) << address;
    return bytes;
}

bool contains(const std::string& networks, const std::string& address) {
    const auto parsed = Networks::parse(networks);
    EXPECT_TRUE(parsed.has_value()) << networks;
    return parsed && parsed->contains(bytes_of(address));
}

TEST(Networks, HoldTheAddressesOfTheirBits) {
    EXPECT_TRUE(contains("127.0.0.0/8, ::1", "127.200.0.1"));
    EXPECT_TRUE(contains("127.0.0.0/8, ::1", "::1"));
    EXPECT_FALSE(contains("127.0.0.0/8, ::1", "128.0.0.1"));
    EXPECT_FALSE(contains("127.0.0.0/8, ::1", "::2"));
    EXPECT_TRUE(contains("10.1.2.128/25", "10.1.2.255"));
    EXPECT_FALSE(contains("10.1.2.128/25", "10.1.2.127"));
    EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
    EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
    EXPECT_TRUE(contains("10.1.2.3", "10.1.2.3"));
    EXPECT_FALSE(contains("10.1.2.3", "10.1.2.2"));
    EXPECT_TRUE(contains("::ffff:10.1.2.3", "10.1.2.3"));
}

TEST(Networks, AZeroHoldsAllOfItsKind) {
    EXPECT_TRUE(contains("0.0.0.0/0", "8.8.8.8"));
    EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
    EXPECT_TRUE(contains("::/0", "2001:db8::1"));
    EXPECT_TRUE(contains("::/0", "8.8.8.8"));
}

TEST(Networks, ThereMayBeNone) {
    EXPECT_FALSE(contains("", "127.0.0.1"));
    EXPECT_FALSE(contains("  ", "127.0.0.1"));
}

TEST(Networks, WhatIsNoNetworkIsNamed) {
    for (const char* text : {"a",
                             "127.0.0.1/33",
                             "::1/129",
                             "127.0.0.1/",
                             "1.2.3.4,",
                             "1.2.3",
                             "1.2.3.4/8/8",
                             "1.2.3.4/-1",
                             ",",
                             "1.2.3.4 5.6.7.8"}) {
        EXPECT_FALSE(Networks::parse(text)) << text;
    }
    EXPECT_EQ(Networks::parse("::1, localhost").error().detail, "no address or network: localhost");
}

}  // namespace
}  // namespace penstock

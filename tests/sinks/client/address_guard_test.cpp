#include "sinks/client/address_guard.h"

#include <gtest/gtest.h>

namespace penstock::sinks::client {
namespace {

constexpr const char* closed[] = {
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.0.0.53",
    "127.255.255.255",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "2002:808:808::1",
    "2620:4f:8000::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
};

bool open_to_pushes(const char* address) {
    return allowed(AddressPolicy::public_only, boost::asio::ip::make_address(address));
}

TEST(AddressGuard, ClosesEveryAddressThatIsNotPublic) {
    for (const char* address : closed) EXPECT_FALSE(open_to_pushes(address)) << address;
}

TEST(AddressGuard, LetsPublicAddressesThrough) {
    for (const char* address : {"1.1.1.1",
                                "8.8.8.8",
                                "9.255.255.255",
                                "11.0.0.0",
                                "93.184.216.34",
                                "100.63.255.255",
                                "100.128.0.0",
                                "126.255.255.255",
                                "128.0.0.1",
                                "169.253.255.255",
                                "169.255.0.0",
                                "172.15.255.255",
                                "172.32.0.0",
                                "192.0.1.1",
                                "192.167.255.255",
                                "192.169.0.0",
                                "198.17.255.255",
                                "198.20.0.0",
                                "223.255.255.255",
                                "2001:200::1",
                                "2001:4860:4860::8888",
                                "2003::1",
                                "2606:4700:4700::1111",
                                "2a00:1450:4001::1"}) {
        EXPECT_TRUE(open_to_pushes(address)) << address;
    }
}

TEST(AddressGuard, TheOperatorMayOpenNetworks) {
    const Networks networks = *Networks::parse("10.20.0.0/16, fd12:3::/48, 127.0.0.1");
    const auto open = [&networks](const char* address) {
        return allowed(
            AddressPolicy::public_only, networks, boost::asio::ip::make_address(address));
    };
    for (const char* address :
         {"10.20.0.0", "10.20.255.255", "fd12:3::9", "127.0.0.1", "1.1.1.1", "::ffff:10.20.0.1"}) {
        EXPECT_TRUE(open(address)) << address;
    }
    for (const char* address : {"10.21.0.0",
                                "10.19.255.255",
                                "fd12:4::9",
                                "127.0.0.2",
                                "::1",
                                "::ffff:10.21.0.1",
                                "::ffff:1.1.1.1",
                                "169.254.169.254",
                                "64:ff9b::a14:1",
                                "2002:a14:1::1"}) {
        EXPECT_FALSE(open(address)) << address;
    }
}

TEST(AddressGuard, TheOperatorMayOpenEverything) {
    for (const char* address : {"127.0.0.1", "10.0.0.1", "::1", "169.254.169.254"}) {
        EXPECT_TRUE(allowed(AddressPolicy::any, boost::asio::ip::make_address(address)));
    }
}

}  // namespace
}  // namespace penstock::sinks::client

#include "sinks/client/address_guard.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace penstock::sinks::client {
namespace {

namespace ip = boost::asio::ip;
using Bytes6 = ip::address_v6::bytes_type;

struct Range4 {
    std::uint32_t first;
    unsigned bits;
};

constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) {
    return (a << 24) | (b << 16) | (c << 8) | d;
}

// IANA's IPv4 special-purpose registry, multicast and the reserved rest.
constexpr Range4 closed4[] = {
    {v4(0, 0, 0, 0), 8},        // this network; Linux takes 0.0.0.0 for loopback
    {v4(10, 0, 0, 0), 8},       // private
    {v4(100, 64, 0, 0), 10},    // carrier-grade NAT
    {v4(127, 0, 0, 0), 8},      // loopback
    {v4(169, 254, 0, 0), 16},   // link-local, cloud metadata
    {v4(172, 16, 0, 0), 12},    // private
    {v4(192, 0, 0, 0), 24},     // protocol assignments
    {v4(192, 0, 2, 0), 24},     // documentation
    {v4(192, 31, 196, 0), 24},  // AS112
    {v4(192, 52, 193, 0), 24},  // AMT
    {v4(192, 88, 99, 0), 24},   // 6to4 relays
    {v4(192, 168, 0, 0), 16},   // private
    {v4(192, 175, 48, 0), 24},  // AS112
    {v4(198, 18, 0, 0), 15},    // benchmarking
    {v4(198, 51, 100, 0), 24},  // documentation
    {v4(203, 0, 113, 0), 24},   // documentation
    {v4(224, 0, 0, 0), 4},      // multicast
    {v4(240, 0, 0, 0), 4},      // reserved, broadcast
};

bool public4(std::uint32_t address) {
    return std::none_of(std::begin(closed4), std::end(closed4), [address](const Range4& range) {
        return (address ^ range.first) >> (32 - range.bits) == 0;
    });
}

struct Range6 {
    std::array<std::uint8_t, 6> first;
    unsigned bits;
};

// Inside 2000::/3, the only part of IPv6 that is global unicast.
constexpr Range6 closed6[] = {
    {{0x20, 0x01, 0x00, 0x00, 0x00, 0x00}, 23},  // protocol assignments: Teredo, ORCHID, AMT
    {{0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00}, 32},  // documentation
    {{0x20, 0x02, 0x00, 0x00, 0x00, 0x00}, 16},  // 6to4: carries any IPv4 address
    {{0x26, 0x20, 0x00, 0x4f, 0x80, 0x00}, 48},  // AS112
    {{0x3f, 0xff, 0x00, 0x00, 0x00, 0x00}, 20},  // documentation
};

bool begins(const Bytes6& address, const Range6& range) {
    for (unsigned bit = 0; bit < range.bits; bit += 8) {
        const unsigned left = std::min(8U, range.bits - bit);
        const auto mask = static_cast<std::uint8_t>(0xFF00U >> left);
        if (((address[bit / 8] ^ range.first[bit / 8]) & mask) != 0) return false;
    }
    return true;
}

// Loopback, unspecified, v4-mapped and -compatible, NAT64, ULA, link- and site-local and multicast
// all lie outside 2000::/3. A v4-mapped address would reach the IPv4 one by an odd way: closed even
// when that one is public.
bool public6(const Bytes6& address) {
    if ((address[0] & 0xE0U) != 0x20U) return false;
    return std::none_of(std::begin(closed6), std::end(closed6), [&address](const Range6& range) {
        return begins(address, range);
    });
}

AddressBytes bytes_of(const ip::address& address) {
    if (address.is_v6()) return address.to_v6().to_bytes();
    return ip::make_address_v6(ip::v4_mapped, address.to_v4()).to_bytes();
}

}  // namespace

bool allowed(AddressPolicy policy, const ip::address& address) {
    if (policy == AddressPolicy::any) return true;
    if (address.is_v4()) return public4(address.to_v4().to_uint());
    return address.to_v6().scope_id() == 0 && public6(address.to_v6().to_bytes());
}

bool allowed(AddressPolicy policy, const Networks& besides, const ip::address& address) {
    return allowed(policy, address) || besides.contains(bytes_of(address));
}

}  // namespace penstock::sinks::client

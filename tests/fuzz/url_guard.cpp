// URLs of targets and the address guard, which is held against a plain list of the networks that
// IANA lists as not global.
#include "sinks/client/address_guard.h"
#include "sinks/client/url.h"
#include "tests/fuzz/target.h"

#include <algorithm>
#include <array>

namespace penstock::fuzz {
namespace {

using sinks::client::AddressPolicy;
namespace ip = boost::asio::ip;

constexpr const char* closed4[] = {"0.0.0.0/8",
                                   "10.0.0.0/8",
                                   "100.64.0.0/10",
                                   "127.0.0.0/8",
                                   "169.254.0.0/16",
                                   "172.16.0.0/12",
                                   "192.0.0.0/24",
                                   "192.0.2.0/24",
                                   "192.31.196.0/24",
                                   "192.52.193.0/24",
                                   "192.88.99.0/24",
                                   "192.168.0.0/16",
                                   "192.175.48.0/24",
                                   "198.18.0.0/15",
                                   "198.51.100.0/24",
                                   "203.0.113.0/24",
                                   "224.0.0.0/4",
                                   "240.0.0.0/4"};
constexpr const char* closed6[] = {
    "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"};

// Bit by bit, as slowly as it is plain.
template <std::size_t Bytes>
bool within(const std::array<unsigned char, Bytes>& address,
            const std::array<unsigned char, Bytes>& network,
            int bits) {
    for (int bit = 0; bit < bits; ++bit) {
        const int mask = 0x80 >> (bit % 8);
        if ((address[bit / 8] & mask) != (network[bit / 8] & mask)) return false;
    }
    return true;
}

int bits_of(std::string_view network) {
    return std::stoi(std::string(network.substr(network.find('/') + 1)));
}

std::string base_of(std::string_view network) {
    return std::string(network.substr(0, network.find('/')));
}

bool open4(const ip::address_v4::bytes_type& address) {
    return std::none_of(std::begin(closed4), std::end(closed4), [&](std::string_view network) {
        return within(address, ip::make_address_v4(base_of(network)).to_bytes(), bits_of(network));
    });
}

bool open6(const ip::address_v6::bytes_type& address) {
    if (!within(address, ip::make_address_v6("2000::").to_bytes(), 3)) return false;
    return std::none_of(std::begin(closed6), std::end(closed6), [&](std::string_view network) {
        return within(address, ip::make_address_v6(base_of(network)).to_bytes(), bits_of(network));
    });
}

void check_addresses(std::string_view bytes) {
    ip::address_v4::bytes_type four{};
    ip::address_v6::bytes_type sixteen{};
    std::copy_n(bytes.begin(), std::min(bytes.size(), four.size()), four.begin());
    std::copy_n(bytes.begin(), std::min(bytes.size(), sixteen.size()), sixteen.begin());
    check(allowed(AddressPolicy::public_only, ip::address_v4(four)) == open4(four), "IPv4");
    check(allowed(AddressPolicy::public_only, ip::address_v6(sixteen)) == open6(sixteen), "IPv6");
}

}  // namespace

void one_input(std::string_view bytes) {
    if (take_choice(bytes, 2) == 0) return check_addresses(bytes);
    const auto url = sinks::client::parse_url(bytes);
    if (!url) return;
    check(!url->host.empty() && url->port != 0, "a host and a port");
    check(url->target.starts_with('/'), "a target");
    const std::string head = url->target + url->authority;
    check(std::none_of(head.begin(), head.end(), [](char c) { return c <= ' ' || c == 0x7F; }),
          "nothing that ends a line or a word");
    const bool secure = url->scheme == sinks::client::Scheme::https;
    const auto again =
        sinks::client::parse_url((secure ? "https://" : "http://") + url->authority + url->target);
    check(again && *again == *url, "read again it is the same");
}

std::vector<std::string> seeds() {
    std::vector<std::string> all;
    for (const char* network : closed4) {
        const auto bytes = ip::make_address_v4(base_of(network)).to_bytes();
        all.push_back(chosen(0, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
    }
    for (const char* text : {"http://example.com:8080/a?b",
                             "https://[2001:db8::1]:1/",
                             "http://a",
                             "HTTP://A.B/%20?x=y",
                             "http://127.0.0.1:99999/",
                             "http://a@b/",
                             "http://%31/",
                             "http://[::1%25lo]/",
                             "http://a\\b/",
                             "http://a#b"}) {
        all.push_back(chosen(1, text));
    }
    return all;
}

}  // namespace penstock::fuzz

#include "broker/base/networks.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

namespace penstock {

namespace {

constexpr unsigned bits_of_ipv6 = 128;
constexpr unsigned mapped_bits = 96;  // ::ffff: before an IPv4 address

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

struct Address {
    AddressBytes bytes{};
    bool is_v4 = false;
};

std::optional<Address> parse_address(std::string_view text) {
    const std::string name(text);
    Address address;
    if (::inet_pton(AF_INET6, name.c_str(), address.bytes.data()) == 1) return address;
    address.bytes = {};
    address.bytes[10] = address.bytes[11] = 0xff;
    address.is_v4 = true;
    if (::inet_pton(AF_INET, name.c_str(), address.bytes.data() + mapped_bits / 8) == 1) {
        return address;
    }
    return std::nullopt;
}

std::optional<unsigned> parse_bits(std::string_view text, unsigned most) {
    unsigned bits = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), bits);
    if (code != std::errc() || end != text.data() + text.size() || bits > most) return std::nullopt;
    return bits;
}

}  // namespace

Result<Networks::Network> Networks::parse_one(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = parse_address(text.substr(0, slash));
    if (!address) return error(Errc::invalid, "no address or network: " + std::string(text));
    Network network{address->bytes, bits_of_ipv6};
    if (slash == std::string_view::npos) return network;
    const unsigned ahead = address->is_v4 ? mapped_bits : 0;
    const auto bits = parse_bits(text.substr(slash + 1), bits_of_ipv6 - ahead);
    if (!bits) return error(Errc::invalid, "no such network: " + std::string(text));
    network.bits = ahead + *bits;
    return network;
}

Result<Networks> Networks::parse(std::string_view text) {
    Networks networks;
    if (trimmed(text).empty()) return networks;
    while (true) {
        const auto comma = text.find(',');
        auto network = parse_one(trimmed(text.substr(0, comma)));
        if (!network) return network.error();
        networks.all_.push_back(*network);
        if (comma == std::string_view::npos) return networks;
        text.remove_prefix(comma + 1);
    }
}

bool Networks::contains(const AddressBytes& address) const {
    return std::any_of(all_.begin(), all_.end(), [&](const Network& network) {
        const std::size_t whole = network.bits / 8;
        if (!std::equal(address.begin(),
                        address.begin() + static_cast<std::ptrdiff_t>(whole),
                        network.first.begin())) {
            return false;
        }
        const unsigned rest = network.bits % 8;
        if (rest == 0) return true;
        const unsigned shift = 8 - rest;
        return address.at(whole) >> shift == network.first.at(whole) >> shift;
    });
}

}  // namespace penstock

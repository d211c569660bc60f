#include "broker/replication/transport/address.h"

#include <charconv>

namespace penstock::replication::transport {

std::optional<HostPort> split_address(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    HostPort address;
    address.host = text.substr(0, colon);
    const char* first = text.data() + colon + 1;
    const char* last = text.data() + text.size();
    const auto [end, code] = std::from_chars(first, last, address.port);
    if (code != std::errc() || end != last) return std::nullopt;
    const bool bracketed = address.host.size() > 2 && address.host.front() == '[';
    if (bracketed && address.host.back() == ']')
        address.host = address.host.substr(1, address.host.size() - 2);
    if (address.host.empty()) return std::nullopt;
    return address;
}

std::optional<boost::asio::ip::tcp::endpoint> literal_endpoint(const HostPort& address) {
    boost::system::error_code failed;
    const auto host = boost::asio::ip::make_address(address.host, failed);
    if (failed) return std::nullopt;
    return boost::asio::ip::tcp::endpoint(host, address.port);
}

std::string to_text(const boost::asio::ip::tcp::endpoint& endpoint) {
    const std::string host = endpoint.address().to_string();
    const std::string shown = endpoint.address().is_v6() ? "[" + host + "]" : host;
    return shown + ":" + std::to_string(endpoint.port());
}

}  // namespace penstock::replication::transport

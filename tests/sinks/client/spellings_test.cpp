// However a target is spelled: it is no URL, or a name, or judged by the address the system makes
// of it.
#include "tests/sinks/client/spellings.h"

#include "broker/base/clock.h"
#include "sinks/client/address_guard.h"
#include "sinks/client/resolver.h"
#include "sinks/client/url.h"
#include "tests/support/run_until.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace penstock::sinks::client {
namespace {

std::vector<std::string> words(std::string_view text) {
    std::istringstream stream{std::string(text)};
    return {std::istream_iterator<std::string>(stream), std::istream_iterator<std::string>()};
}

std::vector<std::string> urls_of(std::string_view hosts, std::string_view urls = {}) {
    std::vector<std::string> all;
    for (const std::string& host : words(hosts)) all.push_back("http://" + host + "/");
    for (std::string& url : words(urls)) all.push_back(std::move(url));
    return all;
}

class Spellings : public ::testing::Test {
  protected:
    // Every address of the target; none: it is no URL, or does not resolve.
    std::vector<boost::asio::ip::address> addresses_of(const std::string& text) {
        const Result<Url> url = parse_url(text);
        if (!url) return {};
        std::optional<Resolved> resolved;
        resolver_.resolve(url->host,
                          [&resolved](Resolved answer) { resolved = std::move(answer); });
        EXPECT_TRUE(testing::run_until(context_, [&]() { return resolved.has_value(); })) << text;
        return resolved ? resolved->addresses : std::vector<boost::asio::ip::address>{};
    }

    boost::asio::io_context context_{1};
    SystemClock clock_;
    PoolResolver resolver_{context_.get_executor(), clock_};
};

TEST_F(Spellings, OfAddressesThatAreNotPublicAreAllClosed) {
    std::vector<std::string> urls = urls_of(spellings::closed4, spellings::closed_urls);
    for (std::string& url : urls_of(spellings::closed6)) urls.push_back(std::move(url));
    EXPECT_GE(urls.size(), 190U);
    for (const std::string& url : urls) {
        const auto addresses = addresses_of(url);
        EXPECT_FALSE(addresses.empty()) << url;
        for (const auto& address : addresses) {
            EXPECT_FALSE(allowed(AddressPolicy::public_only, address))
                << url << " is " << address.to_string();
        }
    }
}

TEST_F(Spellings, OfPublicAddressesAreAllOpen) {
    const std::vector<std::string> urls = urls_of(spellings::open, spellings::open_urls);
    EXPECT_GE(urls.size(), 35U);
    for (const std::string& url : urls) {
        const auto addresses = addresses_of(url);
        EXPECT_FALSE(addresses.empty()) << url;
        for (const auto& address : addresses) {
            EXPECT_TRUE(allowed(AddressPolicy::public_only, address))
                << url << " is " << address.to_string();
        }
    }
}

TEST_F(Spellings, OfNamesThatLookLikeNumbersAreNames) {
    for (const std::string& host : words(spellings::named)) {
        const Result<Url> url = parse_url("http://" + host + "/");
        EXPECT_TRUE(url && url->host == host) << host;
        in_addr number{};
        EXPECT_EQ(::inet_aton(host.c_str(), &number), 0) << host;
    }
}

TEST_F(Spellings, ThatTwoReadersCouldReadTwoWaysAreNoTargets) {
    std::vector<std::string> urls = words(spellings::malformed);
    for (const std::string_view url : spellings::malformed_with_blanks) urls.emplace_back(url);
    EXPECT_GE(urls.size(), 110U);
    for (std::string& url : urls_of(spellings::misread_names)) urls.push_back(std::move(url));
    for (const std::string& url : urls) EXPECT_FALSE(parse_url(url)) << url;
}

}  // namespace
}  // namespace penstock::sinks::client

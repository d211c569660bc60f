#include "sinks/client/url.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock::sinks::client {
namespace {

struct Good {
    const char* text;
    Url url;
};

TEST(ParseUrl, TakesHttpAndHttpsApart) {
    const Good cases[] = {
        {"http://example.com", {Scheme::http, "example.com", 80, "/", "example.com"}},
        {"http://example.com/", {Scheme::http, "example.com", 80, "/", "example.com"}},
        {"HTTP://Example.COM/Path", {Scheme::http, "example.com", 80, "/Path", "example.com"}},
        {"https://example.com/a/b?c=d&e",
         {Scheme::https, "example.com", 443, "/a/b?c=d&e", "example.com"}},
        {"http://example.com?x=1", {Scheme::http, "example.com", 80, "/?x=1", "example.com"}},
        {"http://example.com:8080/x",
         {Scheme::http, "example.com", 8080, "/x", "example.com:8080"}},
        {"http://example.com:80/", {Scheme::http, "example.com", 80, "/", "example.com"}},
        {"https://example.com:80/", {Scheme::https, "example.com", 80, "/", "example.com:80"}},
        {"https://example.com:/", {Scheme::https, "example.com", 443, "/", "example.com"}},
        {"http://127.0.0.1:7070/v1", {Scheme::http, "127.0.0.1", 7070, "/v1", "127.0.0.1:7070"}},
        {"http://[::1]:9/", {Scheme::http, "::1", 9, "/", "[::1]:9"}},
        {"https://[2001:DB8::1]/", {Scheme::https, "2001:db8::1", 443, "/", "[2001:db8::1]"}},
        {"http://a_b.internal/%20x", {Scheme::http, "a_b.internal", 80, "/%20x", "a_b.internal"}},
        {"http://2130706433/", {Scheme::http, "2130706433", 80, "/", "2130706433"}},
    };
    for (const Good& good : cases) {
        const Result<Url> url = parse_url(good.text);
        ASSERT_TRUE(url) << good.text << ": " << url.error().detail;
        EXPECT_EQ(*url, good.url) << good.text;
    }
}

TEST(ParseUrl, RefusesWhatAPushMayNotUse) {
    const std::string nul("http://example.com/\0x", 21);
    const std::string cases[] = {
        "",
        "example.com",
        "/path",
        "//example.com/",
        "http:",
        "http:/",
        "http://",
        "http:///path",
        "http://:80/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "javascript:alert(1)",
        "unix:/run/x.sock",
        "http://user@example.com/",
        "http://user:secret@example.com/",
        "http://@example.com/",
        "http://example.com/#part",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://example.com:99999999999/",
        "http://example.com:-1/",
        "http://example.com:http/",
        "http://exa mple.com/",
        "http://example.com/a b",
        "http://example.com/\r\nHost: x",
        "http://example.com/\n",
        " http://example.com/",
        "http://example.com/ ",
        "http://ex%61mple.com/",
        "http://%31%32%37.0.0.1/",
        "http://example.com\\@evil.com/",
        "http://[::1/",
        "http://::1/",
        "http://[fe80::1%25eth0]/",
        "http://[v7.x]/",
        "http://exam!ple.com/",
        "http://b\xC3\xBC.de/",
        nul,
        "http://" + std::string(254, 'a') + "/",
        "http://example.com/" + std::string(2048, 'a'),
    };
    for (const std::string& text : cases) {
        const Result<Url> url = parse_url(text);
        ASSERT_FALSE(url) << text;
        EXPECT_EQ(url.error().code, Errc::invalid);
        EXPECT_TRUE(url.error().detail.starts_with("the URL ")) << url.error().detail;
    }
}

}  // namespace
}  // namespace penstock::sinks::client

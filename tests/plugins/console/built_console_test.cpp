// The console as it is served; only where the server is built with it.
#include "plugins/console/assets.h"
#include "tests/plugins/console/fixture.h"

#include <gmock/gmock.h>

#include <string>
#include <string_view>

namespace penstock::plugins {

namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class BuiltConsole : public Console {
  protected:
    // The path of the first file with this ending.
    static std::string path_of(std::string_view ending) {
        for (const auto& asset : console::assets()) {
            if (asset.path.ends_with(ending)) return std::string(asset.path);
        }
        return {};
    }
};

TEST_F(BuiltConsole, ThePageNamesItsFilesAndLetsNothingElseIn) {
    const auto response = ask(request("/"));
    EXPECT_EQ(response.status, 200U);
    EXPECT_EQ(response.content_type, "text/html; charset=utf-8");
    EXPECT_THAT(response.body, StartsWith("<!doctype html>"));
    for (const char* ending : {".js", ".css", ".svg"}) {
        EXPECT_THAT(response.body, HasSubstr("\"" + path_of(ending).substr(1) + "\""));
    }
    EXPECT_THAT(response.body, Not(HasSubstr("<script>")));
    EXPECT_THAT(response.body, Not(HasSubstr("style=")));
    EXPECT_EQ(header(response, "Content-Security-Policy"),
              "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
              "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    EXPECT_EQ(header(response, "Cache-Control"), "no-cache");
    EXPECT_EQ(header(response, "X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(header(response, "Referrer-Policy"), "no-referrer");
}

TEST_F(BuiltConsole, FilesAreCompressedForWhoTakesIt) {
    auto asked = request(path_of(".js"));
    const auto plain = ask(asked);
    EXPECT_EQ(plain.content_type, "text/javascript; charset=utf-8");
    EXPECT_EQ(header(plain, "Content-Encoding"), "");
    EXPECT_EQ(header(plain, "Cache-Control"), "public, max-age=31536000, immutable");
    asked.headers.emplace_back("accept-encoding", "gzip");
    const auto zipped = ask(asked);
    EXPECT_EQ(header(zipped, "Content-Encoding"), "gzip");
    EXPECT_THAT(zipped.body, StartsWith("\x1f\x8b"));
    EXPECT_LT(zipped.body.size(), plain.body.size() / 2);
    asked.headers.back().second = "gzip, br";
    const auto smaller = ask(asked);
    EXPECT_EQ(header(smaller, "Content-Encoding"), "br");
    EXPECT_EQ(header(smaller, "Vary"), "Accept-Encoding");
    EXPECT_LT(smaller.body.size(), zipped.body.size());
    EXPECT_NE(header(smaller, "ETag"), header(zipped, "ETag"));
    EXPECT_NE(header(plain, "ETag"), header(zipped, "ETag"));
}

TEST_F(BuiltConsole, WhatTheBrowserHasIsNotSentAgain) {
    auto asked = request("/");
    const std::string tag = header(ask(asked), "ETag");
    EXPECT_THAT(tag, StartsWith("\""));
    asked.headers.emplace_back("if-none-match", "W/\"other\", " + tag);
    const auto known = ask(asked);
    EXPECT_EQ(known.status, 304U);
    EXPECT_EQ(known.body, "");
    EXPECT_EQ(header(known, "ETag"), tag);
    asked.headers.back().second = "\"other\"";
    EXPECT_EQ(ask(asked).status, 200U);
}

TEST_F(BuiltConsole, AllOfItIsSmall) {
    std::size_t bytes = 0;
    for (const auto& asset : console::assets()) bytes += asset.gzip.size();
    EXPECT_GT(bytes, 10'000U);
    EXPECT_LT(bytes, 100'000U);
}

}  // namespace

}  // namespace penstock::plugins

// What holds for every server, built with the console or without it.
#include "tests/plugins/console/fixture.h"

namespace penstock::plugins {

namespace {

TEST_F(Console, ItWantsThePageAndItsFilesAndNothingElse) {
    EXPECT_TRUE(front_end->wants(request("/")));
    EXPECT_TRUE(front_end->wants(request("/console/a.js")));
    EXPECT_FALSE(front_end->wants(request("/console")));
    EXPECT_FALSE(front_end->wants(request("/v1/status")));
    EXPECT_FALSE(front_end->wants(request("/v2/index.php")));
    EXPECT_FALSE(front_end->wants(request("/metrics")));
}

TEST_F(Console, OnlyReadingIsAllowed) {
    const auto response = ask(request("/", "POST"));
    EXPECT_EQ(response.status, 405U);
    EXPECT_EQ(header(response, "Allow"), "GET, HEAD");
    EXPECT_EQ(ask(request("/console/../etc/passwd")).status, 404U);
}

}  // namespace

}  // namespace penstock::plugins

// Which encoding a caller gets.
#include "plugins/console/accepted_encoding.h"

#include <gtest/gtest.h>

namespace penstock::plugins::console {

namespace {

TEST(AcceptedEncoding, BrotliIsTakenBeforeGzipAndGzipBeforeNone) {
    EXPECT_EQ(best_encoding("gzip, deflate, br, zstd"), Encoding::brotli);
    EXPECT_EQ(best_encoding("br"), Encoding::brotli);
    EXPECT_EQ(best_encoding("deflate, gzip"), Encoding::gzip);
    EXPECT_EQ(best_encoding("GZIP;q=0.5"), Encoding::gzip);
    EXPECT_EQ(best_encoding("deflate"), Encoding::identity);
    EXPECT_EQ(best_encoding(""), Encoding::identity);
}

TEST(AcceptedEncoding, WhatIsRefusedIsNotUsed) {
    EXPECT_EQ(best_encoding("br;q=0, gzip"), Encoding::gzip);
    EXPECT_EQ(best_encoding("br; q=0.000 , gzip;q=0.0"), Encoding::identity);
    EXPECT_EQ(best_encoding("br;q=0.001"), Encoding::brotli);
}

TEST(AcceptedEncoding, NonsenseIsAsIfNothingWasSaid) {
    EXPECT_EQ(best_encoding(",,; ;q=,bro tli"), Encoding::identity);
    EXPECT_EQ(best_encoding("xbr, grip"), Encoding::identity);
}

}  // namespace

}  // namespace penstock::plugins::console

#include "plugins/listener/chunks.h"

#include <gtest/gtest.h>

namespace penstock::plugins {
namespace {

using State = ChunkDecoder::State;

struct Decoded {
    State state = State::more;
    std::string body;
    std::string rest;
};

// Fed in pieces of `step` bytes.
Decoded decode(std::string_view input, std::size_t step, std::size_t body_bytes_max = 1000) {
    ChunkDecoder decoder(body_bytes_max);
    Decoded decoded;
    while (!input.empty() && decoded.state == State::more) {
        auto piece = input.substr(0, step);
        const std::size_t given = piece.size();
        decoded.state = decoder.feed(piece, decoded.body);
        input.remove_prefix(given - piece.size());
    }
    decoded.rest = input;
    return decoded;
}

TEST(Chunks, AreJoinedHoweverTheyArrive) {
    const std::string wire = "5\r\nhello\r\nA\r\n, \r\nworld\r\r\n00\r\n\r\nGET";
    for (std::size_t step = 1; step <= wire.size(); ++step) {
        const auto decoded = decode(wire, step);
        EXPECT_EQ(decoded.state, State::done) << step;
        EXPECT_EQ(decoded.body, "hello, \r\nworld\r") << step;
        EXPECT_EQ(decoded.rest, "GET") << step;
    }
}

TEST(Chunks, AreRefusedInEveryDoubtfulForm) {
    for (const std::string wire : {"\r\n",
                                   ";\r\n",
                                   "g\r\n",
                                   " 5\r\nhello\r\n",
                                   "5 \r\nhello\r\n",
                                   "5;x=y\r\nhello\r\n",
                                   "0x5\r\nhello\r\n",
                                   "+5\r\nhello\r\n",
                                   "-5\r\nhello\r\n",
                                   "5\nhello\r\n",
                                   "5\rhello\r\n",
                                   "5\r\nhello\n",
                                   "5\r\nhello5\r\n",
                                   "5\r\nhello\r\r",
                                   "000000005\r\n",
                                   "0\r\nTrailer: x\r\n\r\n",
                                   "0\r\n\n",
                                   "0\n\n"}) {
        EXPECT_EQ(decode(wire, wire.size()).state, State::malformed) << wire;
        EXPECT_EQ(decode(wire, 1).state, State::malformed) << wire;
    }
}

TEST(Chunks, StopWhereTheBodyBecomesTooLarge) {
    EXPECT_EQ(decode("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 1, 5).state, State::done);
    EXPECT_EQ(decode("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", 1, 5).state, State::too_large);
    EXPECT_EQ(decode("ffffffff\r\n", 1, 5).state, State::too_large);
    EXPECT_EQ(decode("ffffffffffffffff1\r\n", 1, 5).state, State::too_large);
}

}  // namespace
}  // namespace penstock::plugins

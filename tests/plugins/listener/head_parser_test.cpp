#include "plugins/listener/head_parser.h"

#include "broker/base/random.h"

#include <gtest/gtest.h>

namespace penstock::plugins {
namespace {

struct Parsed {
    unsigned status = 0;
    HttpRequest request;
    Framing framing;
};

Parsed parse(const std::string& head, const HttpLimits& limits = {}) {
    Parsed parsed;
    parsed.status = parse_head(head, limits, parsed.request, parsed.framing);
    return parsed;
}

// A head with `line` between good ones.
unsigned with(const std::string& line) {
    return parse("POST / HTTP/1.1\r\nHost: a\r\n" + line + "\r\nAccept: x\r\n\r\n").status;
}

unsigned request_line(const std::string& line) {
    return parse(line + "\r\nHost: a\r\n\r\n").status;
}

TEST(HeadParser, ReadsARequest) {
    const auto parsed = parse(
        "POST /v2/index.php?a=b&c HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nX-Odd:\t a b\xc3\xa9 \r\n"
        "content-length: 12\r\nX-odd: second\r\n\r\n");
    EXPECT_EQ(parsed.status, 0U);
    EXPECT_EQ(parsed.request.method, "POST");
    EXPECT_EQ(parsed.request.path, "/v2/index.php");
    EXPECT_EQ(parsed.request.query, "a=b&c");
    EXPECT_EQ(parsed.request.host, "127.0.0.1:8080");
    EXPECT_EQ(parsed.request.header("x-odd"), "a b\xc3\xa9");
    EXPECT_EQ(parsed.request.header("absent"), "");
    EXPECT_EQ(parsed.request.headers.size(), 4U);
    EXPECT_EQ(parsed.framing.body_bytes, 12U);
    EXPECT_TRUE(parsed.framing.keep_alive);
    EXPECT_FALSE(parsed.framing.chunked);
}

TEST(HeadParser, KeepsConnectionsAsTheVersionAndHeaderSay) {
    const auto kept = [](const std::string& version, const std::string& connection) {
        return parse("GET / " + version + "\r\nHost: a\r\n" + connection + "\r\n")
            .framing.keep_alive;
    };
    EXPECT_TRUE(kept("HTTP/1.1", ""));
    EXPECT_FALSE(kept("HTTP/1.1", "Connection: Close\r\n"));
    EXPECT_FALSE(kept("HTTP/1.1", "Connection: te, close\r\n"));
    EXPECT_FALSE(kept("HTTP/1.0", ""));
    EXPECT_TRUE(kept("HTTP/1.0", "Connection: keep-alive\r\n"));
    EXPECT_FALSE(kept("HTTP/1.1", "Connection: close\r\nConnection: keep-alive\r\n"));
}

TEST(HeadParser, WantsAHostButFromOldClients) {
    EXPECT_EQ(parse("GET / HTTP/1.0\r\n\r\n").status, 0U);
    EXPECT_EQ(parse("GET / HTTP/1.1\r\n\r\n").status, 400U);
    EXPECT_EQ(with("Host: b"), 400U);
}

TEST(HeadParser, RefusesRequestLinesThatTwoReadersCouldReadDifferently) {
    for (const std::string line : {"GET /",
                                   "GET  / HTTP/1.1",
                                   "GET /  HTTP/1.1",
                                   " GET / HTTP/1.1",
                                   "GET / HTTP/1.1 ",
                                   "GET\t/ HTTP/1.1",
                                   "G(T / HTTP/1.1",
                                   "GET / http/1.1",
                                   "GET /a b HTTP/1.1",
                                   "GET http://b/ HTTP/1.1",
                                   "GET b HTTP/1.1",
                                   "OPTIONS * HTTP/1.1",
                                   "CONNECT b:80 HTTP/1.1",
                                   "GET /#f HTTP/1.1",
                                   "GET /\x7f HTTP/1.1",
                                   "GET /\xc3\xa9 HTTP/1.1",
                                   "GET /\r HTTP/1.1",
                                   "VERYLONGMETHODNAME / HTTP/1.1",
                                   "",
                                   "/ HTTP/1.1"}) {
        EXPECT_EQ(request_line(line), 400U) << line;
    }
    EXPECT_EQ(request_line(std::string("GET /\0 HTTP/1.1", 15)), 400U);
    for (const char* line :
         {"GET / HTTP/2.0", "PRI / HTTP/2.0", "GET / HTTP/1.2", "GET / HTTP/11"}) {
        EXPECT_EQ(request_line(line), 505U) << line;
    }
}

TEST(HeadParser, RefusesHeadersThatTwoReadersCouldReadDifferently) {
    for (const std::string line : {"Name : x",
                                   " folded",
                                   "\tfolded",
                                   "Name",
                                   ": x",
                                   "Na me: x",
                                   "Na\x01me: x",
                                   "N\xc3: x",
                                   "Name: a\rb",
                                   "Name: a\x01",
                                   "Name: a\x7f",
                                   "\x0bName: x",
                                   "Name: x\r"}) {
        EXPECT_EQ(with(line), 400U) << line;
    }
    EXPECT_EQ(with(std::string("Name: a\0b", 9)), 400U);
    EXPECT_EQ(with(std::string("Na\0me: a", 8)), 400U);
    EXPECT_EQ(parse("GET / HTTP/1.1\nHost: a\r\n\r\n").status, 400U);
    EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: a\n\r\n").status, 400U);
    EXPECT_EQ(parse("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").status, 400U);
}

TEST(HeadParser, RefusesLengthsThatAreNotOnePlainNumber) {
    for (const std::string value : {"",
                                    "-1",
                                    "+1",
                                    "1 1",
                                    "1,1",
                                    "1, 1",
                                    "0x10",
                                    "1.0",
                                    "a",
                                    "9999999999999999999",
                                    "18446744073709551616"}) {
        EXPECT_EQ(with("Content-Length: " + value), 400U) << value;
    }
    EXPECT_EQ(with("Content-Length: 1\r\nContent-Length: 1"), 400U);
    EXPECT_EQ(with("Content-Length: 1\r\ncontent-length: 2"), 400U);
    EXPECT_EQ(with("Content-Length: 1\r\nTransfer-Encoding: chunked"), 400U);
    EXPECT_EQ(with("Transfer-Encoding: chunked\r\nContent-Length: 0"), 400U);
}

TEST(HeadParser, TakesChunkedAndNoOtherTransferCoding) {
    const auto parsed = parse("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n");
    EXPECT_EQ(parsed.status, 0U);
    EXPECT_TRUE(parsed.framing.chunked);
    for (const std::string value : {"",
                                    "gzip",
                                    "gzip, chunked",
                                    "chunked, chunked",
                                    "chunked,",
                                    "xchunked",
                                    "chunked;a=b",
                                    "identity",
                                    "\"chunked\"",
                                    "chunked\x0b"}) {
        EXPECT_EQ(with("Transfer-Encoding: " + value), 400U) << value;
    }
    EXPECT_EQ(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 400U);
    EXPECT_EQ(parse("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").status, 400U);
}

TEST(HeadParser, RefusesEncodedBodiesUnknownExpectationsAndWhatIsTooLarge) {
    EXPECT_EQ(with("Content-Encoding: gzip"), 415U);
    EXPECT_EQ(with("Content-Encoding: identity"), 0U);
    EXPECT_EQ(with("Expect: 100-Continue"), 0U);
    EXPECT_EQ(with("Expect: miracles"), 417U);
    EXPECT_EQ(with("Content-Length: 1114112"), 0U);
    EXPECT_EQ(with("Content-Length: 1114113"), 413U);
    HttpLimits limits;
    limits.target_bytes_max = 9;
    const auto longer = parse("GET /234567890 HTTP/1.1\r\nHost: a\r\n\r\n", limits);
    EXPECT_EQ(longer.status, 414U);
    EXPECT_EQ(longer.request.path, "/234567890");
    limits.target_bytes_max = 10;
    EXPECT_EQ(parse("GET /234567890 HTTP/1.1\r\nHost: a\r\n\r\n", limits).status, 0U);
}

TEST(HeadParser, CountsHeaders) {
    std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int at = 0; at < 99; ++at) head += "N: x\r\n";
    EXPECT_EQ(parse(head + "\r\n").status, 0U);
    EXPECT_EQ(parse(head + "N: x\r\n\r\n").status, 431U);
}

// True when every CR is followed by LF, every LF comes behind CR, and there is no NUL.
bool has_clean_line_ends(const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        const bool before_lf = at + 1 < bytes.size() && bytes[at + 1] == '\n';
        const bool behind_cr = at > 0 && bytes[at - 1] == '\r';
        if (bytes[at] == '\0' || (bytes[at] == '\r' && !before_lf)) return false;
        if (bytes[at] == '\n' && !behind_cr) return false;
    }
    return true;
}

TEST(HeadParser, TakesNoMutantWithADoubtfulLineOrLength) {
    using std::string_view_literals::operator""sv;
    constexpr std::string_view poison = "\r\n\0\t :,+-0chunked\x7f\xff"sv;
    const std::string good =
        "POST /v2/index.php?a=b HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nX: y\r\n\r\n";
    SeededRandom random(20261120);
    int taken = 0;
    for (int turn = 0; turn < 50'000; ++turn) {
        std::string mutant = good;
        for (std::uint64_t edits = random.below(3) + 1; edits > 0; --edits) {
            const std::size_t at = random.below(mutant.size());
            const char byte = poison[random.below(poison.size())];
            const auto kind = random.below(3);
            if (kind == 0) mutant[at] = byte;
            if (kind == 1) mutant.insert(at, 1, byte);
            if (kind == 2) mutant.erase(at, 1);
        }
        const auto scan = scan_head(mutant, 0);
        const auto parsed = parse(mutant.substr(0, scan.bytes));
        if (parsed.status != 0) continue;
        ++taken;
        EXPECT_TRUE(has_clean_line_ends(mutant.substr(0, scan.bytes))) << mutant;
        EXPECT_FALSE(parsed.framing.chunked && parsed.framing.body_bytes > 0) << mutant;
    }
    EXPECT_GT(taken, 1000) << "harmless mutants are taken: the property is not empty";
}

TEST(HeadScan, FindsTheEndWhereverThePiecesAreCut) {
    const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const std::string bytes = head + "rest";
    for (std::size_t cut = 0; cut < head.size(); ++cut) {
        EXPECT_EQ(scan_head(bytes.substr(0, cut), 0).bytes, 0U);
        EXPECT_EQ(scan_head(bytes, cut).bytes, head.size()) << cut;
    }
    EXPECT_TRUE(scan_head("GET / HTTP/1.1\n", 0).malformed);
    EXPECT_TRUE(scan_head("\n", 0).malformed);
    EXPECT_EQ(scan_head("\r\n", 0).bytes, 2U);
}

TEST(HeadScan, KnowsWhatWillNeverBeAHeadByItsFirstByte) {
    EXPECT_TRUE(scan_head("\x16\x03\x01", 0).malformed) << "TLS";
    EXPECT_TRUE(scan_head("\x80.", 0).malformed);
    EXPECT_FALSE(scan_head("", 0).malformed);
    EXPECT_FALSE(scan_head("G", 0).malformed);
}

}  // namespace
}  // namespace penstock::plugins

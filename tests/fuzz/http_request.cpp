// The head of a request and its chunks. A head that is taken has no byte that two readers could
// understand differently; where the bytes are cut on their way changes nothing.
#include "plugins/listener/chunks.h"
#include "plugins/listener/head_parser.h"
#include "tests/fuzz/target.h"

#include <algorithm>

namespace penstock::fuzz {
namespace {

using plugins::ChunkDecoder;
using plugins::Framing;
using plugins::HttpRequest;

std::size_t count_lines(std::string_view head, std::string_view name) {
    const std::string lower = plugins::lower_case(head);
    std::size_t count = 0;
    for (auto at = lower.find("\r\n" + std::string(name) + ":"); at != std::string::npos;
         at = lower.find("\r\n" + std::string(name) + ":", at + 1)) {
        ++count;
    }
    return count;
}

void check_taken(std::string_view head, const HttpRequest& request, const Framing& framing) {
    for (std::size_t at = 0; at < head.size(); ++at) {
        check(head[at] != '\0', "no NUL is taken");
        if (head[at] == '\r') check(head[at + 1] == '\n', "no bare CR is taken");
        if (head[at] == '\n') check(head[at - 1] == '\r', "no bare LF is taken");
    }
    const std::size_t lengths = count_lines(head, "content-length");
    const std::size_t codings = count_lines(head, "transfer-encoding");
    check(lengths + codings <= 1, "one framing");
    check(framing.chunked == (codings == 1), "a coding is chunked");
    check(!(framing.http_1_0 && framing.chunked), "no chunks before HTTP/1.1");
    check(framing.http_1_0 || count_lines(head, "host") == 1, "one host");
    check(head.find("\r\n ") == std::string_view::npos, "no folded line");
    check(head.find("\r\n\t") == std::string_view::npos, "no folded line");
    check(request.path.starts_with('/'), "a path");
    check(request.headers.size() <= plugins::HttpLimits{}.headers_max, "not too many headers");
}

ChunkDecoder::State decode(std::string_view bytes, std::size_t piece, std::string& body) {
    ChunkDecoder decoder(1'000);
    auto state = ChunkDecoder::State::more;
    while (state == ChunkDecoder::State::more && !bytes.empty()) {
        std::string_view part = bytes.substr(0, piece);
        bytes.remove_prefix(part.size());
        state = decoder.feed(part, body);
    }
    return state;
}

}  // namespace

void one_input(std::string_view bytes) {
    const plugins::HeadScan scan = plugins::scan_head(bytes, 0);
    const plugins::HeadScan early = plugins::scan_head(bytes.substr(0, some_cut(bytes)), 0);
    check(!early.malformed || scan.malformed, "what is malformed stays so");
    check(early.bytes == 0 || early.bytes == scan.bytes, "a head ends where it ends");
    const std::string_view head = bytes.substr(0, scan.bytes);
    HttpRequest request;
    Framing framing;
    if (!scan.malformed && scan.bytes > 0 && plugins::parse_head(head, {}, request, framing) == 0) {
        check_taken(head, request, framing);
    }
    const std::string_view rest = scan.malformed ? bytes : bytes.substr(scan.bytes);
    std::string whole;
    std::string pieces;
    const auto state = decode(rest, rest.size(), whole);
    check(decode(rest, 1, pieces) == state, "chunks end the same however they come");
    check(whole == pieces || state == ChunkDecoder::State::too_large, "and say the same");
}

std::vector<std::string> seeds() {
    const std::string host = " HTTP/1.1\r\nHost: h\r\n";
    return {"GET /" + host + "\r\n",
            "POST /v2/index.php?a=b" + host + "Content-Length: 3\r\n\r\nabc",
            "POST /" + host + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "PUT /x" + host + "Expect: 100-continue\r\nConnection: close\r\n\r\n",
            "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "POST /" + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST /" + host + "Content-Length: +3\r\nContent-Length: 3, 3\r\n\r\n",
            "GET /" + host + "X: a\r\n b\r\n\r\n",
            "GET / HTTP/1.1\nHost: h\n\n",
            "POST /" + host + "Transfer-Encoding : chunked\r\n\r\n",
            "GET http://other/" + host + "\r\n",
            "3;x=y\r\nabc\r\n0\r\nT: t\r\n\r\n",
            "fffffffff\r\n"};
}

}  // namespace penstock::fuzz

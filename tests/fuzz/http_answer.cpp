// Answers of endpoints, as they come: whole, or cut anywhere. Keeps its limits, never throws.
#include "sinks/client/answer_parser.h"
#include "sinks/http/classify.h"
#include "tests/fuzz/target.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

namespace penstock::fuzz {
namespace {

using sinks::client::AnswerParser;
using sinks::client::Exchange;

constexpr std::size_t body_bytes_max = 64;

struct Heard {
    bool head = false;
    bool done = false;
    bool failed = false;
    bool cut = false;
    sinks::client::HttpAnswer answer;
};

// As a connection does: what a step leaves is given again together with what comes.
Heard hear(std::string_view bytes, std::size_t first_piece) {
    AnswerParser parser(body_bytes_max);
    Heard heard;
    std::string buffer(bytes.substr(0, first_piece));
    std::string_view later = bytes.substr(std::min(first_piece, bytes.size()));
    while (!heard.failed && !parser.is_done() && !parser.cut()) {
        boost::system::error_code ec;
        const std::size_t used = parser.put(boost::asio::buffer(buffer), ec);
        check(used <= buffer.size(), "no more is used than there is");
        buffer.erase(0, used);
        if (ec && ec != boost::beast::http::error::need_more) heard.failed = true;
        if (!heard.failed && (ec || used == 0 || buffer.empty())) {
            if (later.empty()) break;
            buffer.append(later);
            later = {};
        }
    }
    heard.head = parser.is_header_done();
    heard.done = parser.is_done();
    heard.cut = parser.cut();
    heard.answer = parser.take();
    return heard;
}

}  // namespace

void one_input(std::string_view bytes) {
    const Heard whole = hear(bytes, bytes.size());
    const Heard pieces = hear(bytes, some_cut(bytes));
    check(whole.answer.body.size() <= body_bytes_max, "a body is cut");
    check(!whole.head || whole.answer.status >= 100, "a status");
    check(!whole.head || pieces.head, "the head comes however it is cut");
    if (whole.head && !whole.failed && !pieces.failed) {
        check(whole.answer.status == pieces.answer.status, "one status");
        check(whole.answer.headers == pieces.answer.headers, "the same headers");
    }
    if (whole.done && pieces.done) check(whole.answer.body == pieces.answer.body, "one body");
    Exchange exchange;
    exchange.ending = sinks::client::Ending::answered;
    exchange.answer = whole.answer;
    const auto result = sinks::http::classify(exchange, 1'700'000'000'000);
    check(result.excerpt.size() <= sinks::http::excerpt_bytes_max, "an excerpt is short");
    (void)sinks::http::parse_retry_after(bytes, 1'700'000'000'000);
}

std::vector<std::string> seeds() {
    const std::string ok = "HTTP/1.1 200 OK\r\n";
    return {ok + "Content-Length: 2\r\n\r\nok",
            ok + "\r\nuntil the end",
            ok + "Transfer-Encoding: chunked\r\n\r\n3;e=1\r\nabc\r\n0\r\nT: t\r\n\r\n",
            "HTTP/1.1 503 Busy\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 503 No\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.0 204 None\r\n\r\n",
            "HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\n",
            ok + "Content-Length: -1\r\n\r\n",
            ok + "Content-Length: 99999999999999999999\r\n\r\n",
            ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
            ok + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx",
            ok + "Content-Length: 100\r\n\r\n" + std::string(100, 'x'),
            "HTTP/1.1 000 Zero\r\n\r\n",
            "HTTP/9.9 200 OK\r\n\r\n",
            "Sun, 06 Nov 1994 08:49:37 GMT"};
}

}  // namespace penstock::fuzz

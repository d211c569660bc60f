// Requests that two readers of the same bytes could cut differently, sent to the real listener: the
// hidden second request must never be served.
#include "tests/plugins/listener/fixture.h"

namespace penstock::plugins {
namespace {

const std::string hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";

std::vector<std::string> smuggled() {
    const std::string length = std::to_string(hidden.size());
    std::vector<std::string> headers{
        "Content-Length: 0\r\nContent-Length: " + length,
        "Content-Length: " + length + "\r\nContent-Length: 0",
        "Content-Length: 0, " + length,
        "Content-Length: +0",
        "Content-Length: -" + length,
        "Content-Length: 0x0",
        "Content-Length:",
        "Content-Length : 0",
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: " + length,
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding:\x0b"
        "chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        " Transfer-Encoding: chunked",
        "X\r\n\t: y",
        "Host: b",
        "X:\x01",
    };
    headers.push_back(std::string("X: a\0b", 6));
    std::vector<std::string> requests;
    for (const auto& header : headers) {
        requests.push_back("POST /seen HTTP/1.1\r\nHost: a\r\n" + header + "\r\n\r\n" + hidden);
    }
    const std::string chunked =
        "POST /seen HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const std::string body : {"0;a=b\r\n\r\n",
                                   "0\r\nX: y\r\n\r\n",
                                   "0\n\n",
                                   "g\r\n\r\n",
                                   "-1\r\n\r\n",
                                   " 0\r\n\r\n",
                                   "1\r\nab\r\n0\r\n\r\n",
                                   "1\r\na0\r\n\r\n",
                                   "\r\n0\r\n\r\n"}) {
        requests.push_back(chunked + body + hidden);
    }
    requests.push_back("GET http://b/seen HTTP/1.1\r\nHost: a\r\n\r\n" + hidden);
    requests.push_back("GET /seen\r\n\r\n" + hidden);
    requests.push_back("GET /seen HTTP/1.1\nHost: a\n\n" + hidden);
    requests.push_back("\r\n" + hidden);
    return requests;
}

TEST_F(Listening, EndsEveryConnectionThatCouldSmuggle) {
    start();
    for (const std::string& request : smuggled()) {
        const auto answer = exchange(request);
        EXPECT_EQ(status_of(answer), "HTTP/1.1 400 Bad Request") << request;
        EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << request << answer;
    }
    EXPECT_EQ(front_end.asked, 0);
}

TEST_F(Listening, TellsACallerWhoSpeaksTlsAtOnce) {
    start();
    RawClient client(server->port());
    client.send("\x16\x03\x01");  // and then it waits for an answer
    EXPECT_EQ(status_of(client.read_all()), "HTTP/1.1 400 Bad Request");
}

TEST_F(Listening, SaysWhyItRefuses) {
    start();
    const auto why = [&](const std::string& head) {
        return body_of(exchange("POST /x HTTP/1.1\r\nHost: a\r\n" + head + "\r\n\r\n"));
    };
    EXPECT_NE(why("Content-Encoding: gzip").find("Content-Encoding"), std::string::npos);
    EXPECT_NE(why("Expect: tea").find("100-continue"), std::string::npos);
    EXPECT_NE(why("Content-Length: x").find("one meaning"), std::string::npos);
}

TEST_F(Listening, RefusesHeadsBeyondTheirLimits) {
    start();
    const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\n";
    EXPECT_EQ(status_of(exchange(begin + "X: " + std::string(33'000, 'x') + "\r\n\r\n")),
              "HTTP/1.1 431 Request Header Fields Too Large");
    EXPECT_EQ(status_of(exchange(std::string(40'000, 'x'))),
              "HTTP/1.1 431 Request Header Fields Too Large");
    EXPECT_EQ(status_of(exchange("GET /" + std::string(17'000, 'x') + " HTTP/1.1\r\n\r\n")),
              "HTTP/1.1 414 URI Too Long");
    EXPECT_EQ(front_end.asked, 0);
}

TEST_F(Listening, RefusesBodiesBeyondTheirLimitsAndLetsTheCallerReadIt) {
    start();
    const std::string large(2'000'000, 'x');
    const auto sized = [&](const std::string& path) {
        return exchange("POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n" +
                        large);
    };
    EXPECT_EQ(status_of(sized("/a")), "HTTP/1.1 413 Payload Too Large");
    EXPECT_EQ(body_of(sized("/own")), "own words for 413");
    EXPECT_EQ(body_of(exchange("POST /own HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "1E8480\r\n" +
                               large)),
              "own words for 413");
    EXPECT_EQ(body_of(exchange("POST /own HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n\r\n")),
              "own words for 415");
    EXPECT_EQ(front_end.asked, 0);
}

TEST_F(Listening, DoesNotSayContinueToABodyItRefuses) {
    start();
    auto client = connect();
    client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(status_of(client.read_until("\r\n\r\n")), "HTTP/1.1 413 Payload Too Large");
}

TEST_F(Listening, RefusesLargeBodiesThatFindNoRoomBesideOthers) {
    HttpServerOptions options;
    options.limits.large_body_bytes = 100;
    options.limits.large_bodies_bytes_max = 1'000;
    start(options);
    const auto head = [](const std::string& path, std::size_t bytes) {
        return "POST " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: " +
               std::to_string(bytes) + "\r\n\r\n";
    };
    const std::string chunked =
        "POST /own HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n12C\r\n";
    auto slow = connect();
    // It says "continue" once there is room for it.
    slow.send(
        "POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 800\r\n"
        "Expect: 100-continue\r\n\r\n");
    EXPECT_EQ(status_of(slow.read_until("\r\n\r\n")), "HTTP/1.1 100 Continue");
    const auto refused = exchange(head("/a", 300));
    EXPECT_EQ(status_of(refused), "HTTP/1.1 503 Service Unavailable");
    EXPECT_NE(refused.find("Retry-After: 1"), std::string::npos);
    EXPECT_EQ(body_of(exchange(head("/own", 300))), "own words for 503");
    EXPECT_EQ(body_of(exchange(chunked + std::string(300, 'x'))), "own words for 503");
    EXPECT_EQ(status_of(exchange(head("/a", 100) + std::string(100, 'x'))), "HTTP/1.1 200 OK")
        << "small ones need no room";
    EXPECT_EQ(status_of(exchange(head("/a", 200) + std::string(200, 'x'))), "HTTP/1.1 200 OK");
    slow.send(std::string(800, 'x'));
    EXPECT_EQ(status_of(slow.read_all()), "HTTP/1.1 200 OK");
    EXPECT_EQ(status_of(exchange(head("/a", 1'000) + std::string(1'000, 'x'))), "HTTP/1.1 200 OK")
        << "all that was taken has been given back";
}

TEST_F(Listening, OutlivesCallersWhoVanishAtAnyByte) {
    start();
    const std::string request = "POST /gone HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    for (std::size_t cut = 0; cut < request.size(); ++cut) {
        auto client = connect();
        client.send(request.substr(0, cut));
        client.close();
    }
    EXPECT_TRUE(eventually([&] { return server->connections() == 0; }));
    EXPECT_EQ(front_end.asked, 0);
    EXPECT_EQ(body_of(exchange("GET /b HTTP/1.0\r\n\r\n")), "GET /b? []");
}

}  // namespace
}  // namespace penstock::plugins

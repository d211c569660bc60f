// The table of smuggling.txt against the real listener; and whatever it serves, a second reader of
// HTTP, Beast's, understands as the same requests.
#include "tests/plugins/listener/fixture.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <fstream>
#include <map>

namespace penstock::plugins {
namespace {

namespace http = boost::beast::http;

const std::string hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string last = "GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

struct Case {
    std::string shown;     // the line of the table
    std::string expected;  // its first word
    std::string bytes;     // all that is sent
};

char unescaped(char letter) {
    static const std::map<char, char> letters{
        {'r', '\r'}, {'n', '\n'}, {'t', '\t'}, {'s', ' '}, {'\\', '\\'}};
    return letters.at(letter);
}

std::string bytes_of(const std::string& text) {
    std::string bytes;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '\\') {
            bytes += text[at];
        } else if (text[at + 1] == 'x') {
            bytes += static_cast<char>(std::stoi(text.substr(at + 2, 2), nullptr, 16));
            at += 3;
        } else {
            bytes += unescaped(text[++at]);
        }
    }
    return bytes;
}

std::string request_of(const std::string& section, const std::string& bytes) {
    const std::string begin = "POST /seen HTTP/1.1\r\nHost: a\r\n";
    if (section == "header") return begin + bytes + "\r\n\r\n";
    if (section == "chunks") return begin + "Transfer-Encoding: chunked\r\n\r\n" + bytes;
    return bytes + "\r\nHost: a\r\n\r\n";
}

std::vector<Case> cases() {
    std::ifstream file(std::string(PENSTOCK_SOURCE_DIR) + "/tests/plugins/listener/smuggling.txt");
    std::vector<Case> all;
    std::string section;
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line[0] == '#') continue;
        if (line[0] == '[') section = line.substr(1, line.find(']') - 1);
        if (line[0] == '[') continue;
        const auto blank = line.find(' ');
        const std::string bytes = bytes_of(line.substr(std::min(blank + 1, line.size())));
        all.push_back({line, line.substr(0, blank), request_of(section, bytes) + hidden + last});
    }
    return all;
}

// What came back, in words: "METHOD path? [body]" of each request served, the status of others.
std::vector<std::string> answers(std::string received) {
    std::vector<std::string> all;
    while (!received.empty()) {
        http::response_parser<http::string_body> parser;
        parser.eager(true);
        boost::system::error_code failed;
        const std::size_t used = parser.put(asio::buffer(received), failed);
        if (failed || !parser.is_done()) return {"no answer: " + received};
        const auto& response = parser.get();
        const bool served = response.result_int() == 200;
        if (response.result_int() != 100) {
            all.push_back(served ? response.body() : std::to_string(response.result_int()));
        }
        received.erase(0, used);
    }
    return all;
}

// The same of a second reader, until it sees a fault; it knows neither hosts nor front ends.
std::vector<std::string> second_reading(std::string bytes) {
    std::vector<std::string> all;
    while (!bytes.empty()) {
        http::request_parser<http::string_body> parser;
        parser.eager(true);
        boost::system::error_code failed;
        const std::size_t used = parser.put(asio::buffer(bytes), failed);
        if (failed || !parser.is_done()) break;
        const auto& request = parser.get();
        std::string target(request.target());
        if (target.find('?') == std::string::npos) target += '?';
        all.push_back(std::string(request.method_string()) + " " + target + " [" + request.body() +
                      "]");
        bytes.erase(0, used);
    }
    return all;
}

// How the rest of the answers must read, behind the first.
std::vector<std::string> rest_of(const std::string& expected) {
    if (expected == "both" || expected == "abc") return {"GET /hidden? []", "GET /end? []"};
    if (expected == "body") return {"GET /end? []"};
    return {};
}

bool first_fits(const std::string& expected, const std::string& first) {
    if (expected == "both") return first.ends_with(" []");
    if (expected == "abc") return first.ends_with(" [abc]");
    if (expected == "body") return first.ends_with(" [" + hidden + "]");
    return first == expected;
}

TEST_F(Listening, CutsEveryRequestOfTheTableAsTheTableSays) {
    start();
    const std::vector<Case> all = cases();
    EXPECT_GE(all.size(), 400U);
    for (const Case& one : all) {
        const std::vector<std::string> got = answers(exchange(one.bytes));
        ASSERT_FALSE(got.empty()) << one.shown;
        EXPECT_TRUE(first_fits(one.expected, got.front())) << one.shown << "\n  is " << got.front();
        EXPECT_EQ(std::vector<std::string>(got.begin() + 1, got.end()), rest_of(one.expected))
            << one.shown;
    }
}

TEST_F(Listening, ServesNoRequestThatASecondReaderSeesDifferently) {
    start();
    int served = 0;
    for (const Case& one : cases()) {
        std::vector<std::string> got = answers(exchange(one.bytes));
        std::erase_if(got,
                      [](const std::string& answer) { return answer.find('?') == answer.npos; });
        std::vector<std::string> theirs = second_reading(one.bytes);
        theirs.resize(std::min(theirs.size(), got.size()));
        served += got.empty() ? 0 : 1;
        EXPECT_EQ(got, theirs) << one.shown;
    }
    EXPECT_GE(served, 60);
}

}  // namespace
}  // namespace penstock::plugins

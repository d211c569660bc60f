// HTTP/1.1 with keep-alive: plain POSTs, and Penstock's /v1 by them.
#include "tests/bench/peers/load/drivers.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace penstock::load {

namespace {

constexpr std::size_t status_at = 9;  // behind "HTTP/1.1 "

// Bytes behind the head; -1: chunked, which the chunks tell.
long content_length(std::string_view head) {
    constexpr std::string_view name = "content-length:";
    for (auto at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
        at += 2;
        const std::string_view line = head.substr(at, name.size());
        const bool same = std::equal(line.begin(), line.end(), name.begin(), [](char l, char r) {
            return std::tolower(static_cast<unsigned char>(l)) == r;
        });
        if (line.size() == name.size() && same)
            return std::strtol(head.data() + at + name.size(), nullptr, 10);
    }
    return -1;
}

}  // namespace

void HttpPost::post(std::string_view path, std::string_view head, std::string_view body) {
    output_.append("POST ").append(path).append(" HTTP/1.1\r\nHost: l\r\n").append(head);
    output_.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n");
    output_ += body;
}

void HttpPost::publish(std::string_view bodies, std::uint64_t) {
    post(options_.path, "", bodies);
}

void HttpPost::parse() {
    constexpr std::string_view last_chunk = "0\r\n\r\n";
    while (true) {
        const std::string_view all = unread();
        const auto end = all.find("\r\n\r\n");
        if (end == std::string_view::npos || end < status_at) break;
        std::size_t whole = end + 4;
        const long length = content_length(all.substr(0, whole));
        if (length >= 0) {
            whole += static_cast<std::size_t>(length);
            if (all.size() < whole) break;
        } else {
            const auto last = all.find(last_chunk, whole);
            if (last == std::string_view::npos) break;
            whole = last + last_chunk.size();
        }
        const bool good = all[status_at] == '2';
        if (!good) listener_.failed("HTTP: " + std::string(all.substr(0, std::min(whole, 300UL))));
        answer_next(good);
        skip(whole);
    }
    forget_taken();
}

void NativeHttp::greet() {
    path_ = (options_.topic ? "/v1/topics/" : "/v1/queues/") + options_.object + "/messages";
    if (options_.batch > 1) path_ += "/batch";
    head_ = "Authorization: Bearer " + options_.key + "\r\nContent-Type: ";
    head_ += options_.batch > 1 ? "application/json\r\n" : "application/octet-stream\r\n";
}

void NativeHttp::publish(std::string_view bodies, std::uint64_t) {
    if (options_.batch == 1) return post(path_, head_, bodies);
    const auto size = static_cast<std::size_t>(options_.size);
    batch_ = R"({"messages":[)";
    // Bodies are of letters, digits, '+' and '/': JSON needs nothing escaped.
    for (std::size_t at = 0; at < bodies.size(); at += size) {
        batch_ += at == 0 ? R"({"body":")" : R"(,{"body":")";
        batch_ += bodies.substr(at, size);
        batch_ += "\"}";
    }
    batch_ += "]}";
    post(path_, head_, batch_);
}

}  // namespace penstock::load

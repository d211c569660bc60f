// NATS' text protocol and the JetStream requests over it.
#include "tests/bench/peers/load/drivers.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace penstock::load {

namespace {

constexpr int tries_max = 40;  // while a cluster elects
constexpr int pause_ms = 250;

bool says_error(std::string_view document) {
    return document.find("\"error\"") != std::string_view::npos;
}

// A server that elects announces nothing: it is asked again, or when it speaks.
void pause(int socket) {
    pollfd one{socket, POLLIN, 0};
    ::poll(&one, 1, pause_ms);
}

}  // namespace

void JetStream::greet() {
    line();  // INFO
    inbox_ = "_INBOX." + std::to_string(::getpid()) + "x" + std::to_string(number_) +
             (role() == Role::consumer ? "c" : "p");
    output_ = R"(CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,)"
              R"("lang":"c","version":"1","protocol":1})"
              "\r\nPING\r\n";
    send_now();
    while (line() != "PONG") {
    }
    output_ = "SUB " + inbox_ + ".* 1\r\nSUB " + inbox_ + ".d.* 2\r\n";
    pulled_ = 0;
    send_now();
}

std::string JetStream::ask(const std::string& subject, const std::string& document) {
    output_ += "PUB " + subject + " " + inbox_ + ".api " + std::to_string(document.size()) +
               "\r\n" + document + "\r\n";
    send_now();
    while (true) {
        const std::string head = line();
        if (head == "PING") {
            output_ += "PONG\r\n";
            send_now();
        }
        const bool with_headers = head.starts_with("HMSG ");
        if (!with_headers && !head.starts_with("MSG ")) continue;
        const std::size_t size = std::strtoul(head.c_str() + head.rfind(' ') + 1, nullptr, 10);
        need(size + 2);
        std::string answer(unread().substr(0, size));
        skip(size + 2);
        // Nobody answers: there is no leader of all streams yet.
        if (with_headers && answer.find(" 503") != std::string::npos) return R"({"error":"503"})";
        return answer;
    }
}

void JetStream::insist(const std::string& subject, const std::string& document) {
    std::string answer;
    for (int tries = 0; tries < tries_max; ++tries) {
        answer = ask(subject, document);
        if (!says_error(answer)) return;
        pause(socket());
    }
    throw Broken("NATS: " + answer);
}

void JetStream::create() {
    ask("$JS.API.STREAM.DELETE." + stream(), "");
    insist("$JS.API.STREAM.CREATE." + stream(),
           R"({"name":")" + stream() + R"(","subjects":[")" + options_.object +
               R"("],"retention":")" + (options_.fan > 0 ? "interest" : "workqueue") +
               R"(","storage":"file","max_msgs":-1,"max_bytes":-1,"max_age":0,"discard":"old",)" +
               R"("num_replicas":)" + std::to_string(options_.replicas) +
               R"(,"duplicate_window":1000000000})");
    for (int at = 0; at < std::max(1, options_.fan); ++at) {
        insist("$JS.API.CONSUMER.DURABLE.CREATE." + stream() + "." + consumer(at),
               R"({"stream_name":")" + stream() + R"(","config":{"durable_name":")" + consumer(at) +
                   R"(","ack_policy":"explicit","deliver_policy":"all",)"
                   R"("replay_policy":"instant","ack_wait":60000000000,)"
                   R"("max_ack_pending":20000,"max_waiting":512}})");
    }
}

void JetStream::find_leader() {
    constexpr std::string_view field = "\"leader\":\"";
    for (int tries = 0; tries < tries_max; ++tries) {
        const std::string answer = ask("$JS.API.STREAM.INFO." + stream(), "");
        const auto at = answer.find(field);
        if (at != std::string::npos) {
            const auto begin = at + field.size();
            const auto end = answer.find('"', begin);
            std::printf("leader=%s\n", answer.substr(begin, end - begin).c_str());
            return;
        }
        pause(socket());
    }
    throw Broken("NATS: the stream has no leader");
}

void JetStream::pull() {
    const int asked = std::max(1, options_.prefetch / 2);
    while (pulled_ <= options_.prefetch / 2) {
        const std::string document =
            R"({"batch":)" + std::to_string(asked) + R"(,"expires":60000000000})";
        output_ += "PUB $JS.API.CONSUMER.MSG.NEXT." + stream() + "." +
                   consumer(options_.fan > 0 ? number_ : 0) + " " + inbox_ + ".d.x " +
                   std::to_string(document.size()) + "\r\n" + document + "\r\n";
        pulled_ += asked;
    }
}

void JetStream::consume() {
    pull();
}

void JetStream::after_reading() {
    if (role() == Role::consumer) pull();
}

void JetStream::publish(std::string_view bodies, std::uint64_t tag) {
    std::array<char, 256> head;
    const int size = std::snprintf(head.data(),
                                   head.size(),
                                   "PUB %s %s.%llu %zu\r\n",
                                   options_.object.c_str(),
                                   inbox_.c_str(),
                                   static_cast<unsigned long long>(tag),
                                   bodies.size());
    output_.append(head.data(), static_cast<std::size_t>(size));
    output_ += bodies;
    output_ += "\r\n";
}

// "MSG subject sid [reply] size" or "HMSG subject sid [reply] head-size size", then the payload.
bool JetStream::take_message(std::string_view all) {
    const auto end = all.find("\r\n");
    std::array<std::string_view, 6> words;
    std::size_t count = 0;
    for (std::size_t at = 0; at < end && count < words.size(); ++count) {
        const auto stop = std::min(all.find(' ', at), end);
        words[count] = all.substr(at, stop - at);
        at = stop + 1;
    }
    const bool with_headers = all.front() == 'H';
    const std::size_t size = std::strtoul(words[count - 1].data(), nullptr, 10);
    if (all.size() < end + 2 + size + 2) return false;
    const std::string_view payload = all.substr(end + 2, size);
    if (words[2] == "1") {  // the answer to a publish; its subject ends in the tag
        const auto tag = std::strtoull(words[1].data() + words[1].rfind('.') + 1, nullptr, 10);
        const bool good = !with_headers && !says_error(payload);
        listener_.answered(*this, tag, Listener::Which::this_one, good);
    } else if (with_headers) {  // a pull has ended: 404, 408 or 409
        pulled_ = 0;
    } else if (count == 5) {
        listener_.delivered(payload);
        output_.append("PUB ").append(words[3]).append(" 4\r\n+ACK\r\n");
        --pulled_;
    }
    skip(end + 2 + size + 2);
    return true;
}

void JetStream::parse() {
    while (true) {
        const std::string_view all = unread();
        const auto end = all.find("\r\n");
        if (end == std::string_view::npos) break;
        if (all.starts_with("MSG ") || all.starts_with("HMSG ")) {
            if (!take_message(all)) break;
            continue;
        }
        if (all.starts_with("PING")) output_ += "PONG\r\n";
        if (all.front() == '-') listener_.failed("NATS: " + std::string(all.substr(0, end)));
        skip(end + 2);
    }
    forget_taken();
}

}  // namespace penstock::load

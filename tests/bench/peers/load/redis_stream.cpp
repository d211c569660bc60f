// Redis' protocol (RESP 2) as far as streams need it.
#include "tests/bench/peers/load/drivers.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace penstock::load {

struct RedisStream::Value {
    char type = 0;
    std::int64_t number = 0;
    std::string_view text;
    std::vector<Value> items;
};

namespace {

std::string command(const std::vector<std::string>& words) {
    std::string out = "*" + std::to_string(words.size()) + "\r\n";
    for (const auto& word : words) {
        out.append("$").append(std::to_string(word.size())).append("\r\n");
        out.append(word).append("\r\n");
    }
    return out;
}

}  // namespace

void RedisStream::greet() {
    output_ = command({"PING"});
    send_now();
    line();
}

void RedisStream::create() {
    output_ = command({"DEL", options_.object});
    send_now();
    line();
    for (int at = 0; at < std::max(1, options_.fan); ++at) {
        const std::string name = "g" + std::to_string(at);
        output_ = command({"XGROUP", "CREATE", options_.object, name, "0", "MKSTREAM"});
        send_now();
        const std::string answer = line();
        if (answer != "+OK") throw Broken("Redis: " + answer);
    }
}

std::string RedisStream::group() const {
    return "g" + std::to_string(options_.fan > 0 ? number_ : 0);
}

void RedisStream::read() {
    output_ += command({"XREADGROUP",
                        "GROUP",
                        group(),
                        "c" + std::to_string(number_),
                        "COUNT",
                        std::to_string(options_.prefetch),
                        "BLOCK",
                        "1000",
                        "STREAMS",
                        options_.object,
                        ">"});
}

void RedisStream::consume() {
    read();
}

void RedisStream::publish(std::string_view bodies, std::uint64_t) {
    output_.append("*5\r\n$4\r\nXADD\r\n$")
        .append(std::to_string(options_.object.size()))
        .append("\r\n")
        .append(options_.object)
        .append("\r\n$1\r\n*\r\n$1\r\nb\r\n$")
        .append(std::to_string(bodies.size()))
        .append("\r\n")
        .append(bodies)
        .append("\r\n");
}

// One value from `at` on, which then stands behind it; false: it is not whole yet.
bool RedisStream::take_value(std::string_view all, std::size_t& at, Value& value) const {
    const auto end = all.find("\r\n", at);
    if (end == std::string_view::npos) return false;
    value.type = all[at];
    value.number = std::strtoll(all.data() + at + 1, nullptr, 10);
    at = end + 2;
    if (value.number < 0) return true;
    const auto size = static_cast<std::size_t>(value.number);
    if (value.type == '$') {
        if (all.size() < at + size + 2) return false;
        value.text = all.substr(at, size);
        at += size + 2;
    }
    for (std::size_t item = 0; value.type == '*' && item < size; ++item) {
        value.items.emplace_back();
        if (!take_value(all, at, value.items.back())) return false;
    }
    return true;
}

// [[stream, [[id, [field, body]], ...]]]
void RedisStream::on_messages(const Value& answer) {
    std::vector<std::string> acknowledged{"XACK", options_.object, group()};
    std::vector<std::string> deleted{"XDEL", options_.object};
    for (const auto& entry : answer.items.front().items.at(1).items) {
        const std::string id(entry.items.at(0).text);
        acknowledged.push_back(id);
        deleted.push_back(id);
        listener_.delivered(entry.items.at(1).items.at(1).text);
    }
    output_ += command(acknowledged);
    if (options_.fan == 0) output_ += command(deleted);  // in a fan others still read it
}

void RedisStream::parse() {
    while (!unread().empty()) {
        std::size_t at = 0;
        Value value;
        if (!take_value(unread(), at, value)) break;
        if (value.type == '-') listener_.failed("Redis: " + std::string(unread().substr(0, 80)));
        if (role() == Role::sender) {
            answer_next(value.type != '-');
        } else if (value.type == '*') {
            if (!value.items.empty()) on_messages(value);
            read();
        }
        skip(at);
    }
    forget_taken();
}

}  // namespace penstock::load

#include "tests/bench/peers/load/options.h"

#include <charconv>
#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>

namespace penstock::load {

namespace {

constexpr int stamp_bytes = 32;  // send time and sequence number, which open a body

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    std::istringstream in(text);
    for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
    return parts;
}

template <class Number>
Number number(const std::string& text, Number lowest, Number highest) {
    Number value{};
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    if (read.ec != std::errc() || read.ptr != end || value < lowest || value > highest) {
        std::ostringstream what;
        what << "must be a number from " << lowest << " to " << highest << ", not " << text;
        throw std::invalid_argument(what.str());
    }
    return value;
}

std::vector<Endpoint> endpoints(const std::string& text) {
    std::vector<Endpoint> found;
    for (const auto& one : split(text)) {
        const auto colon = one.rfind(':');
        if (colon == std::string::npos) throw std::invalid_argument("must be HOST:PORT,...");
        const int port = number(one.substr(colon + 1), 1, 65535);
        found.push_back({one.substr(0, colon), static_cast<std::uint16_t>(port)});
    }
    return found;
}

Mode mode(const std::string& text) {
    static const std::map<std::string, Mode> modes{{"setup", Mode::setup},
                                                   {"leader", Mode::leader},
                                                   {"send", Mode::send},
                                                   {"cycle", Mode::cycle},
                                                   {"drain", Mode::drain}};
    const auto found = modes.find(text);
    if (found == modes.end())
        throw std::invalid_argument("must be setup, leader, send, cycle or drain");
    return found->second;
}

using Setter = std::function<void(Options&, const std::string&)>;

Setter whole(int Options::*field, int lowest, int highest) {
    return [=](Options& o, const std::string& text) {
        o.*field = number(text, lowest, highest);
    };
}

Setter real(double Options::*field) {
    return [=](Options& o, const std::string& text) {
        o.*field = number(text, 0.0, 1e9);
    };
}

Setter text(std::string Options::*field) {
    return [=](Options& o, const std::string& value) {
        o.*field = value;
    };
}

Setter flag(bool Options::*field) {
    return [=](Options& o, const std::string& value) {
        o.*field = number(value, 0, 1) == 1;
    };
}

const std::map<std::string, Setter>& setters() {
    static const std::map<std::string, Setter> all{
        {"driver", text(&Options::driver)},
        {"object", text(&Options::object)},
        {"path", text(&Options::path)},
        {"key", text(&Options::key)},
        {"acknowledged-file", text(&Options::acknowledged_file)},
        {"verify-file", text(&Options::verify_file)},
        {"topic", flag(&Options::topic)},
        {"keep", flag(&Options::keep)},
        {"connections", whole(&Options::connections, 1, 10'000)},
        {"window", whole(&Options::window, 1, 1'024)},
        {"size", whole(&Options::size, stamp_bytes, 1 << 20)},
        {"batch", whole(&Options::batch, 1, 16)},
        {"consumers", whole(&Options::consumers, 1, 1'000)},
        {"prefetch", whole(&Options::prefetch, 1, 20'000)},
        {"replicas", whole(&Options::replicas, 1, 7)},
        {"fan", whole(&Options::fan, 0, 100)},
        {"spread", whole(&Options::spread, 1, 100'000)},
        {"answer-within-ms", whole(&Options::answer_within_ms, 0, 60'000)},
        {"seconds", real(&Options::seconds)},
        {"warmup", real(&Options::warmup)},
        {"rate", real(&Options::rate)},
        {"idle", real(&Options::idle)},
        {"mode",
         [](Options& o, const std::string& value) {
             o.mode = mode(value);
         }},
        {"endpoints",
         [](Options& o, const std::string& v) {
             o.endpoints = endpoints(v);
         }},
        {"consume-at",
         [](Options& o, const std::string& v) {
             o.consume_at = endpoints(v);
         }},
        {"queues",
         [](Options& o, const std::string& v) {
             o.queues = split(v);
         }},
        {"count",
         [](Options& o, const std::string& v) {
             o.count = number(v, std::uint64_t{0}, std::uint64_t{100'000'000});
         }},
        {"first",
         [](Options& o, const std::string& v) {
             o.first = number(v, std::uint64_t{0}, std::uint64_t{100'000'000});
         }},
        {"processes",
         [](Options& o, const std::string& v) {
             for (const auto& one : split(v)) o.processes.push_back(number(one, 1, 1 << 30));
         }},
    };
    return all;
}

}  // namespace

Options parse_options(const std::vector<std::string>& words) {
    Options options;
    for (std::size_t at = 0; at < words.size(); at += 2) {
        const bool named = words[at].rfind("--", 0) == 0;
        const auto setter = setters().find(named ? words[at].substr(2) : "");
        if (setter == setters().end())
            throw std::invalid_argument("there is no option " + words[at]);
        if (at + 1 == words.size()) throw std::invalid_argument(words[at] + " lacks its value");
        try {
            setter->second(options, words[at + 1]);
        } catch (const std::invalid_argument& wrong) {
            throw std::invalid_argument(words[at] + " " + wrong.what());
        }
    }
    if (options.endpoints.empty()) throw std::invalid_argument("--endpoints is needed");
    if (options.consume_at.empty()) options.consume_at = options.endpoints;
    return options;
}

}  // namespace penstock::load

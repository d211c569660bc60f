#include "tests/nemesis/history.h"

#include <boost/json.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace penstock::nemesis {

namespace {

namespace json = boost::json;

const std::map<std::string, Kind, std::less<>> kinds{{"queue", Kind::queue},
                                                     {"subscription", Kind::subscription},
                                                     {"send", Kind::send},
                                                     {"publish", Kind::publish},
                                                     {"receive", Kind::receive},
                                                     {"remove", Kind::remove},
                                                     {"visibility", Kind::visibility},
                                                     {"rewind", Kind::rewind},
                                                     {"push", Kind::push},
                                                     {"set", Kind::set},
                                                     {"get", Kind::get},
                                                     {"create", Kind::create},
                                                     {"drop", Kind::drop},
                                                     {"look", Kind::look},
                                                     {"count", Kind::count}};

const std::map<std::string, Outcome, std::less<>> outcomes{
    {"ok", Outcome::ok}, {"fail", Outcome::fail}, {"unknown", Outcome::unknown}};

std::string text(const json::object& line, std::string_view name) {
    const auto* value = line.if_contains(name);
    return value == nullptr ? std::string() : std::string(value->as_string().c_str());
}

std::int64_t number(const json::object& line, std::string_view name, std::int64_t otherwise) {
    const auto* value = line.if_contains(name);
    return value == nullptr ? otherwise : value->to_number<std::int64_t>();
}

bool flag(const json::object& line, std::string_view name) {
    const auto* value = line.if_contains(name);
    return value != nullptr && value->as_bool();
}

Queue read_queue(const json::object& line) {
    Queue queue;
    queue.visibility_s = number(line, "visibility_s", queue.visibility_s);
    queue.dead = text(line, "dead");
    queue.max_receives = static_cast<std::uint64_t>(number(line, "max_receives", 0));
    queue.rewound = flag(line, "rewound");
    return queue;
}

Subscription read_subscription(const json::object& line) {
    return {text(line, "topic"),
            text(line, "tag"),
            text(line, "queue"),
            text(line, "dead"),
            flag(line, "ordered")};
}

Operation read_operation(const json::object& line, Kind kind) {
    Operation operation;
    operation.kind = kind;
    operation.outcome = outcomes.at(text(line, "outcome"));
    operation.invoke_us = line.at("invoke").to_number<TimeUs>();
    if (operation.outcome != Outcome::unknown) {
        operation.complete_us = line.at("complete").to_number<TimeUs>();
    }
    operation.object = text(line, "object");
    operation.key = text(line, "key");
    operation.tag = text(line, "tag");
    operation.why = text(line, "why");
    operation.number = number(line, "number", 0);
    const auto* items = line.if_contains("items");
    if (items == nullptr) return operation;
    for (const auto& value : items->as_array()) {
        const json::object& item = value.as_object();
        operation.items.push_back({text(item, "body"),
                                   text(item, "id"),
                                   text(item, "receipt"),
                                   static_cast<std::uint64_t>(number(item, "receives", 0))});
    }
    return operation;
}

// The library's only way to say that a member is missing or of another type.
bool read_line(std::string_view bytes, History& history) try {
    const json::object line = json::parse(bytes).as_object();
    const Kind kind = kinds.at(text(line, "kind"));
    if (kind == Kind::queue) {
        history.queues.emplace(text(line, "object"), read_queue(line));
    } else if (kind == Kind::subscription) {
        history.subscriptions.emplace(text(line, "object"), read_subscription(line));
    } else {
        history.operations.push_back(read_operation(line, kind));
    }
    return true;

} catch (const std::exception&) {
    return false;
}

}  // namespace

Result<History> read_history(std::string_view text) {
    History history;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (!read_line(line, history)) {
            return Error{Errc::damaged, "line " + std::to_string(number) + " of the history"};
        }
    }
    return history;
}

}  // namespace penstock::nemesis

#include "broker/cli/message_flags.h"

#include "broker/base/instant.h"

#include <boost/json.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

constexpr std::uint64_t page_max = 500;

Failure no_time(const std::string& flag, const std::string& text) {
    return usage_failure(flag + ": '" + text + "' is not a time.",
                         "It takes 2026-01-31T08:05:09Z, or -1h for an hour ago.");
}

json::array list_of(const std::vector<std::string>& texts) {
    json::array list;
    for (const auto& text : texts) list.emplace_back(text);
    return list;
}

// At most `page` of the items a page; what follows a cursor.
std::string page_target(const std::string& path, const std::string& cursor, std::uint64_t page) {
    std::string target =
        path + (path.find('?') == std::string::npos ? "?" : "&") + "limit=" + std::to_string(page);
    if (!cursor.empty()) target += "&cursor=" + encoded(cursor);
    return target;
}

std::optional<Failure> each_item(Session& session,
                                 const std::string& path,
                                 std::uint64_t page,
                                 const VisitItem& visit) {
    std::string cursor;
    do {
        const auto answer = session.get(page_target(path, cursor, page));
        if (!answer) return answer.error();
        const auto* items = answer->if_contains("items");
        if (items == nullptr || !items->is_array()) return {};
        for (const auto& item : items->get_array()) {
            if (item.is_object() && !visit(item.get_object())) return {};
        }
        cursor = at_path(*answer, "next_cursor");
    } while (!cursor.empty());
    return {};
}

}  // namespace

void MessageFlags::add_to(CLI::App& verb, bool letters) {
    verb.add_option("--from", from_, "Since: RFC 3339, or a duration ago such as -1h");
    verb.add_option("--to", to_, "And before");
    verb.add_option("--tag", tags_, "With this tag; may be repeated")->take_all()->expected(1);
    verb.add_option("--key", key_, "With this routing key or ordering key");
    verb.add_option("--text", text_, "With this text in the body");
    if (!letters) return;
    verb.add_option(
            "--reason", reasons_, "That died of this, such as status or timeout; repeatable")
        ->take_all()
        ->expected(1);
    verb.add_option("--status", status_, "Whose last answer was 503, 5xx or 400-499");
}

boost::system::result<json::object, Failure> MessageFlags::members(const Session& session) const {
    json::object body;
    const std::int64_t now_ms = session.world().clock.wall_ms();
    for (const auto& [name, text] : {std::pair{"from", &from_}, std::pair{"to", &to_}}) {
        if (text->empty()) continue;
        const auto time_ms = parse_time_ms(*text, now_ms);
        if (!time_ms) return no_time(std::string("--") + name, *text);
        body[name] = format_instant(*time_ms);
    }
    if (!tags_.empty()) body["tag"] = list_of(tags_);
    if (!key_.empty()) body["key"] = key_;
    if (!text_.empty()) body["text"] = text_;
    if (!reasons_.empty()) body["reason"] = list_of(reasons_);
    if (!status_.empty()) body["status"] = status_;
    return body;
}

std::optional<Failure> MessageFlags::put(const Session& session, json::object& body) const {
    const auto given = members(session);
    if (!given) return given.error();
    for (const auto& [name, value] : *given) body[name] = value;
    return {};
}

boost::system::result<std::string, Failure> MessageFlags::query(const Session& session) const {
    const auto given = members(session);
    if (!given) return given.error();
    std::string query;
    for (const auto& [name, value] : *given) {
        const std::string key(name);
        if (value.is_string()) {
            query += "&" + key + "=" + encoded(std::string_view(value.get_string()));
            continue;
        }
        for (const auto& one : value.get_array()) {
            query += "&" + key + "=" + encoded(std::string_view(one.get_string()));
        }
    }
    return query;
}

boost::system::result<std::uint64_t, Failure> parse_rate(const std::string& text) {
    std::string_view number = text;
    if (number.ends_with("/s")) number.remove_suffix(2);
    std::uint64_t rate = 0;
    const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), rate);
    if (problem == std::errc() && end == number.data() + number.size() && rate > 0) {
        return {boost::system::in_place_value, rate};
    }
    return usage_failure("--rate: '" + text + "' is not a rate.", "It takes 50/s.");
}

std::optional<Failure> each_item(Session& session,
                                 const std::string& path,
                                 const VisitItem& visit) {
    return each_item(session, path, page_max, visit);
}

int show_items(Session& session,
               const std::string& path,
               std::uint64_t limit,
               const Columns& columns) {
    json::array items;
    const auto keep = [&](const json::object& item) {
        items.push_back(item);
        return items.size() < limit;
    };
    const auto failure = each_item(session, path, std::min(limit, page_max), keep);
    if (failure) return session.fail(*failure);
    return session.show(items, columns);
}

}  // namespace penstock::cli

#include "broker/cli/session.h"

#include <boost/json.hpp>

#include <array>
#include <cctype>
#include <cstdio>
#include <string>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

// A list that never ends is the server's defect; this ends it.
constexpr std::size_t pages_max = 100'000;

// An entity tag is shown and taken without its quotes, which shells eat.
std::string unquoted(std::string_view tag) {
    if (tag.size() < 2 || !tag.starts_with('"') || !tag.ends_with('"')) return std::string(tag);
    return std::string(tag.substr(1, tag.size() - 2));
}

std::string quoted(std::string_view tag) {
    return "\"" + unquoted(tag) + "\"";
}

}  // namespace

std::string encoded(std::string_view text) {
    constexpr std::string_view unreserved = "-._~";
    std::string out;
    for (const char byte : text) {
        const auto code = static_cast<unsigned char>(byte);
        if ((code < 0x80 && std::isalnum(code) != 0) ||
            unreserved.find(byte) != std::string::npos) {
            out.push_back(byte);
        } else {
            std::array<char, 4> hex{};
            std::snprintf(hex.data(), hex.size(), "%%%02X", static_cast<unsigned>(code));
            out += hex.data();
        }
    }
    return out;
}

Format Session::format() const {
    if (output == "json") return Format::json;
    if (output == "ndjson") return Format::ndjson;
    if (output == "table") return Format::table;
    return world_.terminal_out ? Format::table : Format::lines;
}

Resolved Session::target() {
    return resolve(flags, world_);
}

Server* Session::server(Failure& failure) {
    if (server_) return server_.get();
    const auto where = target();
    if (!where) {
        failure = where.error();
        return nullptr;
    }
    address_ = where->server;
    auto made = world_.connect(*where);
    if (!made) {
        failure = failure_of(made.error(), address_);
        return nullptr;
    }
    server_ = std::move(*made);
    return server_.get();
}

Called Session::call(Ask ask) {
    Failure failure;
    Server* way = server(failure);
    if (way == nullptr) return failure;
    if (!if_match.empty() && (ask.method == "PATCH" || ask.method == "DELETE")) {
        ask.headers.emplace_back("If-Match", quoted(if_match));
    }
    const auto answer = way->ask(ask);
    if (!answer) return failure_of(answer.error(), address_);
    if (answer->status < 200 || answer->status > 299) {
        return failure_of(answer->status, answer->body);
    }
    if (answer->body.empty()) return json::object();
    boost::system::error_code error;
    json::value value = json::parse(answer->body, error);
    if (error || !value.is_object()) {
        failure.what = "The server's answer is not what /v1 promises.";
        failure.next = "Is it a Penstock server? 'penstock doctor' looks.";
        return failure;
    }
    if (!answer->etag.empty()) value.get_object()["etag"] = unquoted(answer->etag);
    return std::move(value.get_object());
}

Called Session::get(const std::string& path) {
    return act("GET", path);
}

Called Session::act(const std::string& method, const std::string& path) {
    Ask ask;
    ask.method = method;
    ask.target = path;
    return call(std::move(ask));
}

Called Session::send(const std::string& method, const std::string& path, const json::object& body) {
    Ask ask;
    ask.method = method;
    ask.target = path;
    ask.body = json::serialize(body);
    ask.headers.emplace_back("Content-Type", "application/json");
    return call(std::move(ask));
}

Listed Session::list(const std::string& path) {
    json::array items;
    std::string cursor;
    for (std::size_t page = 0; page < pages_max; ++page) {
        std::string target = path + (path.find('?') == std::string::npos ? "?" : "&") + "limit=100";
        if (!cursor.empty()) target += "&cursor=" + encoded(cursor);
        const auto answer = get(target);
        if (!answer) return answer.error();
        const auto* part = answer->if_contains("items");
        if (part != nullptr && part->is_array()) {
            for (const auto& item : part->get_array()) {
                if (item.is_object()) items.push_back(item);
            }
        }
        cursor = at_path(*answer, "next_cursor");
        if (cursor.empty()) break;
    }
    return items;
}

int Session::fail(const Failure& failure) {
    world_.err << "penstock: " << escaped(failure.what);
    if (!failure.code.empty()) world_.err << " (" << escaped(failure.code) << ")";
    world_.err << "\n";
    if (!failure.next.empty()) world_.err << "  " << escaped(failure.next) << "\n";
    return failure.exit_code;
}

void Session::suggest(std::string_view next) {
    if (world_.terminal_out && format() == Format::table && !next.empty()) {
        world_.out << "\ntry: " << next << "\n";
    }
}

int Session::show(const json::object& object, std::string_view next) {
    print_object(world_.out, format(), object);
    suggest(next);
    return exit_ok;
}

int Session::show(const json::array& items, const Columns& columns) {
    print_items(world_.out, format(), items, columns);
    return exit_ok;
}

int Session::say(const std::string& line, const json::object& object, std::string_view next) {
    if (format() == Format::json || format() == Format::ndjson) return show(object);
    world_.out << escaped(line) << "\n";
    suggest(next);
    world_.out.flush();
    return exit_ok;
}

bool Session::confirmed(const std::string& question, int& exit_code) {
    if (yes) return true;
    if (!world_.terminal_in || !world_.terminal_out) {
        exit_code = fail(usage_failure("This cannot be undone: " + question, "Say so with --yes."));
        return false;
    }
    world_.out << question << " [y/N] " << std::flush;
    std::string line;
    std::getline(world_.in, line);
    if (line == "y" || line == "Y" || line == "yes") return true;
    Failure failure;
    failure.what = "Nothing was done.";
    exit_code = fail(failure);
    return false;
}

}  // namespace penstock::cli

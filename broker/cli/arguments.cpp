#include "broker/cli/arguments.h"

#include "broker/base/instant.h"
#include "broker/config/quantity.h"
#include "broker/model/ids.h"

#include <boost/json.hpp>

#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

using Parse = std::optional<std::uint64_t> (*)(std::string_view);

CLI::Option* add_quantity(CLI::App& command,
                          const std::string& flag,
                          std::optional<std::uint64_t>& target,
                          const std::string& help,
                          Parse parse,
                          const std::string& form) {
    const auto check = [parse, form](const std::string& text) {
        return parse(text) ? std::string() : "'" + text + "' is not " + form;
    };
    const auto keep = [&target, parse](const std::string& text) {
        target = parse(text);
    };
    return command.add_option_function<std::string>(flag, keep, help)->check(check);
}

}  // namespace

void add_if_match(CLI::App& verb, std::string& etag) {
    verb.add_option("--if-match", etag, "Only while its etag, as info shows it, is this one")
        ->check(CLI::Validator(
            [](const std::string& given) {
                return given.empty() ? std::string("an etag is not empty") : std::string();
            },
            "ETAG"));
}

std::optional<std::uint64_t> parse_seconds(std::string_view text) {
    const auto milliseconds = config::parse_duration_ms(text);
    if (!milliseconds || *milliseconds % 1000 != 0) return std::nullopt;
    return *milliseconds / 1000;
}

CLI::Option* add_seconds(CLI::App& command,
                         const std::string& flag,
                         std::optional<std::uint64_t>& target,
                         const std::string& help) {
    return add_quantity(command,
                        flag,
                        target,
                        help,
                        parse_seconds,
                        "a duration in whole seconds such as 90s, 15m, 2h or 3d")
        ->type_name("DURATION");
}

CLI::Option* add_milliseconds(CLI::App& command,
                              const std::string& flag,
                              std::optional<std::uint64_t>& target,
                              const std::string& help) {
    return add_quantity(command,
                        flag,
                        target,
                        help,
                        config::parse_duration_ms,
                        "a duration such as 500ms, 90s, 15m, 2h or 3d")
        ->type_name("DURATION");
}

CLI::Option* add_bytes(CLI::App& command,
                       const std::string& flag,
                       std::optional<std::uint64_t>& target,
                       const std::string& help) {
    return add_quantity(command,
                        flag,
                        target,
                        help,
                        config::parse_size_bytes,
                        "a size such as 512, 64KiB or 1MiB")
        ->type_name("SIZE");
}

CLI::Option* add_number(CLI::App& command,
                        const std::string& flag,
                        std::optional<std::uint64_t>& target,
                        const std::string& help) {
    return add_quantity(command, flag, target, help, model::parse_decimal, "a whole number")
        ->type_name("N");
}

std::optional<std::int64_t> parse_time_ms(std::string_view text, std::int64_t now_ms) {
    if (!text.starts_with('-')) return parse_instant(text);
    const auto ago = config::parse_duration_ms(text.substr(1));
    if (!ago || *ago > static_cast<std::uint64_t>(now_ms)) return std::nullopt;
    return now_ms - static_cast<std::int64_t>(*ago);
}

boost::system::result<json::value, Failure> parse_retry(std::string_view text) {
    if (text == "backoff" || text == "exponential" || text == "standard") {
        return json::value(json::string(text));
    }
    json::array steps;
    while (true) {
        const std::string_view pause = text.substr(0, text.find(','));
        // "5m-10m": somewhere in between.
        const std::size_t dash = pause.find('-');
        const auto least = config::parse_duration_ms(pause.substr(0, dash));
        const auto most = dash == std::string_view::npos
                              ? least
                              : config::parse_duration_ms(pause.substr(dash + 1));
        if (!least || !most) {
            return usage_failure("--retry: '" + std::string(pause) + "' is not a pause.",
                                 "It takes backoff, exponential, standard, or pauses such as "
                                 "5s,5m-10m,30m.");
        }
        json::object step;
        step["min_ms"] = *least;
        if (*most != *least) step["max_ms"] = *most;
        steps.emplace_back(std::move(step));
        if (pause.size() == text.size()) break;
        text.remove_prefix(pause.size() + 1);
    }
    json::object retry;
    retry["name"] = "custom";
    retry["steps"] = std::move(steps);
    return json::value(std::move(retry));
}

void put(json::object& body, std::string_view name, const std::optional<std::uint64_t>& value) {
    if (value) body[name] = *value;
}

}  // namespace penstock::cli

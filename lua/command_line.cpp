#include "lua/command_line.h"

#include <charconv>
#include <optional>

namespace penstock::lua {
namespace {

std::optional<std::int64_t> number_from(const std::string& text, std::int64_t most) {
    std::int64_t number = 0;
    const char* past = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), past, number);
    if (failure != std::errc{} || stop != past || number < 1 || number > most) return std::nullopt;
    return number;
}

// The text an option sets, or nothing if it is none of these.
std::string* text_option(CommandLine& line, const std::string& option) {
    if (option == "--event") return &line.event;
    if (option == "--kv") return &line.kv;
    if (option == "--http") return &line.http;
    if (option == "--role") return &line.role;
    return nullptr;
}

Error refused(const std::string& what) {
    return error(Errc::invalid, what);
}

// --memory MIB, --instructions N, --wall-ms N. False: another option.
Result<bool> read_limit(CommandLine& line, const std::string& option, const std::string& value) {
    const bool memory = option == "--memory";
    const bool instructions = option == "--instructions";
    if (!memory && !instructions && option != "--wall-ms") return false;
    const std::int64_t most = memory ? 1'024 : instructions ? 1'000'000'000'000 : 3'600'000;
    const auto number = number_from(value, most);
    if (!number) return refused(option + " takes a number from 1 to " + std::to_string(most));
    if (memory) {
        line.limits.memory_bytes = static_cast<std::size_t>(*number) << 20U;
    } else if (instructions) {
        line.limits.instructions = *number;
    } else {
        line.limits.cpu_ms = *number;
    }
    return true;
}

}  // namespace

const char* const usage =
    "usage: penstock-lua [--memory MIB] [--instructions N] [--wall-ms N]\n"
    "           speaks the worker protocol on standard input and output\n"
    "       penstock-lua --check FILE [--role handler|filter|transform]\n"
    "       penstock-lua --test FILE --event FILE [--role ROLE] [--kv FILE] [--http FILE]\n";

Result<CommandLine> read_command_line(const std::vector<std::string>& arguments) {
    CommandLine line;
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        const std::string& option = arguments[at];
        if (option == "--help" || option == "-h") {
            line.mode = CommandLine::Mode::help;
            return line;
        }
        if (at + 1 == arguments.size())
            return refused("'" + option + "' is unknown or wants a value");
        const std::string& value = arguments[++at];
        if (option == "--check" || option == "--test") {
            line.mode = option == "--test" ? CommandLine::Mode::test : CommandLine::Mode::check;
            line.file = value;
        } else if (std::string* text = text_option(line, option)) {
            *text = value;
        } else {
            const Result<bool> limit = read_limit(line, option, value);
            if (!limit) return limit.error();
            if (!*limit) return refused("unknown option '" + option + "'");
        }
    }
    if (line.mode == CommandLine::Mode::test && line.event.empty())
        return refused("--test needs --event FILE");
    if (!line.role.empty() && line.role != "handler" && line.role != "filter" &&
        line.role != "transform")
        return refused("--role takes handler, filter or transform");
    return line;
}

}  // namespace penstock::lua

#include "tests/tidy/rules.h"

#include <algorithm>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <string>

namespace penstock::tidy {

namespace {

constexpr std::size_t file_lines_max = 500;
constexpr std::size_t columns_max = 100;

// `word` stands in every offending line: looking for it first spares the slow regex.
struct Ban {
    std::string word;
    std::regex pattern;
    std::string what;
    std::function<bool(const SourceFile&)> applies;
};

bool everywhere(const SourceFile&) {
    return true;
}

bool in_core(const SourceFile& file) {
    return starts_with(file.path, "broker/core/");
}

bool may_not_sleep(const SourceFile& file) {
    return !starts_with(file.path, "tests/end_to_end/");
}

bool may_not_read_wall_clock(const SourceFile& file) {
    return in_product(file) && file.path != "broker/base/clock.cpp";
}

bool may_not_lock(const SourceFile& file) {
    return in_product(file) && file.path != "broker/base/short_lock.h";
}

const std::vector<Ban>& bans() {
    static const std::vector<Ban> list{
        {"new",
         std::regex(R"(\bnew\s+[A-Za-z_:(])"),
         "a new expression: own through a value",
         in_product},
        {"delete",
         std::regex(R"(\bdelete(\s+|\s*\[\]\s*)[A-Za-z_*(:])"),
         "a delete expression",
         in_product},
        {"detached",
         std::regex(R"(\bdetached\b)"),
         "detached: every co_spawn reports its end",
         in_product},
        {"iequals",
         std::regex(R"(\biequals\b)"),
         "Boost's iequals, which reads behind the end: broker/base/letters.h",
         everywhere},
        {"mutex",
         std::regex(R"(\bstd::(recursive_|shared_|timed_)?mutex\b)"),
         "a mutex: values cross threads by post",
         may_not_lock},
        {"using", std::regex(R"(\busing\s+namespace\b)"), "using namespace in a header", is_header},
        {"volatile", std::regex(R"(\bvolatile\b)"), "volatile", everywhere},
        {"sleep",
         std::regex(R"(\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\()"),
         "a sleep: wait for the event itself",
         may_not_sleep},
        {"system_clock",
         std::regex(R"(\bsystem_clock\b)"),
         "the wall clock: ask Clock",
         may_not_read_wall_clock},
        {"steady_clock",
         std::regex(R"(\bsteady_clock::now\b)"),
         "a clock read: ask Clock",
         in_core},
        {"float", std::regex(R"(\bfloat\b)"), "floating point in the core", in_core},
        {"double", std::regex(R"(\bdouble\b)"), "floating point in the core", in_core},
        {"ra",
         std::regex(R"(\b(rand|srand|random_device|ranlux48)\b)"),
         "randomness: ask Random",
         in_product},
        {"catch",
         std::regex(R"(catch\s*\(\s*\.\.\.\s*\)\s*\{\s*\})"),
         "a catch that swallows",
         everywhere},
    };
    return list;
}

// Marks of unfinished work, put together here so that this file does not carry them.
const std::regex& unfinished() {
    static const std::regex pattern(std::string(R"(\b(TO)") + "DO|FIX" + "ME|X" + R"(XX)\b)");
    return pattern;
}

std::set<std::string> unordered_names(const SourceFile& file) {
    static const std::regex declaration(
        R"(std::unordered_(?:multi)?(?:map|set)<.*>&?\s+([a-z_0-9]+)\s*[;={,)])");
    std::set<std::string> names;
    for (const auto& line : file.code) {
        std::smatch match;
        if (line.find("std::unordered_") == std::string::npos) continue;
        if (std::regex_search(line, match, declaration)) names.insert(match[1].str());
    }
    return names;
}

bool has(const std::vector<SourceFile>& tree, const std::string& path) {
    return std::any_of(
        tree.begin(), tree.end(), [&](const SourceFile& file) { return file.path == path; });
}

}  // namespace

std::vector<Finding> check_file_length(const SourceFile& file) {
    if (!is_cpp(file) || file.lines.size() <= file_lines_max) return {};
    return {{file.path, 0, std::to_string(file.lines.size()) + " lines; at most 500"}};
}

std::vector<Finding> check_columns(const SourceFile& file) {
    if (!is_cpp(file)) return {};
    std::vector<Finding> findings;
    for (std::size_t at = 0; at < file.lines.size(); ++at) {
        // Continuation bytes of UTF-8 take no column.
        const auto columns =
            std::count_if(file.lines[at].begin(), file.lines[at].end(), [](char byte) {
                return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
            });
        if (static_cast<std::size_t>(columns) > columns_max)
            findings.push_back({file.path, at + 1, std::to_string(columns) + " columns"});
    }
    return findings;
}

std::vector<Finding> check_banned_words(const SourceFile& file) {
    std::vector<Finding> findings;
    for (std::size_t at = 0; at < file.lines.size(); ++at) {
        const bool likely = file.lines[at].find_first_of("OX") != std::string::npos;
        if (likely && std::regex_search(file.lines[at], unfinished()))
            findings.push_back({file.path, at + 1, "a mark of unfinished work"});
        if (!is_cpp(file)) continue;
        for (const auto& ban : bans()) {
            const bool worth_it = file.code[at].find(ban.word) != std::string::npos;
            if (worth_it && ban.applies(file) && std::regex_search(file.code[at], ban.pattern))
                findings.push_back({file.path, at + 1, ban.what});
        }
    }
    return findings;
}

std::vector<Finding> check_unordered_loops(const SourceFile& file) {
    static const std::regex loop(R"(\bfor\s*\(.*:\s*([a-z_0-9]+)\s*\))");
    std::vector<Finding> findings;
    if (!is_cpp(file)) return findings;
    const auto names = unordered_names(file);
    for (std::size_t at = 0; at < file.code.size(); ++at) {
        std::smatch match;
        if (names.empty()) break;
        if (std::regex_search(file.code[at], match, loop) && names.count(match[1].str()) > 0)
            findings.push_back(
                {file.path, at + 1, "a loop over " + match[1].str() + ", which has no order"});
    }
    return findings;
}

std::vector<Finding> check_header_opening(const SourceFile& file) {
    if (!is_header(file) || file.lines.empty()) return {};
    std::vector<Finding> findings;
    if (!starts_with(file.lines.front(), "// "))
        findings.push_back({file.path, 1, "a header opens with a paragraph on what it is"});
    const bool once =
        std::find(file.lines.begin(), file.lines.end(), "#pragma once") != file.lines.end();
    if (!once) findings.push_back({file.path, 1, "no #pragma once"});
    return findings;
}

std::vector<Finding> check_machine_paths(const SourceFile& file) {
    // Put together here so that this file does not carry them.
    static const std::regex path(std::string(R"((^|[\s"'=:(`]))") + "/(wo" + "rk|ho" + "me|ro" +
                                 "ot|fa" + R"(rm|Users)/)");
    std::vector<Finding> findings;
    for (std::size_t at = 0; at < file.lines.size(); ++at) {
        const bool likely = file.lines[at].find('/') != std::string::npos;
        if (likely && std::regex_search(file.lines[at], path))
            findings.push_back({file.path, at + 1, "a path of somebody's machine"});
    }
    return findings;
}

std::vector<Finding> check_lock_file(const SourceFile& file) {
    static const std::regex name(R"((^|/)package-lock\.json$)");
    std::vector<Finding> findings;
    if (!std::regex_search(file.path, name)) return findings;
    for (std::size_t at = 0; at < file.lines.size(); ++at) {
        if (file.lines[at].find("\"resolved\"") != std::string::npos)
            findings.push_back({file.path, at + 1, "a registry's host in a lock file"});
    }
    return findings;
}

std::vector<Finding> check_room_readmes(const std::vector<SourceFile>& tree) {
    std::set<std::string> rooms;
    for (const auto& file : tree) {
        const auto slash = file.path.rfind('/');
        if (!in_product(file) || !is_cpp(file) || slash == std::string::npos) continue;
        rooms.insert(file.path.substr(0, slash));
    }
    std::vector<Finding> findings;
    for (const auto& room : rooms) {
        if (!has(tree, room + "/README.md"))
            findings.push_back({room, 0, "a room without a README.md"});
    }
    return findings;
}

std::vector<Finding> check_examples_mentioned(const std::vector<SourceFile>& tree) {
    std::string readmes;
    for (const auto& file : tree) {
        if (file.path != "README.md" && file.path != "examples/README.md") continue;
        for (const auto& line : file.lines) readmes += line + "\n";
    }
    std::vector<Finding> findings;
    for (const auto& file : tree) {
        if (!starts_with(file.path, "examples/") || file.path == "examples/README.md") continue;
        const std::string name = file.path.substr(file.path.rfind('/') + 1);
        // Within examples/, naming the folder of a group of files is enough.
        const std::string folder = file.path.substr(9, file.path.rfind('/') - 8);
        const bool mentioned = readmes.find(name) != std::string::npos ||
                               (!folder.empty() && readmes.find(folder) != std::string::npos);
        if (!mentioned) findings.push_back({file.path, 0, "an example that no README.md mentions"});
    }
    return findings;
}

}  // namespace penstock::tidy

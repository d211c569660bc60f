#include "tests/tidy/source_file.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

namespace penstock::tidy {

namespace {

namespace fs = std::filesystem;

bool ends_with(std::string_view text, std::string_view ending) {
    return text.size() >= ending.size() && text.substr(text.size() - ending.size()) == ending;
}

// Blanks comments and the contents of literals, keeping every line's length.
class Blanker {
  public:
    std::string line(const std::string& text) {
        std::string out = text;
        for (std::size_t at = 0; at < text.size();) at = step(text, at, out);
        return out;
    }

  private:
    enum class State { code, comment, raw };

    std::size_t step(const std::string& text, std::size_t at, std::string& out) {
        if (state_ == State::comment) return until(text, at, out, "*/");
        if (state_ == State::raw) return until(text, at, out, raw_end_);
        if (text.compare(at, 2, "//") == 0) {
            std::fill(out.begin() + static_cast<std::ptrdiff_t>(at), out.end(), ' ');
            return text.size();
        }
        if (text.compare(at, 2, "/*") == 0) {
            state_ = State::comment;
            return until(text, at, out, "*/");
        }
        if (text.compare(at, 2, "R\"") == 0) {
            const auto open = text.find('(', at);
            state_ = State::raw;
            raw_end_ = ")" + text.substr(at + 2, open - at - 2) + "\"";
            return until(text, at + 2, out, raw_end_);
        }
        const bool digit_separator = text[at] == '\'' && at > 0 && std::isxdigit(text[at - 1]) != 0;
        if (text[at] == '"' || (text[at] == '\'' && !digit_separator))
            return literal(text, at, out);
        return at + 1;
    }

    std::size_t until(const std::string& text,
                      std::size_t at,
                      std::string& out,
                      const std::string& end) {
        const auto found = text.find(end, at);
        const auto stop = found == std::string::npos ? text.size() : found + end.size();
        for (std::size_t place = at; place < stop; ++place) out[place] = ' ';
        if (found != std::string::npos) state_ = State::code;
        return stop;
    }

    static std::size_t literal(const std::string& text, std::size_t at, std::string& out) {
        const char quote = text[at];
        std::size_t place = at + 1;
        while (place < text.size() && text[place] != quote) {
            if (text[place] == '\\' && place + 1 < text.size()) out[place++] = ' ';
            out[place++] = ' ';
        }
        return place + 1;
    }

    State state_ = State::code;
    std::string raw_end_;
};

bool is_text(const std::string& path) {
    static constexpr std::array<std::string_view, 13> endings{".h",
                                                              ".cpp",
                                                              ".md",
                                                              ".txt",
                                                              ".sh",
                                                              ".py",
                                                              ".js",
                                                              ".json",
                                                              ".toml",
                                                              ".html",
                                                              ".yml",
                                                              ".cmake",
                                                              "/run"};
    return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) {
        return ends_with(path, ending);
    });
}

bool is_skipped_folder(const fs::path& folder) {
    const std::string name = folder.filename().string();
    return name == "build" || name == ".git" || name == "node_modules" || name == "penstock-data" ||
           name == "__pycache__";
}

}  // namespace

bool starts_with(const std::string& text, const std::string& prefix) {
    return text.compare(0, prefix.size(), prefix) == 0;
}

bool is_header(const SourceFile& file) {
    return ends_with(file.path, ".h");
}

bool is_cpp(const SourceFile& file) {
    return is_header(file) || ends_with(file.path, ".cpp");
}

bool in_product(const SourceFile& file) {
    return starts_with(file.path, "broker/") || starts_with(file.path, "dispatcher/") ||
           starts_with(file.path, "lua/") || starts_with(file.path, "plugins/") ||
           starts_with(file.path, "sinks/");
}

SourceFile source_file(std::string path, const std::string& text) {
    SourceFile file;
    file.path = std::move(path);
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) file.lines.push_back(line);
    if (!is_cpp(file)) return file;
    Blanker blanker;
    for (const auto& line : file.lines) file.code.push_back(blanker.line(line));
    return file;
}

std::vector<SourceFile> read_tree(const std::string& root) {
    std::vector<SourceFile> files;
    auto walk = fs::recursive_directory_iterator(root);
    for (const auto& entry : walk) {
        if (entry.is_directory() && is_skipped_folder(entry.path())) {
            walk.disable_recursion_pending();
            continue;
        }
        const std::string path = fs::relative(entry.path(), root).generic_string();
        if (!entry.is_regular_file() || !is_text(path)) continue;
        std::ifstream in(entry.path(), std::ios::binary);
        std::ostringstream text;
        text << in.rdbuf();
        files.push_back(source_file(path, text.str()));
    }
    std::sort(files.begin(), files.end(), [](const SourceFile& left, const SourceFile& right) {
        return left.path < right.path;
    });
    return files;
}

}  // namespace penstock::tidy

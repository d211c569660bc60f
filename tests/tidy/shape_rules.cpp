// The two rules that follow braces and expressions over several lines.
#include "tests/tidy/rules.h"

#include <algorithm>
#include <optional>
#include <regex>
#include <string>
#include <vector>

namespace penstock::tidy {

namespace {

constexpr std::size_t function_lines_max = 60;

// Walks the braces of a formatted file. A body's brace follows a space, an initialiser's does not.
class FunctionWalk {
  public:
    explicit FunctionWalk(const SourceFile& file) : file_(file) {}

    std::vector<Finding> run() {
        for (std::size_t at = 0; at < file_.code.size(); ++at) {
            const std::string& line = file_.code[at];
            if (!line.empty() && line[0] == '#') continue;
            for (std::size_t column = 0; column < line.size(); ++column) see(at, line, column);
            head_ += ' ';
        }
        return std::move(findings_);
    }

  private:
    struct Open {
        bool function;
        std::size_t line;
    };

    void see(std::size_t at, const std::string& line, std::size_t column) {
        const char byte = line[column];
        if (byte == '{') {
            open(at, column == 0 || line[column - 1] == ' ');
        } else if (byte == '}') {
            close(at);
        } else if (byte == ';' && parentheses_ == 0) {
            head_.clear();
        } else {
            if (byte == '(') ++parentheses_;
            if (byte == ')' && parentheses_ > 0) --parentheses_;
            head_ += byte;
        }
    }

    void open(std::size_t at, bool after_space) {
        const bool inside = std::any_of(
            open_.begin(), open_.end(), [](const Open& brace) { return brace.function; });
        open_.push_back({!inside && after_space && is_function(head_), at});
        if (after_space) head_.clear();
    }

    void close(std::size_t at) {
        if (open_.empty()) return;
        const Open brace = open_.back();
        open_.pop_back();
        const std::size_t lines = at - brace.line + 1 - labels_between(brace.line, at);
        if (brace.function && lines > function_lines_max)
            findings_.push_back({file_.path,
                                 brace.line + 1,
                                 "a function of " + std::to_string(lines) + " lines; at most 60"});
        if (brace.function) parentheses_ = 0;
    }

    // An exhaustive switch names every enumerator: its labels are a table, not logic.
    [[nodiscard]] std::size_t labels_between(std::size_t first, std::size_t last) const {
        static const std::regex label(R"(^\s*case [A-Za-z0-9_:]+:\s*$)");
        const auto from = file_.code.begin();
        return static_cast<std::size_t>(std::count_if(
            from + static_cast<std::ptrdiff_t>(first),
            from + static_cast<std::ptrdiff_t>(last),
            [](const std::string& line) {
                return line.find("case ") != std::string::npos && std::regex_search(line, label);
            }));
    }

    static bool is_function(const std::string& head) {
        static const std::regex other(
            R"(^\s*(template\s*<[^{]*>\s*)?(namespace|class|struct|union|enum|extern)\b)");
        return head.find('(') != std::string::npos && !std::regex_search(head, other);
    }

    const SourceFile& file_;
    std::vector<Open> open_;
    std::string head_;
    std::size_t parentheses_ = 0;
    std::vector<Finding> findings_;
};

// The whole expression around a co_await: from the statement's start to its ';' or body's '{'.
std::string expression_at(const SourceFile& file, std::size_t at, std::size_t column) {
    std::string text = file.code[at].substr(column);
    const auto first = file.code[at].substr(0, column).find_last_of(";{}");
    text = file.code[at].substr(first == std::string::npos ? 0 : first + 1, column) + text;
    for (std::size_t next = at + 1; next < file.code.size() && next < at + 20; ++next) {
        const auto last = text.find_last_not_of(' ');
        if (last != std::string::npos && (text[last] == ';' || text[last] == '}')) break;
        const bool body =
            last != std::string::npos && text[last] == '{' && last > 0 && text[last - 1] == ' ';
        if (body) break;
        text += " " + file.code[next];
    }
    return text;
}

std::optional<std::string> temporary_in(const std::string& expression) {
    static const std::regex braced(R"([A-Za-z_0-9>]\{[^}\s]|[(,]\s*\{\s*[^}\s]|\{\s*\.[a-z])");
    static const std::regex lambda(R"((^|[(,=\s])\[(&|=|this|[a-z_&][^\]]*)\]\s*(\(|\{|mutable))");
    if (std::regex_search(expression, lambda))
        return "a capturing lambda in an expression with co_await: name it on the line above";
    if (std::regex_search(expression, braced))
        return "a brace-made value in an expression with co_await: name it on the line above";
    return std::nullopt;
}

}  // namespace

std::vector<Finding> check_function_length(const SourceFile& file) {
    if (!is_cpp(file)) return {};
    return FunctionWalk(file).run();
}

std::vector<Finding> check_coroutine_temporaries(const SourceFile& file) {
    std::vector<Finding> findings;
    for (std::size_t at = 0; at < file.code.size(); ++at) {
        const std::size_t column = file.code[at].find("co_await");
        if (column == std::string::npos) continue;
        const auto complaint = temporary_in(expression_at(file, at, column));
        if (complaint) findings.push_back({file.path, at + 1, *complaint});
    }
    return findings;
}

}  // namespace penstock::tidy

#include "tests/plugins/metrics/open_metrics_check.h"

#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <regex>
#include <set>

namespace penstock::testing {

namespace {

struct Family {
    std::string type;
    bool has_help = false;
    bool has_unit = false;
    bool ended = false;
};

struct Buckets {
    double last_bound = -HUGE_VAL;
    double last_count = 0;
    bool infinite = false;
};

class Reader {
  public:
    std::vector<std::string> read(std::string_view text) {
        if (!text.ends_with("# EOF\n")) fault("the last line is not # EOF");
        std::size_t at = 0;
        while (at < text.size()) {
            const std::size_t end = text.find('\n', at);
            if (end == std::string_view::npos) {
                fault("the last line has no end");
                break;
            }
            line_ = std::string(text.substr(at, end - at));
            at = end + 1;
            if (eof_) fault("something behind # EOF");
            read_line();
        }
        for (const auto& [series, buckets] : buckets_) {
            if (!buckets.infinite) fault("no bucket +Inf: " + series);
        }
        return faults_;
    }

  private:
    void fault(const std::string& what) { faults_.push_back(what + ": " + line_); }

    void read_line() {
        if (line_ == "# EOF") {
            eof_ = true;
        } else if (line_.starts_with("#")) {
            read_description();
        } else {
            read_sample();
        }
    }

    void read_description() {
        static const std::regex shape(R"(# (TYPE|HELP|UNIT) ([a-z_][a-z0-9_]*) (\S.*))");
        std::smatch match;
        if (!std::regex_match(line_, match, shape)) return fault("no description");
        const std::string word = match[1];
        const std::string name = match[2];
        const std::string rest = match[3];
        enter(name);
        Family& family = families_[name];
        if (has_samples_) fault("a description behind samples");
        if (word == "TYPE") {
            if (!family.type.empty()) fault("a second TYPE");
            static const std::set<std::string> known{"counter", "gauge", "histogram", "info"};
            if (!known.contains(rest)) fault("no type");
            family.type = rest;
            if (rest == "counter" && name.ends_with("_total")) fault("a family named _total");
        } else if (word == "HELP") {
            if (std::exchange(family.has_help, true)) fault("a second HELP");
        } else {
            if (std::exchange(family.has_unit, true)) fault("a second UNIT");
            if (!name.ends_with("_" + rest)) fault("the name does not end in its unit");
        }
    }

    void enter(const std::string& name) {
        if (name == current_) return;
        if (!current_.empty()) families_[current_].ended = true;
        if (families_[name].ended) fault("a family in two places");
        current_ = name;
        has_samples_ = false;
    }

    void read_sample() {
        static const std::regex shape(R"(([a-z_][a-z0-9_]*)(\{(.*)\})? (\S+))");
        std::smatch match;
        if (!std::regex_match(line_, match, shape)) return fault("no sample");
        const std::string name = match[1];
        const auto labels = read_labels(match[3]);
        if (!labels) return fault("labels");
        const std::string number = match[4];
        char* end = nullptr;
        const double value = std::strtod(number.c_str(), &end);
        if (end != number.c_str() + number.size()) fault("no number");
        if (current_.empty() || !name.starts_with(current_)) return fault("of no family");
        has_samples_ = true;
        judge(name.substr(current_.size()), *labels, value);
        std::string series = name;
        for (const auto& [label, text] : *labels) series += "|" + label + "=" + text;
        if (!series_.insert(series).second) fault("twice");
    }

    void judge(const std::string& suffix,
               const std::map<std::string, std::string>& labels,
               double value) {
        const Family& family = families_[current_];
        static const std::map<std::string, std::set<std::string>> suffixes{
            {"counter", {"_total"}},
            {"gauge", {""}},
            {"info", {"_info"}},
            {"histogram", {"_bucket", "_count", "_sum"}}};
        const auto allowed = suffixes.find(family.type);
        if (allowed == suffixes.end()) return fault("no TYPE before");
        if (!family.has_help) fault("no HELP before");
        if (!allowed->second.contains(suffix)) fault("a suffix that its type has not");
        if (family.type == "counter" && !(value >= 0)) fault("a counter below 0");
        if (family.type == "info" && value != 1) fault("an info that is not 1");
        if (labels.contains("le") != (suffix == "_bucket")) fault("le");
        if (suffix == "_bucket" && labels.contains("le")) judge_bucket(labels, value);
    }

    void judge_bucket(std::map<std::string, std::string> labels, double value) {
        const std::string bound = labels["le"];
        labels.erase("le");
        std::string series = current_;
        for (const auto& [label, text] : labels) series += "|" + label + "=" + text;
        Buckets& buckets = buckets_[series];
        const double limit = bound == "+Inf" ? HUGE_VAL : std::strtod(bound.c_str(), nullptr);
        if (limit <= buckets.last_bound) fault("buckets out of order");
        if (value < buckets.last_count) fault("buckets do not add up");
        buckets = {limit, value, bound == "+Inf"};
    }

    // Nothing: malformed, or one of them twice.
    static std::optional<std::map<std::string, std::string>> read_labels(const std::string& text) {
        static const std::regex shape(R"re(([a-z_][a-z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(,|$))re");
        std::map<std::string, std::string> labels;
        auto at = text.cbegin();
        std::smatch match;
        while (at != text.cend()) {
            const auto flags = std::regex_constants::match_continuous;
            if (!std::regex_search(at, text.cend(), match, shape, flags)) return std::nullopt;
            if (!labels.emplace(match[1], match[2]).second) return std::nullopt;
            at = match.suffix().first;
            if (match[3] == "," && at == text.cend()) return std::nullopt;
        }
        return labels;
    }

    std::string line_;
    bool eof_ = false;
    std::string current_;
    bool has_samples_ = false;
    std::map<std::string, Family> families_;
    std::set<std::string> series_;
    std::map<std::string, Buckets> buckets_;
    std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> open_metrics_faults(std::string_view text) {
    return Reader().read(text);
}

}  // namespace penstock::testing

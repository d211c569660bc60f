#include "plugins/metrics/open_metrics.h"

#include <array>
#include <charconv>
#include <cmath>

namespace penstock::plugins::metrics {

namespace {

using model::Latencies;
using model::MetricFamily;
using model::MetricKind;
using model::MetricLabels;
using model::MetricSample;

constexpr double whole_max = 9'007'199'254'740'992;  // beyond it a double skips whole numbers

std::string_view type_of(MetricKind kind) {
    switch (kind) {
        case MetricKind::counter:
            return "counter";
        case MetricKind::gauge:
            return "gauge";
        case MetricKind::histogram:
            return "histogram";
        case MetricKind::info:
            return "info";
    }
    return "unknown";
}

std::string_view unit_of(std::string_view name) {
    for (const std::string_view unit : {"seconds", "bytes"}) {
        const bool has = name.size() > unit.size() && name.ends_with(unit);
        if (has && name[name.size() - unit.size() - 1] == '_') return unit;
    }
    return {};
}

std::string to_text(double value) {
    std::array<char, 32> digits{};
    char* const begin = digits.data();
    char* const end = begin + digits.size();
    const bool whole = std::floor(value) == value && std::fabs(value) < whole_max;
    const auto written = whole ? std::to_chars(begin, end, static_cast<std::int64_t>(value))
                               : std::to_chars(begin, end, value);
    return {begin, written.ptr};
}

// A bucket's bound in its canonical form: "0.005", "1.0".
std::string bound_text(std::int64_t bound_us) {
    std::array<char, 32> digits{};
    const auto written = std::to_chars(digits.data(),
                                       digits.data() + digits.size(),
                                       static_cast<double>(bound_us) / 1e6,
                                       std::chars_format::fixed);
    std::string text(digits.data(), written.ptr);
    if (text.find('.') == std::string::npos) text += ".0";
    return text;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char letter : text) {
        if (letter == '\n') {
            out += "\\n";
            continue;
        }
        if (letter == '"' || letter == '\\') out += '\\';
        out += letter;
    }
    return out;
}

void put_sample(std::string& out,
                std::string_view name,
                std::string_view suffix,
                const MetricLabels& labels,
                const std::string& value) {
    out.append(name).append(suffix);
    char before = '{';
    for (const auto& [label, text] : labels) {
        out += before;
        out.append(label).append("=\"").append(escaped(text)).append("\"");
        before = ',';
    }
    if (!labels.empty()) out += '}';
    out.append(" ").append(value).append("\n");
}

void put_histogram(std::string& out, std::string_view name, const MetricSample& sample) {
    const Latencies& all = sample.latencies;
    MetricLabels labels = sample.labels;
    labels.emplace_back("le", std::string());
    for (std::size_t at = 0; at < Latencies::bounds_us.size(); ++at) {
        labels.back().second = bound_text(Latencies::bounds_us[at]);
        put_sample(out, name, "_bucket", labels, std::to_string(all.count_within(at)));
    }
    labels.back().second = "+Inf";
    put_sample(out, name, "_bucket", labels, std::to_string(all.count()));
    put_sample(out, name, "_count", sample.labels, std::to_string(all.count()));
    put_sample(out, name, "_sum", sample.labels, to_text(all.sum_seconds()));
}

void put_family(std::string& out, const MetricFamily& family) {
    const auto unit = unit_of(family.name);
    out.append("# TYPE ").append(family.name).append(" ").append(type_of(family.kind)) += '\n';
    if (!unit.empty()) out.append("# UNIT ").append(family.name).append(" ").append(unit) += '\n';
    out.append("# HELP ").append(family.name).append(" ").append(escaped(family.help)) += '\n';
    const std::string_view suffix = family.kind == MetricKind::counter ? "_total"
                                    : family.kind == MetricKind::info  ? "_info"
                                                                       : "";
    for (const MetricSample& sample : family.samples) {
        if (family.kind == MetricKind::histogram) {
            put_histogram(out, family.name, sample);
        } else {
            put_sample(out, family.name, suffix, sample.labels, to_text(sample.value));
        }
    }
}

}  // namespace

std::string to_open_metrics(const model::Metrics& metrics) {
    std::string out;
    for (const MetricFamily& family : metrics.families()) put_family(out, family);
    model::Metrics own;
    own.counter("penstock_metrics_left_out",
                "Figures that are not shown, because there are too many.",
                metrics.left_out());
    put_family(out, own.families().front());
    return out + "# EOF\n";
}

}  // namespace penstock::plugins::metrics

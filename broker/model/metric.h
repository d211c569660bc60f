// Metrics: what a server tells of itself in figures. Each room puts its own in; the ways in show
// them (plugins/metrics). Values, one thread at a time; nothing fails: what is more than the
// limit is left out and counted.
//
// A family's name is penstock_<noun>_<unit>, a counter's without its _total. A label's values are
// few: sets, nodes, reasons; queues and subscriptions only so many (labelled_objects_max), never
// messages or addresses.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::model {

inline constexpr std::size_t metric_samples_max = 50'000;

// Objects of a kind that are labels of their own: the first by name of those that are served here.
inline constexpr std::size_t labelled_objects_max = 100;

// In the order in which they are to be shown.
using MetricLabels = std::vector<std::pair<std::string_view, std::string>>;

enum class MetricKind : std::uint8_t { counter, gauge, histogram, info };

// How often something took how long. The bounds are the same for all: from a fast sync to a message
// that was retried for a day.
class Latencies {
  public:
    static constexpr std::array<std::int64_t, 19> bounds_us{100,
                                                            250,
                                                            500,
                                                            1'000,
                                                            2'500,
                                                            5'000,
                                                            10'000,
                                                            25'000,
                                                            50'000,
                                                            100'000,
                                                            250'000,
                                                            500'000,
                                                            1'000'000,
                                                            5'000'000,
                                                            30'000'000,
                                                            300'000'000,
                                                            3'600'000'000,
                                                            21'600'000'000,
                                                            86'400'000'000};

    void add(std::int64_t duration_us);

    [[nodiscard]] std::uint64_t count() const { return count_; }

    [[nodiscard]] double sum_seconds() const;

    // Of those that took no longer than bounds_us[at].
    [[nodiscard]] std::uint64_t count_within(std::size_t at) const;

  private:
    std::array<std::uint64_t, bounds_us.size()> counts_{};
    std::uint64_t count_ = 0;
    std::int64_t sum_us_ = 0;
};

struct MetricSample {
    MetricLabels labels;
    double value = 0;
    Latencies latencies;  // of a histogram
};

struct MetricFamily {
    std::string name;
    std::string help;
    MetricKind kind = MetricKind::gauge;
    std::vector<MetricSample> samples;
};

class Metrics {
  public:
    // Counts up from the start of the process; shown with _total.
    void counter(std::string_view name,
                 std::string_view help,
                 std::uint64_t value,
                 MetricLabels labels = {});

    void gauge(std::string_view name,
               std::string_view help,
               double value,
               MetricLabels labels = {});

    void histogram(std::string_view name,
                   std::string_view help,
                   const Latencies& latencies,
                   MetricLabels labels = {});

    // What does not change while the process runs, in the labels; shown with _info.
    void info(std::string_view name, std::string_view help, MetricLabels labels);

    // In the order of their first sample.
    [[nodiscard]] const std::vector<MetricFamily>& families() const { return families_; }

    // Samples that were more than metric_samples_max.
    [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

    // The value of a counter or gauge with exactly these labels, 0 when there is none: for tests.
    [[nodiscard]] double value(std::string_view name, const MetricLabels& labels = {}) const;

  private:
    // Every name has one kind and one help: two that differ are a bug.
    void add(MetricKind kind, std::string_view name, std::string_view help, MetricSample sample);

    std::vector<MetricFamily> families_;
    std::map<std::string, std::size_t, std::less<>> places_;
    std::size_t samples_ = 0;
    std::uint64_t left_out_ = 0;
};

}  // namespace penstock::model

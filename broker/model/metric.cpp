#include "broker/model/metric.h"

#include "broker/base/check.h"

#include <algorithm>

namespace penstock::model {

void Latencies::add(std::int64_t duration_us) {
    ++count_;
    sum_us_ += duration_us;
    const auto* const bound = std::lower_bound(bounds_us.begin(), bounds_us.end(), duration_us);
    if (bound == bounds_us.end()) return;
    ++counts_[static_cast<std::size_t>(bound - bounds_us.begin())];
}

double Latencies::sum_seconds() const {
    return static_cast<double>(sum_us_) / 1e6;
}

std::uint64_t Latencies::count_within(std::size_t at) const {
    std::uint64_t count = 0;
    for (std::size_t index = 0; index <= at; ++index) count += counts_[index];
    return count;
}

void Metrics::add(MetricKind kind,
                  std::string_view name,
                  std::string_view help,
                  MetricSample sample) {
    if (samples_ == metric_samples_max) {
        ++left_out_;
        return;
    }
    ++samples_;
    const auto [place, fresh] = places_.try_emplace(std::string(name), families_.size());
    if (fresh) families_.push_back({std::string(name), std::string(help), kind, {}});
    MetricFamily& family = families_[place->second];
    check(family.kind == kind && family.help == help, "a metric means one thing");
    family.samples.push_back(std::move(sample));
}

void Metrics::counter(std::string_view name,
                      std::string_view help,
                      std::uint64_t value,
                      MetricLabels labels) {
    add(MetricKind::counter, name, help, {std::move(labels), static_cast<double>(value), {}});
}

void Metrics::gauge(std::string_view name,
                    std::string_view help,
                    double value,
                    MetricLabels labels) {
    add(MetricKind::gauge, name, help, {std::move(labels), value, {}});
}

void Metrics::histogram(std::string_view name,
                        std::string_view help,
                        const Latencies& latencies,
                        MetricLabels labels) {
    add(MetricKind::histogram, name, help, {std::move(labels), 0, latencies});
}

void Metrics::info(std::string_view name, std::string_view help, MetricLabels labels) {
    add(MetricKind::info, name, help, {std::move(labels), 1, {}});
}

double Metrics::value(std::string_view name, const MetricLabels& labels) const {
    const auto place = places_.find(name);
    if (place == places_.end()) return 0;
    for (const MetricSample& sample : families_[place->second].samples) {
        if (sample.labels == labels) return sample.value;
    }
    return 0;
}

}  // namespace penstock::model

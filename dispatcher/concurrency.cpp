#include "dispatcher/concurrency.h"

#include <algorithm>
#include <cmath>

namespace penstock::dispatcher {
namespace {

using model::ConcurrencyMode;

constexpr double overload_factor = 0.7;
constexpr double tolerance = 1.5;
constexpr double least_gradient = 0.5;
constexpr double step_part = 0.2;
constexpr double present_weight = 1.0 / 10;
constexpr double usual_weight = 1.0 / 600;

}  // namespace

Concurrency::Concurrency(ConcurrencyMode mode, std::uint32_t most)
    : mode_(mode),
      most_(std::max<std::uint32_t>(1, most)),
      limit_(mode == ConcurrencyMode::fixed ? most_ : std::min(most_, concurrency_first)) {}

std::size_t Concurrency::limit() const {
    return static_cast<std::size_t>(std::clamp(limit_, 1.0, most_));
}

void Concurrency::on_well(std::int64_t latency_us, std::size_t in_flight) {
    if (mode_ == ConcurrencyMode::gradient) {
        follow_latency(latency_us, in_flight);
    } else if (mode_ == ConcurrencyMode::aimd || ramping_) {
        grow(in_flight);
    }
    if (limit_ >= most_) ramping_ = false;
}

// A limit that is not used says nothing about what the endpoint could take.
void Concurrency::grow(std::size_t in_flight) {
    if (2 * in_flight < limit()) return;
    limit_ = std::min(most_, limit_ + 1 / limit_);
}

void Concurrency::follow_latency(std::int64_t latency_us, std::size_t in_flight) {
    const auto latency = static_cast<double>(std::max<std::int64_t>(1, latency_us));
    present_us_ =
        present_us_ == 0 ? latency : present_us_ + present_weight * (latency - present_us_);
    usual_us_ = usual_us_ == 0 ? latency : usual_us_ + usual_weight * (latency - usual_us_);
    if (2 * in_flight < limit()) return;
    const double gradient = std::clamp(tolerance * usual_us_ / present_us_, least_gradient, 1.0);
    const double wished = limit_ * gradient + std::sqrt(limit_);
    limit_ = std::clamp(limit_ + step_part * (wished - limit_), 1.0, most_);
}

void Concurrency::on_overload() {
    if (mode_ == ConcurrencyMode::fixed && !ramping_) return;
    limit_ = std::max(1.0, limit_ * overload_factor);
}

void Concurrency::begin_ramp() {
    limit_ = 1;
    ramping_ = most_ > 1;
}

}  // namespace penstock::dispatcher

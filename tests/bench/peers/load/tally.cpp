#include "tests/bench/peers/load/tally.h"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace penstock::load {

namespace {

constexpr std::size_t digits = 16;
constexpr std::uint64_t sequence_max = 200'000'000;
constexpr std::uint64_t complaints_shown = 5;
constexpr std::uint64_t tick_ns = 100;  // of a kept latency

std::uint64_t read_hex(std::string_view text) {
    std::uint64_t value = 0;
    for (const char digit : text) {
        const int number = digit <= '9' ? digit - '0' : digit - 'a' + 10;
        value = value << 4U | static_cast<std::uint64_t>(number & 15);
    }
    return value;
}

std::uint8_t& at(std::vector<std::uint8_t>& list, std::uint64_t sequence) {
    if (sequence >= list.size()) list.resize(std::max<std::size_t>(sequence + 1, list.size() * 2));
    return list[sequence];
}

std::uint32_t latency(std::uint64_t from, std::uint64_t to) {
    const std::uint64_t ticks = to > from ? (to - from) / tick_ns : 0;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(ticks, UINT32_MAX));
}

// Microseconds; the list is sorted.
double share(const std::vector<std::uint32_t>& sorted, double part) {
    if (sorted.empty()) return 0;
    const auto place = static_cast<std::size_t>(part * static_cast<double>(sorted.size()));
    return sorted[std::min(place, sorted.size() - 1)] / 10.0;
}

void put_latencies(boost::json::object& report,
                   const std::string& name,
                   std::vector<std::uint32_t>& values) {
    std::sort(values.begin(), values.end());
    report[name + "_p50_us"] = share(values, 0.5);
    report[name + "_p99_us"] = share(values, 0.99);
    report[name + "_max_us"] = share(values, 1);
}

}  // namespace

std::uint64_t now_ns() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(time.tv_nsec);
}

void stamp(char* body, std::uint64_t due_ns, std::uint64_t sequence) {
    std::array<char, 2 * digits + 1> text{};
    std::snprintf(text.data(), text.size(), "%016" PRIx64 "%016" PRIx64, due_ns, sequence);
    std::copy_n(text.data(), 2 * digits, body);
}

Tally::Tally(const Options& options)
    : options_(options), copies_(static_cast<std::uint64_t>(std::max(1, options.fan))) {}

void Tally::set_window(std::uint64_t begin_ns, std::uint64_t end_ns) {
    begin_ns_ = begin_ns;
    end_ns_ = end_ns;
}

void Tally::acknowledged(std::uint64_t due_ns, std::uint64_t first, std::uint64_t messages) {
    const std::uint64_t now = now_ns();
    acknowledged_ += messages;
    if (last_acknowledged_ns_ != 0 && !gaps_stopped_)
        gap_ns_ = std::max(gap_ns_, now - last_acknowledged_ns_);
    last_acknowledged_ns_ = now;
    for (std::uint64_t one = 0; one < messages; ++one) at(kept_, first + one) = 1;
    if (!measured(now)) return;
    acknowledged_measured_ += messages;
    acknowledgements_.push_back(latency(due_ns, now));
}

void Tally::complained(const std::string& what) {
    if (++complaints_ <= complaints_shown) std::fprintf(stderr, "%s\n", what.c_str());
}

void Tally::delivered(std::string_view body) {
    if (body.size() < 2 * digits) return;
    const std::uint64_t sequence = read_hex(body.substr(digits, digits));
    if (sequence > sequence_max) return;
    const std::uint64_t now = now_ns();
    ++delivered_;
    if (first_delivery_ns_ == 0) first_delivery_ns_ = now;
    last_delivery_ns_ = now;
    auto& times = at(came_, sequence);
    if (times >= copies_) ++duplicates_;
    if (times < UINT8_MAX) ++times;
    if (!measured(now)) return;
    ++delivered_measured_;
    deliveries_.push_back(latency(read_hex(body.substr(0, digits)), now));
}

void Tally::stop_gaps() {
    if (last_acknowledged_ns_ != 0) gap_ns_ = std::max(gap_ns_, now_ns() - last_acknowledged_ns_);
    gaps_stopped_ = true;
}

bool Tally::all_delivered() const {
    return messages_delivered() >= acknowledged_ * copies_;
}

void Tally::save_acknowledged(const std::string& file) const {
    std::ofstream out(file, std::ios::binary);
    out.write(reinterpret_cast<const char*>(kept_.data()),
              static_cast<std::streamsize>(kept_.size()));
    if (!out.flush()) throw std::runtime_error("cannot write " + file);
}

double Tally::seconds() const {
    constexpr double second = 1e9;
    std::uint64_t span = 1;
    if (options_.mode == Mode::drain) {
        span = last_delivery_ns_ - first_delivery_ns_;
    } else if (options_.count > 0) {
        span = last_acknowledged_ns_ - begin_ns_;
    } else {
        span = end_ns_ - begin_ns_;
    }
    return std::max(static_cast<double>(span) / second, 1e-9);
}

std::uint64_t Tally::missing() const {
    if (options_.mode != Mode::cycle) return 0;
    std::uint64_t count = 0;
    for (std::size_t sequence = 0; sequence < kept_.size(); ++sequence) {
        const std::uint64_t came = sequence < came_.size() ? came_[sequence] : 0;
        if (kept_[sequence] != 0 && came < copies_) count += copies_ - came;
    }
    return count;
}

void Tally::verify(boost::json::object& report) const {
    std::ifstream in(options_.verify_file, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + options_.verify_file);
    const std::string kept((std::istreambuf_iterator<char>(in)), {});
    std::uint64_t acknowledged = 0;
    std::uint64_t lost = 0;
    for (std::size_t sequence = 0; sequence < kept.size(); ++sequence) {
        if (kept[sequence] == 0) continue;
        ++acknowledged;
        if (sequence >= came_.size() || came_[sequence] == 0) ++lost;
    }
    report["verified"] = acknowledged;
    report["lost"] = lost;
}

boost::json::object Tally::report(const Usage& before, const Usage& after) {
    const double span = seconds();
    const bool drained = options_.mode == Mode::drain;
    const double servers = after.processor_s - before.processor_s;
    const double own = after.own_s - before.own_s;
    boost::json::object report;
    report["seconds"] = span;
    report["sent"] = sent_;
    report["acknowledged"] = acknowledged_;
    report["acknowledged_per_s"] = static_cast<double>(acknowledged_measured_) / span;
    put_latencies(report, "ack", acknowledgements_);
    report["delivered"] = delivered_;
    report["delivered_per_s"] =
        static_cast<double>(drained ? delivered_ : delivered_measured_) / span;
    put_latencies(report, "delivery", deliveries_);
    report["errors"] = errors_;
    report["complaints"] = complaints_;
    report["duplicates"] = duplicates_;
    report["missing"] = missing();
    report["reconnects"] = reconnects_;
    report["gap_ms"] = static_cast<double>(gap_ns_) / 1e6;
    report["server_cores"] = servers / span;
    report["client_cores"] = own / span;
    report["other_cores"] =
        std::max(0.0, after.machine_s - before.machine_s - servers - own) / span;
    report["resident_bytes"] = after.resident_bytes;
    report["written_bytes"] =
        after.written_bytes - std::min(after.written_bytes, before.written_bytes);
    if (!options_.verify_file.empty()) verify(report);
    return report;
}

}  // namespace penstock::load

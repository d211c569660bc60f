// Tally: what came of the messages of a run - rates, latencies, gaps, what is missing or came
// twice. Times are CLOCK_MONOTONIC in nanoseconds. One thread.
#pragma once

#include "tests/bench/peers/load/options.h"
#include "tests/bench/peers/load/processes.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::load {

std::uint64_t now_ns();

// A body opens with when it was due and its sequence number, 16 hexadecimal digits each.
void stamp(char* body, std::uint64_t due_ns, std::uint64_t sequence);

class Tally {
  public:
    explicit Tally(const Options& options);

    // The measured time; until it is set nothing is measured.
    void set_window(std::uint64_t begin_ns, std::uint64_t end_ns);

    void sent(std::uint64_t messages) { sent_ += messages; }

    void acknowledged(std::uint64_t due_ns, std::uint64_t first, std::uint64_t messages);

    void refused(std::uint64_t requests) { errors_ += requests; }

    void complained(const std::string& what);

    void reconnected() { ++reconnects_; }

    void delivered(std::string_view body);

    // No acknowledgement is due any more: silence up to now was a gap, what comes later is none.
    void stop_gaps();

    [[nodiscard]] std::uint64_t messages_sent() const { return sent_; }

    [[nodiscard]] std::uint64_t messages_settled() const {
        return acknowledged_ + errors_ * static_cast<std::uint64_t>(options_.batch);
    }

    // Each once, however often it came.
    [[nodiscard]] std::uint64_t messages_delivered() const { return delivered_ - duplicates_; }

    // Whether all that was acknowledged has come to all who were to have it.
    [[nodiscard]] bool all_delivered() const;

    [[nodiscard]] std::uint64_t last_delivery_ns() const { return last_delivery_ns_; }

    // Keeps what was acknowledged for a later run to verify; throws std::runtime_error.
    void save_acknowledged(const std::string& file) const;

    // One object of figures. `before` and `after`: at the ends of the measured time.
    boost::json::object report(const Usage& before, const Usage& after);

  private:
    [[nodiscard]] bool measured(std::uint64_t now) const {
        return now >= begin_ns_ && now < end_ns_;
    }

    [[nodiscard]] double seconds() const;
    [[nodiscard]] std::uint64_t missing() const;
    void verify(boost::json::object& report) const;

    const Options& options_;
    const std::uint64_t copies_;  // of each message that are to come
    std::uint64_t begin_ns_ = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t end_ns_ = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t sent_ = 0;
    std::uint64_t acknowledged_ = 0;
    std::uint64_t acknowledged_measured_ = 0;
    std::uint64_t errors_ = 0;  // requests
    std::uint64_t complaints_ = 0;
    std::uint64_t reconnects_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t delivered_measured_ = 0;
    std::uint64_t duplicates_ = 0;
    std::uint64_t last_acknowledged_ns_ = 0;
    std::uint64_t first_delivery_ns_ = 0;
    std::uint64_t last_delivery_ns_ = 0;
    std::uint64_t gap_ns_ = 0;
    bool gaps_stopped_ = false;
    std::vector<std::uint32_t> acknowledgements_;  // latencies, tenths of a microsecond
    std::vector<std::uint32_t> deliveries_;
    std::vector<std::uint8_t> came_;  // by sequence number: how often
    std::vector<std::uint8_t> kept_;  // by sequence number: acknowledged
};

}  // namespace penstock::load

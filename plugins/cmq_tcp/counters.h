// Counters: what the connections of one lane have asked for. Each is written by the lane's thread
// alone and read by whoever shows figures; owned by the TcpServer, never fails.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace penstock::plugins::cmq_tcp {

enum class Action : std::uint8_t {
    greeting,
    heartbeat,
    send,
    receive,
    remove,
    publish,
    confirm,
    other
};

// By Action, as labels show them.
inline constexpr std::array<std::string_view, 8> action_names{
    "authenticate", "heartbeat", "send", "receive", "delete", "publish", "confirm", "other"};

class Counters {
  public:
    void count(Action action) { up(requests_[static_cast<std::size_t>(action)]); }

    void count_connection() { up(connections_); }

    void count_query() { up(queries_); }

    [[nodiscard]] std::uint64_t requests(std::size_t action) const {
        return requests_[action].load(std::memory_order_relaxed);
    }

    [[nodiscard]] std::uint64_t queries() const { return queries_.load(std::memory_order_relaxed); }

    [[nodiscard]] std::uint64_t connections() const {
        return connections_.load(std::memory_order_relaxed);
    }

  private:
    using Count = std::atomic<std::uint64_t>;

    static void up(Count& count) { count.fetch_add(1, std::memory_order_relaxed); }

    std::array<Count, action_names.size()> requests_{};
    Count connections_{0};
    Count queries_{0};  // of transactions, sent to producers
};

}  // namespace penstock::plugins::cmq_tcp

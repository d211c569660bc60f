// Load: one run of the generator - connections in one epoll loop, requests sent as each is answered
// (closed loop) or by the clock (open loop). One thread.
#pragma once

#include "tests/bench/peers/load/connection.h"
#include "tests/bench/peers/load/tally.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::load {

class Load final : public Listener {
  public:
    // The options must outlive it.
    explicit Load(const Options& options);
    ~Load() override;
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

    // Runs to the end and prints one line of JSON, unless the mode ends before that. Throws Broken
    // where a connection is lost that the options do not allow to lose.
    void run();

    void answered(Connection& connection, std::uint64_t tag, Which which, bool good) override;

    void delivered(std::string_view body) override { tally_.delivered(body); }

    void failed(const std::string& what) override { tally_.complained(what); }

  private:
    using Connections = std::vector<std::unique_ptr<Connection>>;

    [[nodiscard]] bool sends() const;
    [[nodiscard]] bool receives() const;
    void declare();
    void open_all();
    void open(Connection& connection, int patience_ms);
    bool try_endpoints(Connection& connection, int patience_ms);
    void begin();
    void measure(std::uint64_t now);
    [[nodiscard]] bool finished(std::uint64_t now) const;
    void send_due(std::uint64_t now);
    void fill(Connection& connection);
    void publish(Connection& connection, std::uint64_t due_ns);
    [[nodiscard]] bool may_send() const;
    Connection* with_room();
    void flush_all();
    void flush(Connection& connection);
    void renew(std::uint64_t now);
    void wait(std::uint64_t now);
    void on_readable(Connection& connection);
    void lost(Connection& connection, const Broken& why);

    const Options& options_;
    Tally tally_;
    Connections senders_;
    Connections consumers_;
    int epoll_ = -1;
    std::string pool_;    // random text that bodies are cut from
    std::string bodies_;  // of the request being made
    std::vector<char> buffer_;
    std::uint64_t begin_ns_ = 0;
    std::uint64_t measure_ns_ = 0;
    std::uint64_t end_ns_ = 0;
    std::uint64_t stopped_ns_ = 0;  // no request was sent from then on
    std::uint64_t due_ = 0;         // requests of an open loop so far
    std::uint64_t next_look_ns_ = 0;
    std::size_t turn_ = 0;
    bool measuring_ = false;
    bool measured_ = false;
    Usage before_;
    Usage after_;
};

}  // namespace penstock::load

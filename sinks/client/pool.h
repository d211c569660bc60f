// Pool: the connections of one HttpClient, by origin, the idle ones last in first out. It starts
// each job on an idle or new connection, within the limits of ClientOptions. Owned by its client,
// on its thread; a job it cannot start ends as Ending::exhausted.
#pragma once

#include "sinks/client/connection.h"

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace penstock::sinks::client {

class HttpClient::Pool final : private Connection::Owner {
  public:
    explicit Pool(Surroundings surroundings) : world_(std::move(surroundings)) {}

    // Begins the job; its `done` never runs inside this call.
    void start(std::unique_ptr<Job> job);
    void forget(const Origin& origin);
    void stop();

    // Closes every connection; gives back what was under way, unfinished.
    std::vector<std::unique_ptr<Job>> close();

    [[nodiscard]] std::size_t connections() const { return connections_.size(); }

    [[nodiscard]] Surroundings& surroundings() { return world_; }

  private:
    struct Lane {
        std::vector<std::shared_ptr<Connection>> idle;  // the last one was used last
        std::size_t open = 0;
    };

    using Lanes = std::map<Origin, Lane>;

    std::shared_ptr<Connection> take_idle(const Origin& origin);
    bool make_room();
    void drop(Connection& connection);
    void refuse(std::unique_ptr<Job> job, Ending ending, std::string detail);

    void on_finished(Connection& connection, std::unique_ptr<Job> job, Exchange exchange) override;
    void on_unsent(Connection& connection, std::unique_ptr<Job> job) override;
    void on_idle_closed(Connection& connection) override;

    Surroundings world_;
    Lanes lanes_;
    std::map<std::uint64_t, std::shared_ptr<Connection>> connections_;  // by number
    std::uint64_t last_number_ = 0;
    bool stopped_ = false;
};

}  // namespace penstock::sinks::client

// Questions: what was asked on one connection and is not yet answered, each with its deadline.
// Owned by the connection, on its thread; every TakeAnswer given in comes back out exactly once, to
// be called by the owner.
#pragma once

#include "broker/replication/transport/peers.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace penstock::replication::transport {

class Questions {
  public:
    struct Ended {
        TakeAnswer take;
        AskFailure failure;
    };

    explicit Questions(std::size_t questions_max) : questions_max_(questions_max) {}

    [[nodiscard]] bool full() const { return open_.size() >= questions_max_; }

    // The correlation it travels under. Not when full.
    std::uint64_t add(TakeAnswer take, std::int64_t deadline_us);

    // True when it is still wanted; from now on it may have been delivered.
    bool leaves(std::uint64_t correlation);

    // Who wants the answer; nothing: nobody any more.
    std::optional<TakeAnswer> take(std::uint64_t correlation);

    std::vector<Ended> expire(std::int64_t now_us);
    std::vector<Ended> end_all(const Error& why);

  private:
    struct Question {
        TakeAnswer take;
        std::int64_t deadline_us = 0;
        bool left = false;
    };

    std::size_t questions_max_;
    std::uint64_t last_ = 0;
    std::map<std::uint64_t, Question> open_;
    std::set<std::pair<std::int64_t, std::uint64_t>> deadlines_;
};

}  // namespace penstock::replication::transport

// Completions: answers of one loop turn, gathered per executor, so that each I/O thread is woken
// once a turn and not once an answer. Broker thread only; the jobs run on their executors. An
// answer without an executor (a stepped node) runs on the broker thread at flush().
#pragma once

#include "broker/node/call.h"

#include <any>
#include <functional>
#include <utility>
#include <vector>

namespace penstock::node {

class Completions {
  public:
    using Job = std::function<void()>;

    void add(const boost::asio::any_io_executor& executor, Job job);

    // Answers unless somebody else has.
    void answer(const CallPtr& call, std::any outcome);
    void refuse(const CallPtr& call, model::Refusal why);

    void flush();

  private:
    struct Group {
        boost::asio::any_io_executor executor;
        std::vector<Job> jobs;
    };

    std::vector<Group> groups_;
};

}  // namespace penstock::node

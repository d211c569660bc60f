// StoredBytes: about how much an account has stored: the messages of its queues and topics, times
// the size of some of them. Looked up in the background while it sends, at most every 10 s; what is
// sent meanwhile is added. So an account may go beyond its quota for some seconds, and what it
// deletes counts until the next look. Borrows broker and clock; any thread.
#pragma once

#include "broker/api/broker.h"
#include "broker/base/clock.h"
#include "broker/base/short_lock.h"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace penstock::api {

class StoredBytes {
  public:
    static constexpr std::int64_t look_every_us = 10'000'000;
    // How many messages of an object are looked at for their size.
    static constexpr std::uint32_t sample = 4;
    // Of messages none of which can be looked at, as those whose key cannot be had.
    static constexpr std::uint64_t usual_bytes = 1'024;

    StoredBytes(Broker& broker, const Clock& clock) : broker_(broker), clock_(clock) {}

    // Whether `more` bytes fit into `most`; then they count. True while nothing is known yet.
    // What has to be looked up is asked for on the executor.
    bool fits(const std::string& account,
              std::uint64_t most,
              std::uint64_t more,
              const asio::any_io_executor& executor);

    // What there is as of now; it takes as long as the account has objects.
    asio::awaitable<std::uint64_t> bytes_of(std::string account);

  private:
    struct Known {
        std::uint64_t bytes = 0;
        std::int64_t look_at_us = 0;  // again; 0: nothing is known
        bool looking = false;
    };

    asio::awaitable<void> look(std::string account);
    void looked_in_vain(const std::string& account);
    asio::awaitable<std::uint64_t> bytes_of_queues(const std::string& account);
    asio::awaitable<std::uint64_t> bytes_of_topics(const std::string& account);
    asio::awaitable<std::uint64_t> bytes_each(PeekMessages request);

    Broker& broker_;
    const Clock& clock_;
    ShortLock mutex_;
    std::map<std::string, Known> known_;  // of accounts with such a quota
};

}  // namespace penstock::api

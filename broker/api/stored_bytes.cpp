#include "broker/api/stored_bytes.h"

#include "broker/base/log.h"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

namespace penstock::api {

namespace {

constexpr std::uint32_t page_names = 50;
const Principal node;  // the server asks for itself

// Where most messages of the queue are: some of those stand for all of them.
std::string fullest_of(const QueueView& queue) {
    const std::array<std::pair<std::uint64_t, const char*>, 5> states{
        {{queue.active, "visible"},
         {queue.inactive, "in_flight"},
         {queue.delayed, "delayed"},
         {queue.prepared, "prepared"},
         {queue.rewindable, "deleted"}}};
    const auto fewer = [](const auto& left, const auto& right) {
        return left.first < right.first;
    };
    return std::max_element(states.begin(), states.end(), fewer)->second;
}

}  // namespace

bool StoredBytes::fits(const std::string& account,
                       std::uint64_t most,
                       std::uint64_t more,
                       const asio::any_io_executor& executor) {
    bool fit = false;
    bool look_now = false;
    {
        const std::lock_guard lock(mutex_);
        Known& known = known_[account];
        look_now = !known.looking && known.look_at_us <= clock_.steady_us();
        if (look_now) known.looking = true;
        fit = known.look_at_us == 0 || known.bytes + more <= most;
        if (fit) known.bytes += more;
    }
    if (look_now) {
        asio::co_spawn(executor, look(account), [this, account](const std::exception_ptr& thrown) {
            if (thrown) looked_in_vain(account);
        });
    }
    return fit;
}

void StoredBytes::looked_in_vain(const std::string& account) {
    log_line(LogLevel::error, "api", "event=stored_bytes_not_known account=\"" + account + "\"");
    const std::lock_guard lock(mutex_);
    Known& known = known_[account];
    known.look_at_us = clock_.steady_us() + look_every_us;
    known.looking = false;
}

asio::awaitable<void> StoredBytes::look(std::string account) {
    const std::uint64_t bytes = co_await bytes_of(account);
    const std::lock_guard lock(mutex_);
    known_[account] = {bytes, clock_.steady_us() + look_every_us, false};
}

asio::awaitable<std::uint64_t> StoredBytes::bytes_of(std::string account) {
    const std::uint64_t queues = co_await bytes_of_queues(account);
    const std::uint64_t topics = co_await bytes_of_topics(account);
    co_return queues + topics;
}

asio::awaitable<std::uint64_t> StoredBytes::bytes_of_queues(const std::string& account) {
    std::uint64_t bytes = 0;
    ListQueues list;
    list.account = account;
    list.automatic = true;
    for (list.page = {0, page_names};; list.page.offset += page_names) {
        const auto listed = co_await api::call(broker_, node, list);
        if (!listed || listed->items.empty()) co_return bytes;
        for (const NamedId& one : listed->items) {
            GetQueue get;
            get.name = one.name;
            const auto queue = co_await api::call(broker_, node, get);
            if (!queue) continue;
            const std::uint64_t messages = queue->active + queue->inactive + queue->delayed +
                                           queue->prepared + queue->rewindable;
            if (messages == 0) continue;
            PeekMessages peek;
            peek.queue = one.name;
            peek.state = fullest_of(*queue);
            const std::uint64_t each = co_await bytes_each(peek);
            bytes += messages * each;
        }
    }
}

asio::awaitable<std::uint64_t> StoredBytes::bytes_of_topics(const std::string& account) {
    std::uint64_t bytes = 0;
    ListTopics list;
    list.account = account;
    for (list.page = {0, page_names};; list.page.offset += page_names) {
        const auto listed = co_await api::call(broker_, node, list);
        if (!listed || listed->items.empty()) co_return bytes;
        for (const NamedId& one : listed->items) {
            GetTopic get;
            get.name = one.name;
            const auto topic = co_await api::call(broker_, node, get);
            if (!topic || topic->messages == 0) continue;
            PeekMessages peek;
            peek.topic = one.name;
            peek.state = "retained";
            const std::uint64_t each = co_await bytes_each(peek);
            bytes += topic->messages * each;
        }
    }
}

asio::awaitable<std::uint64_t> StoredBytes::bytes_each(PeekMessages request) {
    request.limit = sample;
    const auto peeked = co_await api::call(broker_, node, request);
    if (!peeked) co_return usual_bytes;
    std::uint64_t bytes = 0;
    std::uint64_t read = 0;
    for (const PeekedMessage& one : peeked->items) {
        if (one.payload.empty()) continue;  // sealed or damaged
        bytes += one.payload.size();
        ++read;
    }
    co_return read == 0 ? usual_bytes : bytes / read;
}

}  // namespace penstock::api

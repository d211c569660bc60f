#include "sinks/client/resolver.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <utility>

namespace penstock::sinks::client {
namespace {

namespace asio = boost::asio;
namespace ip = boost::asio::ip;

ip::address address_of(const addrinfo& entry) {
    if (entry.ai_family == AF_INET) {
        sockaddr_in socket_address{};
        std::copy_n(reinterpret_cast<const char*>(entry.ai_addr),
                    sizeof(socket_address),
                    reinterpret_cast<char*>(&socket_address));
        return ip::address_v4(ntohl(socket_address.sin_addr.s_addr));
    }
    sockaddr_in6 socket_address{};
    std::copy_n(reinterpret_cast<const char*>(entry.ai_addr),
                sizeof(socket_address),
                reinterpret_cast<char*>(&socket_address));
    ip::address_v6::bytes_type bytes{};
    std::copy_n(std::begin(socket_address.sin6_addr.s6_addr), bytes.size(), bytes.begin());
    return ip::address_v6(bytes, socket_address.sin6_scope_id);
}

// Names of this machine are its own, whatever a hosts file or a server says (RFC 6761, 6.3).
bool is_localhost(const std::string& host) {
    return host == "localhost" || host.ends_with(".localhost");
}

// The system's own look-up: blocks as long as it likes. Runs on a thread of the pool.
Resolved look_up(const std::string& host) {
    if (is_localhost(host)) {
        return Resolved{Resolved::Ending::found,
                        {ip::address_v4::loopback(), ip::address_v6::loopback()},
                        {}};
    }
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
    Resolved resolved;
    if (failed != 0) {
        resolved.detail = "the name does not resolve: " + std::string(::gai_strerror(failed));
        return resolved;
    }
    for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
        if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
        if (resolved.addresses.size() == addresses_max) break;
        resolved.addresses.push_back(address_of(*entry));
    }
    ::freeaddrinfo(list);
    if (resolved.addresses.empty()) {
        resolved.detail = "the name has no address";
    } else {
        resolved.ending = Resolved::Ending::found;
    }
    return resolved;
}

}  // namespace

struct PoolResolver::State : std::enable_shared_from_this<PoolResolver::State> {
    struct Waiter {
        std::uint64_t number = 0;
        Answer answer;
        std::unique_ptr<asio::steady_timer> deadline;
    };

    struct Remembered {
        Resolved resolved;
        std::int64_t until_us = 0;
    };

    State(asio::any_io_executor on, const Clock& time, ResolverOptions limits)
        : executor(std::move(on)), clock(time), options(limits), threads(limits.threads) {}

    void ask(const std::string& host, Answer answer);
    void wait(const std::string& host, Answer answer);
    void on_deadline(const std::string& host, std::uint64_t number);
    void on_looked_up(const std::string& host, Resolved resolved);
    void remember(const std::string& host, const Resolved& resolved);

    void answer_later(Answer answer, Resolved resolved) const {
        asio::post(executor, [answer = std::move(answer), resolved = std::move(resolved)]() {
            answer(resolved);
        });
    }

    asio::any_io_executor executor;
    const Clock& clock;
    ResolverOptions options;
    std::map<std::string, Remembered> cache;
    std::map<std::string, std::vector<Waiter>> lookups;  // under way or waiting for a thread
    std::uint64_t last_number = 0;
    asio::thread_pool threads;
};

void PoolResolver::State::ask(const std::string& host, Answer answer) {
    boost::system::error_code not_numeric;
    const ip::address address = ip::make_address(host, not_numeric);
    if (!not_numeric) {
        return answer_later(std::move(answer), Resolved{Resolved::Ending::found, {address}, {}});
    }
    const auto known = cache.find(host);
    if (known != cache.end() && clock.steady_us() < known->second.until_us) {
        return answer_later(std::move(answer), known->second.resolved);
    }
    const bool under_way = lookups.contains(host);
    if (!under_way && lookups.size() >= options.lookups_max) {
        return answer_later(std::move(answer),
                            Resolved{Resolved::Ending::exhausted, {}, "too many look-ups wait"});
    }
    wait(host, std::move(answer));
    if (under_way) return;
    asio::post(threads, [weak = weak_from_this(), host, on = executor]() {
        Resolved resolved = look_up(host);
        asio::post(on, [weak, host, resolved = std::move(resolved)]() {
            if (const auto self = weak.lock()) self->on_looked_up(host, resolved);
        });
    });
}

void PoolResolver::State::wait(const std::string& host, Answer answer) {
    Waiter waiter;
    waiter.number = ++last_number;
    waiter.answer = std::move(answer);
    waiter.deadline = std::make_unique<asio::steady_timer>(executor);
    waiter.deadline->expires_after(std::chrono::milliseconds(options.deadline_ms));
    waiter.deadline->async_wait(
        [weak = weak_from_this(), host, number = waiter.number](boost::system::error_code ec) {
            const auto self = weak.lock();
            if (!ec && self) self->on_deadline(host, number);
        });
    lookups[host].push_back(std::move(waiter));
}

void PoolResolver::State::on_deadline(const std::string& host, std::uint64_t number) {
    const auto lookup = lookups.find(host);
    if (lookup == lookups.end()) return;
    auto& waiters = lookup->second;
    const auto late = std::find_if(
        waiters.begin(), waiters.end(), [number](const Waiter& w) { return w.number == number; });
    if (late == waiters.end()) return;
    const Answer answer = std::move(late->answer);
    waiters.erase(late);  // the look-up itself goes on, and fills the cache when it ends
    answer(Resolved{Resolved::Ending::timeout, {}, "the name did not resolve in time"});
}

void PoolResolver::State::on_looked_up(const std::string& host, Resolved resolved) {
    remember(host, resolved);
    const auto lookup = lookups.extract(host);
    for (const Waiter& waiter : lookup.mapped()) waiter.answer(resolved);
}

void PoolResolver::State::remember(const std::string& host, const Resolved& resolved) {
    if (cache.size() >= options.cached_names_max) {
        const std::int64_t now = clock.steady_us();
        std::erase_if(cache, [now](const auto& entry) { return entry.second.until_us <= now; });
    }
    if (cache.size() >= options.cached_names_max) cache.erase(cache.begin());
    const bool found = resolved.ending == Resolved::Ending::found;
    const std::int64_t kept_ms = found ? options.cache_ms : options.not_found_ms;
    cache[host] = Remembered{resolved, clock.steady_us() + kept_ms * 1000};
}

PoolResolver::PoolResolver(asio::any_io_executor executor,
                           const Clock& clock,
                           ResolverOptions options)
    : state_(std::make_shared<State>(std::move(executor), clock, options)) {}

PoolResolver::~PoolResolver() {
    state_->threads.stop();
    state_->threads.join();
}

void PoolResolver::resolve(const std::string& host, Answer answer) {
    state_->ask(host, std::move(answer));
}

}  // namespace penstock::sinks::client

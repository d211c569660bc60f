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

// A name that was slow and gets no thread for so long is tried as others are: after an outage of
// the name service most are well again, and would wait behind those that are dead.
constexpr std::int64_t slow_kept_us = 300'000'000;

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
Resolved ask_system(const std::string& host) {
    if (is_localhost(host)) {
        return Resolved{
            Resolved::Ending::found, {ip::address_v4::loopback(), ip::address_v6::loopback()}, {}};
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
        bool late = false;               // its last look-up took long
        std::int64_t slow_until_us = 0;  // until then one is for a thread of the slow ones
    };

    struct LookUp {
        std::vector<Waiter> waiters;
        bool slow = false;  // it has a thread of the slow ones, or waits for one
    };

    State(asio::any_io_executor on, const Clock& time, ResolverOptions limits)
        : executor(std::move(on)),
          clock(time),
          options(std::move(limits)),
          threads(options.threads),
          slow_threads(options.slow_threads) {
        if (!options.look_up) options.look_up = ask_system;
    }

    void ask(const std::string& host, Answer answer);
    void begin(const std::string& host, bool slow);
    void wait(LookUp& under_way, const std::string& host, Answer answer);
    void on_deadline(const std::string& host, std::uint64_t number);
    void on_looked_up(const std::string& host, const Resolved& resolved, std::int64_t took_us);
    void remember(const std::string& host, const Resolved& resolved, bool late);

    void answer_later(Answer answer, Resolved resolved) const {
        asio::post(executor, [answer = std::move(answer), resolved = std::move(resolved)]() {
            answer(resolved);
        });
    }

    asio::any_io_executor executor;
    const Clock& clock;
    ResolverOptions options;
    std::map<std::string, Remembered> cache;
    std::map<std::string, LookUp> lookups;  // under way or waiting for a thread
    std::size_t slow_lookups = 0;           // of them
    std::uint64_t last_number = 0;
    asio::thread_pool threads;
    asio::thread_pool slow_threads;
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
    auto under_way = lookups.find(host);
    if (under_way == lookups.end()) {
        const bool slow = known != cache.end() && clock.steady_us() < known->second.slow_until_us;
        const std::size_t slow_max = options.lookups_max / 2;
        if (lookups.size() >= options.lookups_max || (slow && slow_lookups >= slow_max)) {
            return answer_later(
                std::move(answer),
                Resolved{Resolved::Ending::exhausted, {}, "too many look-ups wait"});
        }
        under_way = lookups.try_emplace(host).first;
        begin(host, slow);
    }
    wait(under_way->second, host, std::move(answer));
}

void PoolResolver::State::begin(const std::string& host, bool slow) {
    lookups.at(host).slow = slow;
    slow_lookups += slow ? 1 : 0;
    asio::post(slow ? slow_threads : threads,
               [weak = weak_from_this(),
                host,
                on = executor,
                look_up = options.look_up,
                &clock = clock]() {
                   const std::int64_t begun_us = clock.steady_us();
                   Resolved resolved = look_up(host);
                   const std::int64_t took_us = clock.steady_us() - begun_us;
                   asio::post(on, [weak, host, took_us, resolved = std::move(resolved)]() {
                       if (const auto self = weak.lock()) {
                           self->on_looked_up(host, resolved, took_us);
                       }
                   });
               });
}

void PoolResolver::State::wait(LookUp& under_way, const std::string& host, Answer answer) {
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
    under_way.waiters.push_back(std::move(waiter));
}

void PoolResolver::State::on_deadline(const std::string& host, std::uint64_t number) {
    const auto lookup = lookups.find(host);
    if (lookup == lookups.end()) return;
    auto& waiters = lookup->second.waiters;
    const auto late = std::find_if(
        waiters.begin(), waiters.end(), [number](const Waiter& w) { return w.number == number; });
    if (late == waiters.end()) return;
    const Answer answer = std::move(late->answer);
    waiters.erase(late);  // the look-up itself goes on, and fills the cache when it ends
    answer(Resolved{Resolved::Ending::timeout, {}, "the name did not resolve in time"});
}

void PoolResolver::State::on_looked_up(const std::string& host,
                                       const Resolved& resolved,
                                       std::int64_t took_us) {
    remember(host, resolved, took_us >= std::int64_t{options.slow_ms} * 1000);
    const auto lookup = lookups.extract(host);
    slow_lookups -= lookup.mapped().slow ? 1 : 0;
    for (const Waiter& waiter : lookup.mapped().waiters) waiter.answer(resolved);
}

void PoolResolver::State::remember(const std::string& host, const Resolved& resolved, bool late) {
    const auto before = cache.find(host);
    const bool again = before != cache.end() && before->second.late;
    const std::int64_t now_us = clock.steady_us();
    if (cache.size() >= options.cached_names_max) {
        std::erase_if(cache,
                      [now_us](const auto& entry) { return entry.second.until_us <= now_us; });
    }
    if (cache.size() >= options.cached_names_max) cache.erase(cache.begin());
    const bool found = resolved.ending == Resolved::Ending::found;
    const std::int64_t kept_ms = found ? options.cache_ms : options.not_found_ms;
    // One that is found after all may only have lost a packet: it does not wait behind the dead.
    const bool slow = late && (again || !found);
    const std::int64_t slow_until_us = slow ? now_us + slow_kept_us : 0;
    cache[host] = Remembered{resolved, now_us + kept_ms * 1000, late, slow_until_us};
}

PoolResolver::PoolResolver(asio::any_io_executor executor,
                           const Clock& clock,
                           ResolverOptions options)
    : state_(std::make_shared<State>(std::move(executor), clock, std::move(options))) {}

PoolResolver::~PoolResolver() {
    state_->threads.stop();
    state_->slow_threads.stop();
    state_->threads.join();
    state_->slow_threads.join();
}

void PoolResolver::resolve(const std::string& host, Answer answer) {
    state_->ask(host, std::move(answer));
}

}  // namespace penstock::sinks::client

// Resolver: names to addresses. PoolResolver asks the system on a small pool of threads of its own,
// so that one slow name delays no other, and remembers answers briefly. Names that kept a thread
// for long the last time in vain, or the last two times, have threads apart: however many they are,
// the others do not wait for them. A Resolver belongs to its client's thread: resolve() is called
// there and answers run there. Failures are values.
#pragma once

#include "broker/base/clock.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace penstock::sinks::client {

struct Resolved {
    enum class Ending : std::uint8_t {
        found,      // at least one address
        not_found,  // no such name, no address, or the name service failed
        timeout,
        exhausted,  // too many look-ups wait
    };

    Ending ending = Ending::not_found;
    std::vector<boost::asio::ip::address> addresses;
    std::string detail;  // why not, for people
};

class Resolver {
  public:
    using Answer = std::function<void(Resolved)>;

    virtual ~Resolver() = default;

    // Looks `host` up. `answer` runs once, never inside this call, within the resolver's deadline.
    virtual void resolve(const std::string& host, Answer answer) = 0;
};

inline constexpr std::size_t addresses_max = 64;  // of one name; the rest is not looked at

struct ResolverOptions {
    std::size_t threads = 8;
    std::size_t slow_threads = 4;   // for names whose look-ups were slow lately
    std::uint32_t slow_ms = 1'000;  // a look-up that took so long was slow
    std::uint32_t deadline_ms = 5'000;
    std::uint32_t cache_ms = 30'000;     // how long an answer is used again
    std::uint32_t not_found_ms = 2'000;  // how long a failure is
    std::size_t cached_names_max = 4'096;
    std::size_t lookups_max = 256;  // names being looked up or waiting for a thread; half for slow
    // Instead of the system's look-up, for tests; called on the pool's threads, may block.
    std::function<Resolved(const std::string& host)> look_up = {};
};

class PoolResolver final : public Resolver {
  public:
    PoolResolver(boost::asio::any_io_executor executor,
                 const Clock& clock,
                 ResolverOptions options = {});
    // Waits for look-ups under way: the system's call cannot be interrupted.
    ~PoolResolver() override;

    void resolve(const std::string& host, Answer answer) override;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace penstock::sinks::client

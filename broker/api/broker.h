// Broker: the one narrow door between the ways in and the node. Implemented by broker/node; used by
// plugins and the dispatcher. Safe to call from any thread; a completion runs on the executor it
// was asked with, exactly once, and within the server's time-out (10 s plus the poll).
#pragma once

#include "broker/api/requests.h"
#include "broker/model/refusal.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <any>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace penstock::api {

namespace asio = boost::asio;

template <class T>
using Outcome = model::Outcome<T>;

// Who asks. Only authentication makes one, of what it was told of the key.
struct Principal {
    std::string key_id;
    bool root = false;         // an administrator of the server: may define functions
    std::string account = {};  // accounts.h; empty: the server's own
    std::string token = {};    // of a temporary key (credential.h), empty otherwise
};

struct AccessKey {
    std::string secret;
    bool root = false;
    std::string account = {};
};

// Tells a waiting request that its caller is gone: a long poll so cancelled leases nothing.
class Cancellation {
  public:
    virtual ~Cancellation() = default;
    virtual void cancel() = 0;  // any thread; harmless after completion
};

class Broker {
  public:
    virtual ~Broker() = default;

    // Answers one request; the type inside `Answer` is the request's Outcome<Reply>.
    using Answer = std::function<void(std::any outcome)>;
    virtual std::shared_ptr<Cancellation> call(const Principal& principal,
                                               Request request,
                                               asio::any_io_executor executor,
                                               Answer answer) = 0;

    // A key as of at most 1 s ago; nothing when unknown. Never blocks.
    [[nodiscard]] virtual std::optional<AccessKey> key_of(std::string_view key_id) const = 0;

    // A temporary key, which is kept nowhere: what it is stands sealed in `token`. Nothing: it is
    // not whole, of another id, or has ended. Never blocks.
    [[nodiscard]] virtual std::optional<AccessKey> temporary_key(std::string_view /*key_id*/,
                                                                 std::string_view /*token*/) const {
        return std::nullopt;
    }

    // False until the node has replayed its log and recovered, and again while it stops. Never
    // blocks.
    [[nodiscard]] virtual bool ready() const = 0;
};

inline constexpr std::string_view temporary_key_prefix = "TMPKID";

// The key that a caller names; `token` is what came with it, and counts for temporary keys only.
inline std::optional<AccessKey> find_key(const Broker& broker,
                                         std::string_view key_id,
                                         std::string_view token) {
    return key_id.starts_with(temporary_key_prefix) ? broker.temporary_key(key_id, token)
                                                    : broker.key_of(key_id);
}

// Still valid?
inline bool is_known(const Broker& broker, const Principal& principal) {
    return find_key(broker, principal.key_id, principal.token).has_value();
}

// Of a key that was found and whose secret the caller has.
inline Principal principal_of(std::string_view key_id,
                              std::string_view token,
                              const AccessKey& key) {
    const bool temporary = key_id.starts_with(temporary_key_prefix);
    return {
        std::string(key_id), key.root, key.account, temporary ? std::string(token) : std::string()};
}

// A call whose answer is awaited: the coroutine's handler and whether it has been run.
template <class Handler>
struct Awaited {
    Handler handler;
    bool answered = false;
};

// co_await call(broker, principal, request): the request's Outcome<Reply>. Cancelling the coroutine
// (any type) only tells the broker that the caller is gone; the call still ends with its answer.
template <class R>
asio::awaitable<Outcome<typename R::Reply>> call(Broker& broker, Principal principal, R request) {
    using Result = Outcome<typename R::Reply>;
    const auto executor = co_await asio::this_coro::executor;
    auto initiate = [&broker, executor, &principal, &request](auto handler) {
        using Waiting = Awaited<decltype(handler)>;
        auto slot = asio::get_associated_cancellation_slot(handler);
        // std::function wants copies; the handler is run once.
        auto waiting = std::make_shared<Waiting>(Waiting{std::move(handler)});
        auto answer = [waiting, slot](std::any outcome) mutable {
            waiting->answered = true;
            slot.clear();
            std::move(waiting->handler)(std::any_cast<Result>(std::move(outcome)));
        };
        std::shared_ptr<Cancellation> pending =
            broker.call(principal, Request{std::move(request)}, executor, std::move(answer));
        if (waiting->answered || !pending || !slot.is_connected()) return;
        slot.assign([pending](asio::cancellation_type) { pending->cancel(); });
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(Result)>(
        std::move(initiate), asio::use_awaitable);
}

}  // namespace penstock::api

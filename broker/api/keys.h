// Keys: access keys as the ways in make, list and end them, and KeyStore, where they are kept as
// sealed credentials. KeyRing (key_ring.h) implements the first on top of the second; the node
// implements the second in set 0. Any thread; answers run once, on the executor given, within the
// server's time-out.
#pragma once

#include "broker/api/acts.h"
#include "broker/api/broker.h"
#include "broker/model/access.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace penstock::api {

struct KeyView {
    std::string key_id;
    model::Access access;
    std::string note;
    model::TimeMs created_ms = 0;
    model::TimeMs ends_ms = 0;  // 0: never
    std::string account = {};   // accounts.h; empty: the server's own
    std::uint64_t account_number = 0;
};

// A key to be made, its id and secret drawn by the caller.
struct NewKey {
    std::string key_id;
    std::string secret;
    model::Access access;
    std::string note;
    std::uint64_t life_ms = 0;  // 0: it does not end
    std::string replaces;       // it may do what this key may, and has its note; this one ends ...
    std::uint64_t overlap_ms = 0;  // ... so long from now
    std::string account = {};      // empty: that of who makes it
};

// A key that is kept nowhere: whoever has `token` beside its secret may what the view says.
struct TemporaryKey {
    KeyView view;
    std::string token;
};

inline constexpr std::uint64_t temporary_life_ms_max = 12ULL * 3'600 * 1'000;

template <class T>
using Answered = std::function<void(Outcome<T>)>;

class Keys {
  public:
    virtual ~Keys() = default;

    // Refusals: denied, invalid_parameter of `key_id` (there is no such key), unavailable (no box
    // to seal with), and the store's.
    virtual void create(const Principal& principal,
                        NewKey key,
                        const asio::any_io_executor& executor,
                        Answered<KeyView> answer) = 0;
    // By id, those that have ended too.
    virtual void list(const Principal& principal,
                      const asio::any_io_executor& executor,
                      Answered<std::vector<KeyView>> answer) = 0;
    virtual void remove(const Principal& principal,
                        const std::string& key_id,
                        const asio::any_io_executor& executor,
                        Answered<Nothing> answer) = 0;

    // A key that is kept nowhere: it ends after its life, 1 ms to temporary_life_ms_max, or with
    // the asking key, which is none itself; it never may what that one may not, nor make keys.
    // Refusals: denied, invalid_parameter (`life`, `statements`), unavailable.
    virtual void create_temporary(const Principal& principal,
                                  NewKey key,
                                  const asio::any_io_executor& executor,
                                  Answered<TemporaryKey> answer) = 0;

    // For what a way in answers without the broker, which would judge. Never blocks.
    [[nodiscard]] virtual bool may(const Principal& principal, const Act& act) const = 0;
};

// A key as it is kept. The core knows an id, bytes, and whether it is a root key that does not end:
// one of those is always left.
struct KeptKey {
    std::string key_id;
    std::string credential;  // credential.h
    bool lasting_root = false;
};

class KeyStore {
  public:
    virtual ~KeyStore() = default;

    // In the place of one with the same id. Without a credential the key is taken back. Refusals:
    // denied (the last lasting root key, or too many keys), invalid_parameter of `key_id` (there is
    // none to take back), unknown_outcome, and what the log refuses with.
    virtual void put(KeptKey key,
                     const asio::any_io_executor& executor,
                     Answered<Nothing> answer) = 0;

    // By id, as of at most 1 s ago.
    virtual void list(const asio::any_io_executor& executor,
                      Answered<std::vector<KeptKey>> answer) = 0;
};

}  // namespace penstock::api

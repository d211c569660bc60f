// KeyRing: the access keys of a server, opened. It seals the credentials of keys that are made,
// opens them for those who check signatures or judge requests, and decides who may make and end
// keys: those whose role has the right, never beyond their own, and of their own account; keys of
// other accounts are for the server's root keys. Each such act is a line of the log, as in audit.h.
// Borrows broker, store, box, clock and accounts; any thread.
#pragma once

#include "broker/api/accounts.h"
#include "broker/api/credential.h"
#include "broker/api/keys.h"
#include "broker/api/secrets.h"
#include "broker/base/clock.h"

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::api {

class KeyRing final : public Keys {
  public:
    // `broker` knows the keys by id, as they are kept.
    KeyRing(const Broker& broker,
            KeyStore& store,
            const SecretBox& box,
            const Clock& clock,
            const AccountBook& accounts)
        : broker_(broker), store_(store), box_(box), clock_(clock), accounts_(accounts) {}

    void create(const Principal& principal,
                NewKey key,
                const asio::any_io_executor& executor,
                Answered<KeyView> answer) override;
    void list(const Principal& principal,
              const asio::any_io_executor& executor,
              Answered<std::vector<KeyView>> answer) override;
    void remove(const Principal& principal,
                const std::string& key_id,
                const asio::any_io_executor& executor,
                Answered<Nothing> answer) override;
    void create_temporary(const Principal& principal,
                          NewKey key,
                          const asio::any_io_executor& executor,
                          Answered<TemporaryKey> answer) override;
    [[nodiscard]] bool may(const Principal& principal, const Act& act) const override;

    // A key that is valid now; nothing: unknown, ended, of an account that is gone, or not to be
    // opened here. Never blocks.
    [[nodiscard]] std::shared_ptr<const Credential> valid(std::string_view key_id) const;

    // The same of a temporary key, from its token; and of whoever asks.
    [[nodiscard]] std::shared_ptr<const Credential> temporary(std::string_view key_id,
                                                              std::string_view token) const;
    [[nodiscard]] std::shared_ptr<const Credential> valid(const Principal& principal) const;

  private:
    struct Opened {
        std::string sealed;
        std::shared_ptr<const Credential> credential;  // nothing: it cannot be opened here
    };

    using OpenedKeys = std::map<std::string, Opened, std::less<>>;

    [[nodiscard]] std::shared_ptr<const Credential> open(std::string_view key_id,
                                                         const std::string& kept,
                                                         bool lasting_root) const;
    [[nodiscard]] std::shared_ptr<const Credential> kept(std::string_view key_id) const;
    [[nodiscard]] bool in_force(const KeyView& view) const;
    [[nodiscard]] bool is_root(const std::string& key_id) const;
    [[nodiscard]] std::optional<model::Refusal> judge(const Principal& principal,
                                                      const Act& act,
                                                      NewKey* made) const;
    [[nodiscard]] std::optional<model::Refusal> judge_account(const KeyView& own,
                                                              const std::string& key_id) const;
    [[nodiscard]] std::optional<model::Refusal> judge_made(const KeyView& own, NewKey& made) const;
    [[nodiscard]] Outcome<KeptKey> sealed(const Credential& credential) const;
    [[nodiscard]] Outcome<KeptKey> ending(NewKey& key) const;
    [[nodiscard]] KeyView view_of(const NewKey& key) const;
    [[nodiscard]] std::vector<KeyView> views_of(const std::vector<KeptKey>& kept,
                                                const OfAccount& account) const;
    void put(KeptKey made,
             std::optional<KeptKey> replaced,
             const KeyView& view,
             const asio::any_io_executor& executor,
             Answered<KeyView> answer);

    const Broker& broker_;
    KeyStore& store_;
    const SecretBox& box_;
    const Clock& clock_;
    const AccountBook& accounts_;
    // Opening costs more than finding: remembered, so that a known key takes no longer than
    // another.
    mutable std::atomic<std::shared_ptr<const OpenedKeys>> opened_;
};

}  // namespace penstock::api

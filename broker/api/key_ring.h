// KeyRing: the access keys of a server, opened. It seals the credentials of keys that are made,
// opens them for those who check signatures or judge requests, and decides who may make and end
// keys: those whose role has the right, never beyond their own. Each such act is a line of the log,
// as in audit.h. Borrows broker, store, box and clock; any thread.
#pragma once

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

namespace penstock::api {

class KeyRing final : public Keys {
  public:
    // `broker` knows the keys by id, as they are kept.
    KeyRing(const Broker& broker, KeyStore& store, const SecretBox& box, const Clock& clock)
        : broker_(broker), store_(store), box_(box), clock_(clock) {}

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
    [[nodiscard]] bool may(const Principal& principal, const Act& act) const override;

    // A key that is valid now; nothing: unknown, ended, or not to be opened here. Never blocks.
    [[nodiscard]] std::shared_ptr<const Credential> valid(std::string_view key_id) const;

  private:
    struct Opened {
        std::string sealed;
        std::shared_ptr<const Credential> credential;  // nothing: it cannot be opened here
    };

    using OpenedKeys = std::map<std::string, Opened, std::less<>>;

    [[nodiscard]] std::shared_ptr<const Credential> open(std::string_view key_id,
                                                         const std::string& kept,
                                                         bool lasting_root) const;
    [[nodiscard]] bool is_root(const std::string& key_id) const;
    [[nodiscard]] std::optional<model::Refusal> judge(const Principal& principal,
                                                      const Act& act,
                                                      const NewKey* made) const;
    [[nodiscard]] Outcome<KeptKey> sealed(const Credential& credential) const;
    [[nodiscard]] Outcome<KeptKey> ending(NewKey& key) const;

    const Broker& broker_;
    KeyStore& store_;
    const SecretBox& box_;
    const Clock& clock_;
    // Opening costs more than finding: remembered, so that a known key takes no longer than
    // another.
    mutable std::atomic<std::shared_ptr<const OpenedKeys>> opened_;
};

}  // namespace penstock::api

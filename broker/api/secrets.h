// SecretBox: seals what users entrust to the server before it is stored or sent to other nodes, and
// opens it where it is used. The front end that takes a secret seals it; the sink that needs it
// opens it; everything between sees sealed bytes. KeyBox is the one there is: a key in memory.
// A key service takes its place by another SecretBox that has its data key unwrapped when it is
// made, so that both calls stay quick. Used by any thread at a time.
#pragma once

#include "broker/base/error.h"

#include <string>
#include <string_view>

namespace penstock::api {

class SecretBox {
  public:
    virtual ~SecretBox() = default;

    // `owner` is whose secret it is, "TOPIC/NAME": it opens for the same owner only.
    // Error{unavailable}: there is no key here, and what to do.
    [[nodiscard]] virtual Result<std::string> seal(std::string_view secret,
                                                   std::string_view owner) const = 0;

    // Error{unavailable}: there is no key here, or another one than it was sealed with.
    // Error{damaged}: it was changed, cut or sealed for another owner.
    [[nodiscard]] virtual Result<std::string> open(std::string_view sealed,
                                                   std::string_view owner) const = 0;
};

// AES-256-GCM under one key; every sealed secret has a random nonce of its own.
//   sealed = version:u8=1  key_id:8 bytes  nonce:12 bytes  text  tag:16 bytes
// The first 21 bytes and the owner are authenticated with it; key_id is the beginning of the key's
// SHA-256, so that a wrong key is told from damage.
class KeyBox final : public SecretBox {
  public:
    static constexpr std::size_t key_bytes = 32;

    // `key` is key_bytes long, or empty: then every call fails with `missing`.
    explicit KeyBox(std::string key, std::string missing = {});
    ~KeyBox() override;
    KeyBox(const KeyBox&) = delete;
    KeyBox& operator=(const KeyBox&) = delete;

    [[nodiscard]] Result<std::string> seal(std::string_view secret,
                                           std::string_view owner) const override;
    [[nodiscard]] Result<std::string> open(std::string_view sealed,
                                           std::string_view owner) const override;

  private:
    std::string key_;
    std::string key_id_;
    std::string missing_;
};

}  // namespace penstock::api

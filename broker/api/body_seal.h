// Body seals: how a payload is made smaller and sealed before it is stored, and comes back.
//
// Sealing is AES-256-GCM under a key of this body alone, HKDF-Expand (RFC 5869, section 2.3, one
// block of SHA-256) of the data key and the body's 128-bit random nonce, whose first 12 bytes are
// the cipher's nonce too: no two bodies share a key before about 2^64 of them were sealed with one
// data key. Authenticated with it are the bytes of the body's packing (model/message.h): account,
// object, key version, codec, size, nonce and wrapped key. Tags, routing and ordering key, content
// type and attributes are not encrypted: matching needs them.
//
// Pure functions and values; any thread.
#pragma once

#include "broker/api/aes_gcm.h"
#include "broker/base/error.h"
#include "broker/base/random.h"
#include "broker/model/message.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace penstock::api {

// Makes room for the secrets of data keys in memory that is neither written to swap space nor to a
// core dump (OpenSSL's secure heap). Once in a process, before the first key. False: it is not
// kept from being swapped out, as the process may lock too little memory.
bool protect_data_keys();

// What one queue's or topic's bodies are sealed with for a time. Its secret is wiped from memory
// when nobody holds it any more, and stands in the room of protect_data_keys() while that lasts.
class DataKey {
  public:
    // `secret` has aes_key_bytes; `wrapped` is what the key service made of it (data_keys.h);
    // `account` is whose object it is for, empty: the server's own.
    DataKey(std::string secret,
            std::string wrapped,
            std::uint64_t version,
            std::string account = {});
    ~DataKey() = default;
    DataKey(const DataKey&) = delete;
    DataKey& operator=(const DataKey&) = delete;

    [[nodiscard]] std::string_view secret() const { return {secret_.get(), aes_key_bytes}; }

    [[nodiscard]] const std::string& wrapped() const { return wrapped_; }

    [[nodiscard]] std::uint64_t version() const { return version_; }

    [[nodiscard]] const std::string& account() const { return account_; }

  private:
    struct Wipe {
        void operator()(char* secret) const;
    };

    std::unique_ptr<char, Wipe> secret_;
    std::string wrapped_;
    std::uint64_t version_;
    std::string account_;
};

using DataKeyPtr = std::shared_ptr<const DataKey>;

// Smaller payloads are not compressed, nor those that it saves less than an eighth of.
inline constexpr std::size_t compress_over_bytes = 1'024;
inline constexpr std::size_t compress_saves_one_in = 8;
// What a compressed payload may come to.
inline constexpr std::uint32_t plain_bytes_max = 64U << 20;

// Compresses the payload where that is worth it.
void compress_payload(model::NewMessage& message);

// Seals the payload for an object, whatever compress_payload() made of it.
void seal_payload(model::NewMessage& message,
                  const std::string& account,
                  model::ObjectNo object,
                  const DataKey& key,
                  Random& random);

// The payload as it was sent. `key` is of the packing's seal, or null where there is none.
// Error{damaged}: it was changed, or is of no form known here.
Result<std::string> open_payload(const model::Packing& packing,
                                 std::string_view payload,
                                 const DataKey* key);

// The same for any text, with any key of aes_key_bytes: nonce:16 bytes, then ciphertext and tag.
// `context` opens it again.
std::string seal_text(std::string_view key,
                      std::string_view context,
                      std::string_view text,
                      Random& random);
// Nothing: it was changed or cut, or key or context are others.
std::optional<std::string> open_text(std::string_view key,
                                     std::string_view context,
                                     std::string_view sealed);

}  // namespace penstock::api

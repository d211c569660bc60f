// Envelope: bodies that only the clients can read. What is sent is sealed here, with a key that the
// server never sees, and opened by whoever receives it: AES-256-GCM as broker/api/body_seal.h does
// it, as printable text, so that any way in and out carries it.
//
//   text = "penstock-envelope-1." KEY_ID "." base64(nonce:16 bytes, ciphertext, tag:16 bytes)
//
// Authenticated with it are the text up to the last dot and the context. A sealed body is about a
// third longer, and cannot be searched or compressed by the server. Values, any thread.
#pragma once

#include "broker/base/error.h"
#include "broker/base/random.h"

#include <optional>
#include <string>
#include <string_view>

namespace penstock::plugins::cmq_tcp {

class Envelope {
  public:
    static constexpr std::size_t key_bytes = 32;
    static constexpr std::size_t key_id_bytes_max = 64;

    // `key_id` tells keys apart for those who have several: letters, digits, '-' and '_', 1 to
    // key_id_bytes_max. Error{invalid}: it is none, or the key has not key_bytes.
    static Result<Envelope> make(std::string key_id, std::string key);

    // `context` says what the body is, the queue's name say: it opens with the same one only.
    [[nodiscard]] std::string seal(std::string_view body,
                                   std::string_view context,
                                   Random& random) const;

    // Error{invalid}: it is no envelope, or of another key. Error{damaged}: it was changed, or key
    // or context are others.
    [[nodiscard]] Result<std::string> open(std::string_view sealed, std::string_view context) const;

    // Whose key it takes; nothing: it is no envelope.
    static std::optional<std::string> key_id_of(std::string_view sealed);

  private:
    Envelope(std::string key_id, std::string key)
        : key_id_(std::move(key_id)), key_(std::move(key)) {}

    std::string key_id_;
    std::string key_;
};

}  // namespace penstock::plugins::cmq_tcp

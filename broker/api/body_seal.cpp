#include "broker/api/body_seal.h"

#include "broker/base/check.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <zstd.h>

#include <algorithm>
#include <utility>

namespace penstock::api {

namespace {

using model::Codec;
using model::Packing;
using model::seal_nonce_bytes;

constexpr int zstd_level = 1;  // the fastest: a body waits for it
constexpr std::string_view body_label = "penstock body 1";

// Of all that is in the secure heap; a power of two.
constexpr std::size_t secure_room = 4U << 20;

// Of data keys: three halves of those that are remembered at most of one kind
// (DataKeys::keys_per_shard_max). OpenSSL has keys and the state of its random numbers there too,
// and with no room left handshakes fail, and so does every random number of a new thread.
constexpr std::size_t data_keys_room = secure_room / 4 * 3;

// Beyond the room there is ordinary memory: keys are wiped there too.
char* room_for_key() {
    const bool has_room = ::CRYPTO_secure_malloc_initialized() == 1 &&
                          ::CRYPTO_secure_used() + aes_key_bytes <= data_keys_room;
    void* room = has_room ? ::OPENSSL_secure_malloc(aes_key_bytes) : nullptr;
    if (room == nullptr) {
        ::ERR_clear_error();
        room = ::OPENSSL_malloc(aes_key_bytes);
    }
    check(room != nullptr, "there is no memory for a data key");
    return static_cast<char*>(room);
}

// A key that is wiped when it goes.
class BodyKey {
  public:
    // HKDF-Expand with the nonce as info, one block.
    BodyKey(std::string_view data_key, std::string_view nonce) : bytes_(aes_key_bytes, '\0') {
        check(data_key.size() == aes_key_bytes, "a data key of 32 bytes");
        std::string info(body_label);
        info += nonce;
        info += '\x01';
        unsigned length = 0;
        const auto* made = ::HMAC(::EVP_sha256(),
                                  data_key.data(),
                                  static_cast<int>(data_key.size()),
                                  reinterpret_cast<const unsigned char*>(info.data()),
                                  info.size(),
                                  reinterpret_cast<unsigned char*>(bytes_.data()),
                                  &length);
        check(made != nullptr && length == aes_key_bytes, "OpenSSL refuses HMAC-SHA256");
    }

    ~BodyKey() { ::OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

    BodyKey(const BodyKey&) = delete;
    BodyKey& operator=(const BodyKey&) = delete;

    [[nodiscard]] const std::string& bytes() const { return bytes_; }

  private:
    std::string bytes_;
};

std::string_view cipher_nonce(std::string_view nonce) {
    return nonce.substr(0, aes_nonce_bytes);
}

std::string seal(std::string_view key,
                 std::string_view nonce,
                 std::string_view context,
                 std::string_view text) {
    return aes_seal(BodyKey(key, nonce).bytes(), cipher_nonce(nonce), {context}, text);
}

std::optional<std::string> open(std::string_view key,
                                std::string_view nonce,
                                std::string_view context,
                                std::string_view sealed) {
    return aes_open(BodyKey(key, nonce).bytes(), cipher_nonce(nonce), {context}, sealed);
}

Result<std::string> decompressed(const Packing& packing, std::string_view payload) {
    if (packing.plain_bytes > plain_bytes_max) {
        return error(Errc::damaged, "a compressed body would be larger than any may be");
    }
    std::string plain(packing.plain_bytes, '\0');
    const std::size_t bytes =
        ::ZSTD_decompress(plain.data(), plain.size(), payload.data(), payload.size());
    if (::ZSTD_isError(bytes) != 0 || bytes != plain.size()) {
        return error(Errc::damaged, "a compressed body does not come back as it was");
    }
    return plain;
}

}  // namespace

bool protect_data_keys() {
    return ::CRYPTO_secure_malloc_init(secure_room, aes_key_bytes) == 1;
}

DataKey::DataKey(std::string secret,
                 std::string wrapped,
                 std::uint64_t version,
                 std::string account)
    : secret_(room_for_key()),
      wrapped_(std::move(wrapped)),
      version_(version),
      account_(std::move(account)) {
    check(secret.size() == aes_key_bytes, "a data key of 32 bytes");
    std::copy(secret.begin(), secret.end(), secret_.get());
    ::OPENSSL_cleanse(secret.data(), secret.size());
}

void DataKey::Wipe::operator()(char* secret) const {
    ::OPENSSL_secure_clear_free(secret, aes_key_bytes);
}

void compress_payload(model::NewMessage& message) {
    const std::size_t plain_bytes = message.payload.size();
    if (plain_bytes <= compress_over_bytes || plain_bytes > plain_bytes_max) return;
    // No room for more than it may come to: it gives up by itself.
    std::string smaller(plain_bytes - plain_bytes / compress_saves_one_in, '\0');
    const std::size_t bytes = ::ZSTD_compress(
        smaller.data(), smaller.size(), message.payload.data(), plain_bytes, zstd_level);
    if (::ZSTD_isError(bytes) != 0) return;
    smaller.resize(bytes);
    message.payload = std::move(smaller);
    message.packing = Packing{Codec::zstd, static_cast<std::uint32_t>(plain_bytes), {}};
}

void seal_payload(model::NewMessage& message,
                  const std::string& account,
                  model::ObjectNo object,
                  const DataKey& key,
                  Random& random) {
    if (!message.packing) {
        message.packing =
            Packing{Codec::none, static_cast<std::uint32_t>(message.payload.size()), {}};
    }
    Packing& packing = *message.packing;
    check(!packing.seal, "a body is sealed once");
    packing.seal =
        model::Seal{account, object, key.version(), random.fill(seal_nonce_bytes), key.wrapped()};
    message.payload =
        seal(key.secret(), packing.seal->nonce, model::encode_packing(packing), message.payload);
}

Result<std::string> open_payload(const Packing& packing,
                                 std::string_view payload,
                                 const DataKey* key) {
    std::string opened;
    if (packing.seal) {
        check(key != nullptr, "a sealed body is opened with a key");
        auto text =
            open(key->secret(), packing.seal->nonce, model::encode_packing(packing), payload);
        if (!text) return error(Errc::damaged, "a sealed body was changed");
        opened = std::move(*text);
        payload = opened;
    }
    if (packing.codec == Codec::zstd) return decompressed(packing, payload);
    if (payload.size() != packing.plain_bytes) {
        return error(Errc::damaged, "a packed body is not as long as it says");
    }
    return packing.seal ? std::move(opened) : std::string(payload);
}

std::string seal_text(std::string_view key,
                      std::string_view context,
                      std::string_view text,
                      Random& random) {
    const std::string nonce = random.fill(seal_nonce_bytes);
    return nonce + seal(key, nonce, context, text);
}

std::optional<std::string> open_text(std::string_view key,
                                     std::string_view context,
                                     std::string_view sealed) {
    if (sealed.size() < seal_nonce_bytes) return std::nullopt;
    return open(key, sealed.substr(0, seal_nonce_bytes), context, sealed.substr(seal_nonce_bytes));
}

}  // namespace penstock::api

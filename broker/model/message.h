// A message's body as stored: a small header with what receivers and matchers need, then the
// payload. The log store keeps the encoded bytes as one body; the core sees headers only.
// Values, any thread.
#pragma once

#include "broker/model/ids.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::model {

// What travels beside the payload.
struct MessageMeta {
    std::vector<std::string> tags;
    std::string routing_key;   // dotted words; empty: none
    std::string ordering_key;  // empty: none
    std::string content_type;  // empty: unknown; only shown, never interpreted
    std::vector<std::pair<std::string, std::string>>
        attributes;  // names unique, in the order given

    friend bool operator==(const MessageMeta&, const MessageMeta&) = default;
};

// How a payload was made smaller. The numbers are stored.
enum class Codec : std::uint8_t { none = 0, zstd = 1 };

// What a payload was sealed with, and for whom. It travels with the ciphertext wherever that goes,
// the wrapped key too: a body can be opened as long as it exists (broker/api/body_seal.h).
struct Seal {
    std::string account;            // whose object it is; empty: there is but one account
    ObjectNo object;                // the queue or topic that it was sent to
    std::uint64_t key_version = 0;  // of the object's data key: when it was made, in ms
    std::string nonce;              // seal_nonce_bytes, drawn for this body alone
    std::string wrapped_key;        // the data key, as the key service wrapped it

    friend bool operator==(const Seal&, const Seal&) = default;
};

inline constexpr std::size_t seal_nonce_bytes = 16;
inline constexpr std::size_t wrapped_key_bytes_max = 4'096;

// How a stored payload came from the one that was sent: first made smaller, then sealed.
struct Packing {
    Codec codec = Codec::none;
    std::uint32_t plain_bytes = 0;  // of the payload as it was sent
    std::optional<Seal> seal;       // nothing: it is not sealed

    friend bool operator==(const Packing&, const Packing&) = default;
};

// A message on its way in.
struct NewMessage {
    MessageMeta meta;
    std::string payload;
    std::optional<Packing> packing = std::nullopt;  // nothing: the payload is as it was sent
};

// Header of a stored body plus the payload's size: what the core sees of it.
struct BodyInfo {
    MessageMeta meta;
    std::uint32_t payload_bytes = 0;  // as it was sent, however it is packed
};

// Stored form of a body (golden bytes in tests/model); version 2 only where the payload is packed:
//   body    = version:u8=1  header_bytes:varint  header  payload
//           | version:u8=2  header_bytes:varint  header  packing_bytes:varint  packing  payload
//   header  = tags:count{bytes}  routing_key:bytes  ordering_key:bytes  content_type:bytes
//             attributes:count{name:bytes value:bytes}
//   packing = codec:u8  plain_bytes:u32  sealed:bool
//             [account:bytes  object:u32  key_version:u64  nonce:16 bytes  wrapped_key:bytes]
std::string encode_body(const NewMessage& message);

// The bytes of `packing` as they stand in a body: what is authenticated with a sealed payload.
std::string encode_packing(const Packing& packing);

struct StoredBody {
    MessageMeta meta;
    std::string_view payload;  // a view into the bytes given
    std::optional<Packing> packing = std::nullopt;
};

std::optional<StoredBody> decode_body(std::string_view bytes);  // nothing when malformed

// Told by its first byte alone, of the bytes of a body.
bool is_packed(std::string_view body);

// Of the payload as it was sent.
std::uint32_t size_sent(const NewMessage& message);

// What the core sees of a message on its way in; its meta is moved away.
BodyInfo take_info(NewMessage& message);

}  // namespace penstock::model

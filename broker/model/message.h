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

// A message on its way in.
struct NewMessage {
    MessageMeta meta;
    std::string payload;
};

// Header of a stored body plus the payload's size: what the core sees of it.
struct BodyInfo {
    MessageMeta meta;
    std::uint32_t payload_bytes = 0;
};

// Stored form of a body (golden bytes in tests/model):
//   body    = version:u8=1  header_bytes:varint  header  payload
//   header  = tags:count{bytes}  routing_key:bytes  ordering_key:bytes  content_type:bytes
//             attributes:count{name:bytes value:bytes}
std::string encode_body(const NewMessage& message);

struct StoredBody {
    MessageMeta meta;
    std::string_view payload;  // a view into the bytes given
};

std::optional<StoredBody> decode_body(std::string_view bytes);  // nothing when malformed

}  // namespace penstock::model

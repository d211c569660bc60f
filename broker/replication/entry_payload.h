// Payload: the bytes of one log entry as replicas exchange them: its time, its commands and its
// bodies in one buffer, so that the engine can carry an address and a length. Immutable and shared:
// window, frames and what was handed out hold it. The coding is pure functions; any thread.
#pragma once

#include "broker/base/error.h"
#include "broker/model/ids.h"
#include "broker/replication/log.h"
#include "broker/storage/log/log_store.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::replication {

struct Payload : std::enable_shared_from_this<Payload> {
    explicit Payload(std::string encoded) : bytes(std::move(encoded)) {}

    std::string bytes;
};

using PayloadPtr = std::shared_ptr<const Payload>;

struct PayloadView {
    TimeMs time_ms = 0;
    std::string_view commands;
    std::vector<std::string_view> bodies;
};

std::string encode_payload(TimeMs time_ms,
                           std::string_view commands,
                           std::span<const std::string_view> bodies);

// Nothing for anything encode_payload() does not make.
std::optional<PayloadView> decode_payload(std::string_view bytes);

// The payload of a stored command entry. Error{damaged} when a body of it is gone: it cannot be
// given to another replica.
Result<PayloadPtr> payload_of(const storage::StoredEntry& entry);

}  // namespace penstock::replication

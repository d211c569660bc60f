// Delayed messages, and the dedup window of sends. A delayed message has its id and holds its body
// from the send on; it gets its sequence and log time when the delay is over.
#pragma once

#include "broker/core/turn.h"

namespace penstock::core {

inline constexpr std::uint64_t delayed_per_object_max = 1'000'000;
inline constexpr TimeMs dedup_window_ms = 600'000;

// Refuses when the object already holds its maximum of delayed messages.
std::optional<model::Refusal> check_delay(Turn& turn,
                                          ObjectNo object,
                                          const std::string& name,
                                          std::uint32_t count,
                                          std::uint64_t delay_ms);

// Holds one delayed message; `meta` is what a topic's matching will need.
void delay_message(Turn& turn,
                   ObjectNo object,
                   const MessageRef& message,
                   const model::MessageMeta& meta,
                   std::uint64_t delay_ms);

// One timer for the messages of one command: `count` ids, and bodies, from `first` on.
void arm_delay(Turn& turn,
               ObjectNo object,
               const MessageRef& first,
               std::uint32_t count,
               std::uint64_t delay_ms);

// Timer: the messages become visible, or their bodies go when the object is gone or was cleared.
void delay_over(Turn& turn, ObjectNo object, std::string_view value);

// Moves a delayed message to another due time, or takes it back.
model::Reply change_delayed(Turn& turn, const model::ChangeDelayed& command);

// The reply of the first send with that key within the window; nothing for an unknown or empty key.
std::optional<model::Sent> repeated_send(const Turn& turn, ObjectNo object, const std::string& key);
void remember_send(Turn& turn, ObjectNo object, const std::string& key, const model::Sent& sent);
void dedup_expired(Turn& turn, ObjectNo object, std::string_view key);  // timer

}  // namespace penstock::core

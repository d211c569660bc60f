// The actions on messages of a queue (cmq-api.md 2.4).
#pragma once

#include "broker/model/objects.h"
#include "plugins/cmq_http/action.h"

namespace penstock::plugins::cmq {

std::vector<Action> message_actions();

// A message with that body, of the trace that the request is part of, with its ordering key.
model::NewMessage new_message(const Exchange& exchange, std::string body);

// The bodies `msgBody`.n as messages; a failure when they are too large together.
Failure read_bodies(const Exchange& exchange, std::vector<model::NewMessage>& messages);

// msgId, or msgList of all ids.
Answer sent_one(const api::SentMessages& sent);
Answer sent_many(const api::SentMessages& sent);

inline constexpr std::int64_t body_bytes_max = model::message_bytes_most;  // of one sent alone
inline constexpr std::int64_t batch_bytes_max = 1024 * 1024;               // of all of a batch
inline constexpr std::int64_t dedup_key_bytes_max = 128;

// `orderingKey`, our own: of all messages of the request.
ParameterSpec ordering_key();

}  // namespace penstock::plugins::cmq

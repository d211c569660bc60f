// Byte forms of the objects' attributes, shared by commands and rows; digests are of them too.
// Every form begins with its own version byte. Decoders leave the reader failed on malformed input.
#pragma once

#include "broker/base/bytes.h"
#include "broker/model/objects.h"

namespace penstock::model {

void encode(Writer& writer, const QueueAttributes& attributes);
void encode(Writer& writer, const TopicAttributes& attributes);
void encode(Writer& writer, const SubscriptionSpec& spec);
void encode(Writer& writer, const Script& script);

QueueAttributes decode_queue_attributes(Reader& reader);
TopicAttributes decode_topic_attributes(Reader& reader);
SubscriptionSpec decode_subscription_spec(Reader& reader);
Script decode_script(Reader& reader);

}  // namespace penstock::model

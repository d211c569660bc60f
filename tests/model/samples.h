// One sample of every command, with every field set and none equal to its default, and the bytes it
// is stored as. The bytes are for ever: entries of old logs are replayed by new versions.
#pragma once

#include "broker/model/command.h"

#include <string>
#include <vector>

namespace penstock::model::testing {

struct CommandSample {
    std::string name;
    Command command;
    std::string hex;  // encode_commands({command})
};

QueueAttributes sample_queue_attributes();
TopicAttributes sample_topic_attributes();
SubscriptionSpec sample_subscription_spec();
std::vector<Attempt> sample_attempts();

std::vector<CommandSample> command_samples();
std::vector<CommandSample> transaction_samples();  // of these

}  // namespace penstock::model::testing

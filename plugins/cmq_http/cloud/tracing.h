// DescribeMqMsgTrace: a message's track in stages (cmq-api.md 2.7, 7.2). Any I/O thread.
#pragma once

#include "plugins/cmq_http/cloud/actions.h"

namespace penstock::plugins::cmq::cloud {

// Stages produce, persist and consume, each with a JSON document in a string.
asio::awaitable<CloudAnswer> trace(const CloudExchange& exchange);

}  // namespace penstock::plugins::cmq::cloud

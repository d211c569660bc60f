// What there is, in full: API 2.0 gives lists of names and then one at a time. Any I/O thread.
#pragma once

#include "plugins/cmq_http/cloud/actions.h"

namespace penstock::plugins::cmq::cloud {

// A page of all, or the one that the parameters name.
asio::awaitable<CloudAnswer> describe_queues(const CloudExchange& exchange);
asio::awaitable<CloudAnswer> describe_topics(const CloudExchange& exchange);
asio::awaitable<CloudAnswer> describe_subscriptions(const CloudExchange& exchange);

// The queues whose dead letters a queue takes.
asio::awaitable<CloudAnswer> describe_sources(const CloudExchange& exchange);

// The one that the parameters name; a problem when there is none.
asio::awaitable<CloudAnswer> describe_queue(const CloudExchange& exchange);
asio::awaitable<CloudAnswer> describe_topic(const CloudExchange& exchange);

}  // namespace penstock::plugins::cmq::cloud

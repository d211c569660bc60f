// Actions of API 3.0 that are one action of API 2.0. Any I/O thread.
#pragma once

#include "plugins/cmq_http/cloud/actions.h"

#include <string>
#include <string_view>

namespace penstock::plugins::cmq::cloud {

// The parameter `name` of the exchange; empty when absent.
std::string find(const std::vector<Parameters::Parameter>& parameters, std::string_view name);

// Runs the action `name` of API 2.0, which must exist, on `parameters`: names once each, UTF-8.
asio::awaitable<Answer> run(const CloudExchange& exchange,
                            std::string_view name,
                            std::vector<Parameters::Parameter> parameters);

// The action that the exchange's own names, with what it answers.
asio::awaitable<CloudAnswer> perform(const CloudExchange& exchange);

// The same, to make or change a queue. Parts of a dead-letter policy without its queue change the
// policy that there is; where there is none, or the queue's name is empty, they say nothing.
asio::awaitable<CloudAnswer> change_queue(const CloudExchange& exchange);

// The same, with Result, for messages.
asio::awaitable<CloudAnswer> send(const CloudExchange& exchange);

}  // namespace penstock::plugins::cmq::cloud

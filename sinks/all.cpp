#include "sinks/all.h"

#include "sinks/http/http_sink.h"
#include "sinks/queue/queue_sink.h"

#include <utility>

namespace penstock::sinks {

Result<Sinks> make_sinks(const boost::asio::any_io_executor& executor,
                         const Clock& clock,
                         Random& random,
                         api::Dispatch& dispatch,
                         const SinkOptions& options) {
    http::HttpSinkOptions http_options;
    http_options.topic_owner = options.topic_owner;
    http_options.client.ca_file = options.ca_file;
    http_options.client.addresses =
        options.allow_private ? client::AddressPolicy::any : client::AddressPolicy::public_only;
    auto resolver = std::make_unique<client::PoolResolver>(executor, clock);
    auto http =
        http::HttpSink::make(executor, clock, random, std::move(resolver), std::move(http_options));
    if (!http) return http.error();

    Sinks sinks;
    sinks.emplace(model::SinkKind::http, std::move(*http));
    sinks.emplace(model::SinkKind::queue, std::make_unique<queue::QueueSink>(executor, dispatch));
    return sinks;
}

}  // namespace penstock::sinks

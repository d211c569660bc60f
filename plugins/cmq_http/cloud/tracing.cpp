#include "plugins/cmq_http/cloud/tracing.h"

#include "broker/base/instant.h"
#include "plugins/cmq_http/cloud/performing.h"

#include <boost/json.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace penstock::plugins::cmq::cloud {

namespace {

namespace json = boost::json;

json::value stage(const char* name, const json::object& data) {
    return json::object{{"Stage", name}, {"Data", json::serialize(data)}};
}

json::object shown_place(const api::TrackPlace& place) {
    json::array attempts;
    for (const api::DeliveryView& attempt : place.attempts) {
        attempts.emplace_back(json::object{{"Attempt", attempt.attempt},
                                           {"Time", format_instant(attempt.at_ms)},
                                           {"Status", attempt.status},
                                           {"HttpStatus", attempt.http_status},
                                           {"Reason", attempt.reason},
                                           {"Target", attempt.target},
                                           {"CostMicroseconds", attempt.latency_us}});
    }
    return {{"Name", place.object},
            {"Kind", place.kind},
            {"Status", place.state},
            {"Count", place.count},
            {"Attempts", std::move(attempts)}};
}

CloudAnswer shown_track(const api::MessageTrack& track) {
    CloudAnswer out;
    json::array stages;
    stages.emplace_back(stage("produce",
                              {{"MsgId", model::to_text(track.id)},
                               {"ProduceTime", format_instant(track.sent_ms)},
                               {"ProduceTarget", track.sent_to},
                               {"MsgTag", json::value_from(track.meta.tags)},
                               {"RoutingKey", track.meta.routing_key},
                               {"MsgSize", track.payload_bytes},
                               {"Status", 0}}));
    stages.emplace_back(stage("persist",
                              {{"PersistTime", format_instant(track.sent_ms)},
                               {"LogIndex", track.log_index},
                               {"Status", 0}}));
    json::array places;
    for (const api::TrackPlace& place : track.places) places.emplace_back(shown_place(place));
    const std::size_t count = places.size();
    stages.emplace_back(
        stage("consume", {{"TotalCount", count}, {"ConsumeLogs", std::move(places)}}));
    out.members["Result"] = std::move(stages);
    out.members["ShowTopicName"] = track.sent_to;
    return out;
}

bool was_in(const api::MessageTrack& track, const std::string& object) {
    return object.empty() || track.sent_to == object ||
           std::any_of(track.places.begin(), track.places.end(), [&](const auto& place) {
               return place.object == object;
           });
}

}  // namespace

asio::awaitable<CloudAnswer> trace(const CloudExchange& exchange) {
    CloudAnswer out;
    const auto id = model::parse_decimal(find(exchange.parameters, "msgId"));
    if (find(exchange.parameters, "protocol") != "cmq") {
        out.problem = {"InvalidParameterValue", "Protocol must be cmq"};
        co_return out;
    }
    if (!id) {
        out.problem = {"InvalidParameterValue", "MsgId must be the id of a message"};
        co_return out;
    }
    api::TrackMessage request;
    request.id = model::MessageId(*id);
    const auto track = co_await api::call(exchange.broker, exchange.principal, request);
    if (!track) {
        out.problem = problem_of(failure_of(track.error(), Family::queue, faults::internal));
        co_return out;
    }
    if (!was_in(*track, find(exchange.parameters, "queueName")) ||
        !was_in(*track, find(exchange.parameters, "topicName"))) {
        out.problem = {"ResourceNotFound", "that message was not sent there"};
        co_return out;
    }
    co_return shown_track(*track);
}

}  // namespace penstock::plugins::cmq::cloud

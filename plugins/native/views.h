// The broker's answers as JSON: names in snake_case, ids and receipts as decimal text, times as
// RFC 3339, durations in whole seconds unless the name ends in _ms. A field that does not apply is
// left out. Pure functions, any thread.
#pragma once

#include "broker/api/requests.h"

#include <boost/json/object.hpp>

#include <string>
#include <string_view>

namespace penstock::plugins::native {

boost::json::object show(const api::QueueView& queue);
boost::json::object show(const api::TopicView& topic);
boost::json::object show(const api::SubscriptionView& subscription);
boost::json::object show(const api::ReceivedMessage& message);
boost::json::object show(const api::DeadLetterView& letter);
boost::json::object show(const api::PeekedMessage& message);
boost::json::object show(const api::JobView& job);
boost::json::object show(const api::DeliveryView& delivery);
boost::json::object show(const api::MessageTrack& track);
boost::json::object show(const api::ServerStatus& status);
boost::json::object show(const model::RetryPolicy& policy);

// Text of any origin made fit for JSON: a character cut at the end goes, and where more than that
// is no UTF-8 every byte beyond ASCII becomes '?'.
std::string readable(std::string_view text);

// Text that is not empty, made readable.
void put_text(boost::json::object& out, std::string_view name, const std::string& text);

// Tags, keys, type and attributes of a message, as far as it has them.
void put_meta(boost::json::object& out, const model::MessageMeta& meta);

// A time as RFC 3339; 0 is left out.
void put_time(boost::json::object& out, std::string_view name, model::TimeMs time_ms);

// The payload as `body` when it is UTF-8, else as `body_base64`.
void put_body(boost::json::object& out, std::string_view payload);

std::string_view to_text(model::FilterKind filter);
std::string_view to_text(model::SubscriptionState state);
std::string_view to_text(model::RetryPolicy::Name name);

}  // namespace penstock::plugins::native

// What GET /v1/events tells, as JSON: the server's figures, and queues, topics and subscriptions in
// short. Counters count from the start of the process. Pure functions and values, one thread.
#pragma once

#include "broker/api/requests.h"
#include "broker/model/metric.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace penstock::plugins::native {

// One event in the form of text/event-stream.
std::string event_text(std::string_view name, const boost::json::object& data);

boost::json::object figures_event(const model::Metrics& metrics, model::TimeMs now_ms);

boost::json::object brief(const api::QueueView& queue);
boost::json::object brief(const api::TopicView& topic);
boost::json::object brief(const api::SubscriptionView& subscription);

// What a caller was last told of one kind of objects, so that it is only told what changed. Keeps
// a number an object.
class Told {
  public:
    // Begins to tell all that there is; what is not told until end() has gone.
    void begin() { seen_.clear(); }

    // Adds the object to `changes` when the caller does not know it like that.
    void tell(const std::string& name, boost::json::object object, boost::json::array& changes);

    // It is still there, but how it is cannot be said now.
    void keep(const std::string& name) { seen_.insert(name); }

    // Adds the names of what has gone.
    void end(boost::json::array& gone);

  private:
    std::map<std::string, std::uint64_t> known_;
    std::set<std::string> seen_;
};

// The attempts of each page that were not on the page before, youngest first.
class NewAttempts {
  public:
    std::vector<api::DeliveryView> of(std::vector<api::DeliveryView> page);

  private:
    std::set<std::string> known_;
};

}  // namespace penstock::plugins::native

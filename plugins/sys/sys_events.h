// SysEvents: what happened on this server that people should know of, seen by holding its figures
// against those of a moment before. Values and pure functions, any thread.
#pragma once

#include "broker/model/message.h"
#include "broker/model/metric.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::plugins::sys {

inline constexpr double late_after_s = 300;  // what waits for longer is late
inline constexpr std::size_t events_per_look_max = 100;

struct SysEvent {
    std::string type;     // penstock.dead_letters.arrived
    std::string subject;  // whom it is about: a queue, TOPIC/NAME, a set; empty: the server
    std::vector<std::pair<std::string, std::uint64_t>> numbers;

    friend bool operator==(const SysEvent&, const SysEvent&) = default;
};

// What is remembered of figures: those that events come from, by name and label.
class Looked {
  public:
    // What has changed since the last call; the first one tells that the server started. At most
    // events_per_look_max.
    std::vector<SysEvent> look(const model::Metrics& metrics);

  private:
    using Figures = std::map<std::string, double, std::less<>>;  // by label
    void look_at_objects(const model::Metrics& metrics, std::vector<SysEvent>& events);
    void look_at_server(const model::Metrics& metrics, std::vector<SysEvent>& events);

    // The figures of a name, by the value of `label`, and how they were last time.
    std::pair<Figures, Figures> both(const model::Metrics& metrics,
                                     std::string_view name,
                                     std::string_view label);

    std::map<std::string, Figures, std::less<>> before_;
    bool first_ = true;
};

// The event as a message: attributes of a CloudEvent, the middle of the type as its tag, JSON as
// its body.
model::NewMessage message_of(const SysEvent& event, const std::string& source);

}  // namespace penstock::plugins::sys

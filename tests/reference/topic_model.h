// TopicModel: what a topic of the API means whose subscribers are queues: a message goes to each
// subscription there is when it is published (delayed: when its delay is over) whose filter lets it
// through. A subscription without tags takes everything, one with tags takes what shares one with
// it. The message keeps its id, and its queue holds it as if it had been sent there at that time.
// Values; one test, one thread.
#pragma once

#include "tests/reference/queue_model.h"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace penstock::reference {

using Tags = std::set<std::string>;

// A message on its way into a queue.
struct Fed {
    std::size_t queue = 0;
    MessageId id;
    std::string body;
    TimeMs at_ms = 0;
};

class TopicModel {
  public:
    // One subscription a queue; empty: everything.
    void subscribe(std::size_t queue, Tags filter) { filters_.insert_or_assign(queue, filter); }

    void unsubscribe(std::size_t queue) { filters_.erase(queue); }

    [[nodiscard]] bool subscribed(std::size_t queue) const { return filters_.contains(queue); }

    void publish(MessageId id, std::string body, Tags tags, TimeMs due_ms) {
        published_.emplace(due_ms, Published{id, std::move(body), std::move(tags)});
    }

    // What goes to queues until now. To be asked for before subscriptions or queues change: it goes
    // by the filters there are.
    std::vector<Fed> take_fed(TimeMs now_ms) {
        std::vector<Fed> fed;
        while (!published_.empty() && published_.begin()->first <= now_ms) {
            const auto [at_ms, message] = *published_.begin();
            for (const auto& [queue, filter] : filters_) {
                if (lets_through(filter, message.tags)) {
                    fed.push_back({queue, message.id, message.body, at_ms});
                }
            }
            published_.erase(published_.begin());
        }
        return fed;
    }

  private:
    struct Published {
        MessageId id;
        std::string body;
        Tags tags;
    };

    static bool lets_through(const Tags& filter, const Tags& tags) {
        if (filter.empty()) return true;
        for (const std::string& tag : tags) {
            if (filter.contains(tag)) return true;
        }
        return false;
    }

    std::map<std::size_t, Tags> filters_;
    std::multimap<TimeMs, Published> published_;
};

}  // namespace penstock::reference

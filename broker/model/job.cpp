#include "broker/model/job.h"

#include <algorithm>

namespace penstock::model {

bool asks_for_bodies(const MessageFilter& filter) {
    return !filter.tags.empty() || !filter.key.empty() || !filter.text.empty();
}

bool takes_body(const MessageFilter& filter, const MessageMeta& meta, std::string_view payload) {
    const auto tagged = [&](const std::string& tag) {
        return std::find(meta.tags.begin(), meta.tags.end(), tag) != meta.tags.end();
    };
    if (!filter.tags.empty() && std::none_of(filter.tags.begin(), filter.tags.end(), tagged)) {
        return false;
    }
    if (!filter.key.empty() && filter.key != meta.routing_key && filter.key != meta.ordering_key) {
        return false;
    }
    return payload.find(filter.text) != std::string_view::npos;
}

std::string_view to_text(JobKind kind) {
    switch (kind) {
        case JobKind::redrive:
            return "redrive";
        case JobKind::replay:
            return "replay";
    }
    return "unknown";
}

std::string_view to_text(JobState state) {
    switch (state) {
        case JobState::none:
            return "none";
        case JobState::running:
            return "running";
        case JobState::paused:
            return "paused";
        case JobState::done:
            return "done";
        case JobState::cancelled:
            return "cancelled";
    }
    return "unknown";
}

}  // namespace penstock::model

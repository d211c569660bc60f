#include "broker/node/rates.h"

#include "broker/core/data_query.h"

namespace penstock::node {

void Rates::look(const core::NameInfo& object) {
    if (told_ == nullptr || !data_.leading()) return;
    const bool topic = object.kind == model::ObjectKind::topic;
    std::uint32_t messages_per_s = 0;
    bool there = false;
    if (topic) {
        const auto info = core::topic_info(data_.rows(), object.number);
        there = info.has_value();
        if (info) messages_per_s = info->attributes.messages_per_s;
    } else {
        const auto info = core::queue_info(data_.rows(), object.number);
        there = info.has_value();
        if (info) messages_per_s = info->attributes.messages_per_s;
    }
    told_->set(data_.set(), topic, object.name, messages_per_s);
    if (met_.size() >= met_max) met_.clear();
    if (there) {
        met_.insert(object.number.value);
    } else {
        met_.erase(object.number.value);
    }
}

void Rates::rest() {
    if (told_ == nullptr) return;
    told_->forget(data_.set());
    met_.clear();
}

}  // namespace penstock::node

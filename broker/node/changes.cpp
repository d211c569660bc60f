#include "broker/node/changes.h"

#include "broker/base/check.h"

#include <utility>

namespace penstock::node {

namespace {

bool in_vain(const CallPtr& call) {
    return call != nullptr && (call->answered() || call->cancelled());
}

}  // namespace

// The next one begins from the mailbox: turns end in the middle of answers, closes and destructors.
class Changes::Holder {
  public:
    Holder(Changes& changes, model::ObjectNo object)
        : mailbox_(changes.mailbox_), changes_(changes.weak_from_this()), object_(object) {}

    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;

    ~Holder() {
        mailbox_->post([changes = std::move(changes_), object = object_](Node&) {
            if (const auto kept = changes.lock()) kept->ended(object);
        });
    }

  private:
    std::shared_ptr<Mailbox> mailbox_;
    std::weak_ptr<Changes> changes_;
    model::ObjectNo object_;
};

bool Changes::enter(model::ObjectNo object, const CallPtr& call, Change change) {
    const auto [found, idle] = lines_.try_emplace(object);
    if (idle) {
        begin(object, change);
        return true;
    }
    std::deque<Waiting>& line = found->second;
    if (line.size() >= waiting_changes_max) {
        std::erase_if(line, [](const Waiting& waiting) { return in_vain(waiting.call); });
    }
    if (line.size() >= waiting_changes_max) return false;
    line.push_back({call, std::move(change)});
    return true;
}

void Changes::begin(model::ObjectNo object, const Change& change) {
    change(std::make_shared<const Holder>(*this, object));
}

void Changes::ended(model::ObjectNo object) {
    const auto found = lines_.find(object);
    check(found != lines_.end(), "an object that was being changed has a line");
    std::deque<Waiting>& line = found->second;
    while (!line.empty()) {
        const Waiting first = std::move(line.front());
        line.pop_front();
        if (!in_vain(first.call)) return begin(object, first.change);
    }
    lines_.erase(found);
}

}  // namespace penstock::node

#include "tests/nemesis/message_model.h"

#include <algorithm>

namespace penstock::nemesis {

const Item* MessageModel::own(const Operation& operation) const {
    const auto found = std::find_if(operation.items.begin(),
                                    operation.items.end(),
                                    [this](const Item& item) { return item.body == body_; });
    return found == operation.items.end() ? nullptr : &*found;
}

bool MessageModel::is_in(const State& state, const std::string& queue) const {
    return queue == (state.dead ? rules_.dead : queue_);
}

void MessageModel::send(const State& state,
                        const Operation& operation,
                        std::vector<State>& out) const {
    if (state.place != Place::nowhere) {
        if (!operation.key.empty()) out.push_back(state);  // known already
        return;
    }
    State sent = state;
    sent.place = Place::visible;
    if (operation.kind == Kind::publish) {
        sent.place = Place::delayed;  // until it is in this queue too
    } else if (operation.number > 0) {
        const TimeUs delay_us = operation.number * us_per_s;
        sent.place = Place::delayed;
        sent.until_us = operation.invoke_us + delay_us - slack_us(delay_us);
    }
    out.push_back(sent);
}

void MessageModel::receive(const State& state,
                           const Operation& operation,
                           std::vector<State>& out) const {
    const Item* item = own(operation);
    if (item == nullptr) {
        if (state.place != Place::visible || !is_in(state, operation.object)) out.push_back(state);
        return;
    }
    if (state.place != Place::visible || !is_in(state, operation.object)) return;
    if (item->receives != state.receives + 1) return;
    const std::int64_t usual_s = state.dead ? dead_visibility_s_ : rules_.visibility_s;
    const TimeUs lease_us = (operation.number > 0 ? operation.number : usual_s) * us_per_s;
    State leased = state;
    leased.place = Place::leased;
    leased.receives = item->receives;
    leased.receipt = item->receipt;
    leased.until_us = operation.invoke_us + lease_us - slack_us(lease_us);
    out.push_back(leased);
}

// Deletes it, or sets when it comes back; refused as stale when the lease is not its.
void MessageModel::end_lease(const State& state,
                             const Operation& operation,
                             std::vector<State>& out) const {
    const bool its = state.place == Place::leased && is_in(state, operation.object) &&
                     state.receipt == operation.items.front().receipt;
    if (operation.outcome == Outcome::fail) {
        if (!its) out.push_back(state);
        return;
    }
    if (!its) return;
    State after = state;
    if (operation.kind == Kind::remove) {
        after.place = Place::deleted;
    } else {
        const TimeUs lease_us = operation.number * us_per_s;
        after.until_us = operation.invoke_us + lease_us - slack_us(lease_us);
    }
    out.push_back(after);
}

void MessageModel::apply(const State& state,
                         const Operation& operation,
                         std::vector<State>& out) const {
    switch (operation.kind) {
        case Kind::send:
        case Kind::publish:
            return send(state, operation, out);
        case Kind::receive:
            return receive(state, operation, out);
        case Kind::remove:
        case Kind::visibility:
            return end_lease(state, operation, out);
        default:
            return;
    }
}

void MessageModel::drift(const State& state, TimeUs now_us, std::vector<State>& out) const {
    const bool over = now_us >= state.until_us;
    const bool lies = state.place == Place::delayed || state.place == Place::leased;
    State after = state;
    if (lies && over) {
        after.place = Place::visible;
        after.until_us = 0;
        after.receipt.clear();
        const bool dies = !state.dead && !rules_.dead.empty() && rules_.max_receives > 0 &&
                          state.receives >= rules_.max_receives;
        if (dies) {
            after.dead = true;
            after.receives = 0;
        }
        out.push_back(after);
        return;
    }
    // Leased by a receive whose answer never came, for who knows how long.
    const auto begun = std::upper_bound(unanswered_us_.begin(), unanswered_us_.end(), now_us);
    if (state.place != Place::visible) return;
    if (state.unanswered >= static_cast<std::uint64_t>(begun - unanswered_us_.begin())) return;
    after.place = Place::leased;
    after.until_us = 0;
    ++after.receives;
    ++after.unanswered;
    out.push_back(after);
}

}  // namespace penstock::nemesis

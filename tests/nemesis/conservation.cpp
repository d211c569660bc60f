#include "tests/nemesis/conservation.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace penstock::nemesis {

namespace {

using Body = std::string;

// What is known of one body.
struct Fate {
    const Operation* sent = nullptr;
    bool acknowledged = false;
    bool possible = false;  // sent, and not refused for sure every time
    std::set<std::string> ids;
    std::set<std::string> removed_from;  // or maybe removed
    std::set<std::string> pushed_to;     // accepted
};

class Conservation {
  public:
    explicit Conservation(const History& history) : history_(history) {}

    Findings check() {
        for (const Operation& operation : history_.operations) note(operation);
        for (const auto& [body, fate] : fates_) judge(body, fate);
        count_receives();
        return std::move(findings_);
    }

  private:
    void complain(const std::string& rule, const std::string& what) {
        findings_.push_back({rule, what});
    }

    void note(const Operation& operation) {
        switch (operation.kind) {
            case Kind::send:
            case Kind::publish:
                return note_sent(operation);
            case Kind::receive:
                if (operation.outcome == Outcome::unknown) ++unknown_receives_[operation.object];
                return note_came(operation);
            case Kind::push:
                note_came(operation);
                return note_pushed(operation);
            case Kind::remove:
                return note_removed(operation);
            default:
                return;
        }
    }

    void note_sent(const Operation& operation) {
        for (const Item& item : operation.items) {
            Fate& fate = fates_[item.body];
            fate.sent = &operation;
            fate.acknowledged = fate.acknowledged || operation.outcome == Outcome::ok;
            fate.possible = fate.possible || operation.outcome != Outcome::fail;
            if (!item.id.empty()) fate.ids.insert(item.id);
        }
    }

    void note_came(const Operation& operation) {
        for (const Item& item : operation.items) fates_[item.body].ids.insert(item.id);
    }

    void note_pushed(const Operation& push) {
        constexpr std::int64_t accepted = 200;
        if (push.number != accepted) return;
        for (const Item& item : push.items) fates_[item.body].pushed_to.insert(push.object);
    }

    void note_removed(const Operation& operation) {
        if (operation.outcome == Outcome::fail) return;
        for (const Item& item : operation.items) {
            fates_[item.body].removed_from.insert(operation.object);
        }
    }

    void judge(const Body& body, const Fate& fate) {
        if (fate.sent == nullptr) return complain("invented", body + " was never sent");
        const std::size_t one = 1;
        if (!fate.possible && !fate.ids.empty()) {
            complain("failed_but_came", body + " came, its send had failed");
        }
        if (fate.ids.size() > one) {
            complain("two_ids",
                     body + " has the ids " + *fate.ids.begin() + " and " + *fate.ids.rbegin());
        }
        if (!fate.acknowledged) return;
        if (fate.sent->kind == Kind::send) return judge_queue(body, fate, fate.sent->object);
        for (const auto& [name, subscription] : history_.subscriptions) {
            if (matches(subscription, *fate.sent)) judge_subscription(body, fate, name);
        }
    }

    void judge_queue(const Body& body, const Fate& fate, const std::string& queue) {
        const auto found = history_.queues.find(queue);
        const std::string dead = found == history_.queues.end() ? "" : found->second.dead;
        if (fate.removed_from.contains(queue) || fate.removed_from.contains(dead)) return;
        complain("lost", body + " of " + queue + " was acknowledged and is nowhere");
    }

    void judge_subscription(const Body& body, const Fate& fate, const std::string& name) {
        const Subscription& subscription = history_.subscriptions.at(name);
        if (!subscription.queue.empty()) return judge_queue(body, fate, subscription.queue);
        if (fate.pushed_to.contains(name) || fate.removed_from.contains(subscription.dead)) return;
        complain("not_pushed",
                 body + " was never accepted from " + name + " and is no dead letter");
    }

    // A letter has been received as often as the policy says, by somebody who may not know of it.
    void count_receives() {
        std::map<std::pair<Body, std::string>, std::uint64_t> received;
        for (const Operation& operation : history_.operations) {
            if (operation.kind != Kind::receive) continue;
            for (const Item& item : operation.items) ++received[{item.body, operation.object}];
        }
        for (const auto& [name, queue] : history_.queues) {
            if (queue.dead.empty() || queue.max_receives == 0) continue;
            for (const auto& [key, count] : received) {
                const auto& [body, where] = key;
                if (where == name && count > queue.max_receives) {
                    complain("received_too_often", body + " came more often than it may");
                }
                if (where != queue.dead || !was_sent_to(body, name)) continue;
                const std::uint64_t before =
                    received.contains({body, name}) ? received.at({body, name}) : 0;
                if (before + unknown_receives_[name] >= queue.max_receives) continue;
                complain("died_early", body + " is a dead letter before its time");
            }
        }
    }

    [[nodiscard]] bool was_sent_to(const Body& body, const std::string& queue) const {
        const auto found = fates_.find(body);
        if (found == fates_.end() || found->second.sent == nullptr) return false;
        return found->second.sent->object == queue;
    }

    const History& history_;
    std::map<Body, Fate> fates_;
    std::map<std::string, std::uint64_t> unknown_receives_;
    Findings findings_;
};

}  // namespace

Findings check_conservation(const History& history) {
    return Conservation(history).check();
}

}  // namespace penstock::nemesis

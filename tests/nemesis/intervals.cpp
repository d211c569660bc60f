#include "tests/nemesis/intervals.h"

#include <algorithm>

namespace penstock::nemesis {

namespace {

// What happened to one body in one queue.
struct Trace {
    const Operation* sent = nullptr;
    std::vector<std::pair<const Operation*, const Item*>> receives;
    std::vector<const Operation*> removes;
    std::vector<const Operation*> changes;  // of a lease's visibility
};

using Place = std::pair<std::string, std::string>;  // queue, body

class Intervals {
  public:
    explicit Intervals(const History& history) : history_(history) {}

    Findings check() {
        for (const Operation& operation : history_.operations) note(operation);
        for (const auto& [place, trace] : traces_) {
            check_removed(place, trace);
            check_leases(place, trace);
            check_delay(place, trace);
            check_rewinds(place, trace);
        }
        check_order();
        check_counts();
        return std::move(findings_);
    }

  private:
    void complain(const std::string& rule, const std::string& what) {
        findings_.push_back({rule, what});
    }

    void note(const Operation& operation) {
        if (operation.kind == Kind::rewind && operation.outcome != Outcome::fail) {
            rewinds_[operation.object].push_back(&operation);
        }
        for (const Item& item : operation.items) {
            Trace& trace = traces_[{operation.object, item.body}];
            const bool happened = operation.outcome != Outcome::fail;
            if (operation.kind == Kind::send && happened) trace.sent = &operation;
            if (operation.kind == Kind::receive) trace.receives.emplace_back(&operation, &item);
            if (operation.kind == Kind::remove) trace.removes.push_back(&operation);
            if (operation.kind == Kind::visibility && happened) trace.changes.push_back(&operation);
        }
    }

    // Some rewind may have happened between the two times.
    [[nodiscard]] bool may_be_rewound(const std::string& queue,
                                      TimeUs from_us,
                                      TimeUs until_us) const {
        const auto found = rewinds_.find(queue);
        if (found == rewinds_.end()) return false;
        return std::any_of(
            found->second.begin(), found->second.end(), [&](const Operation* rewind) {
                return rewind->invoke_us < until_us && rewind->complete_us > from_us;
            });
    }

    void check_removed(const Place& place, const Trace& trace) {
        for (const Operation* remove : trace.removes) {
            if (remove->outcome != Outcome::ok) continue;
            for (const auto& [receive, item] : trace.receives) {
                if (receive->invoke_us <= remove->complete_us) continue;
                if (may_be_rewound(place.first, remove->invoke_us, receive->complete_us)) continue;
                complain("came_back", place.second + " came after its delete from " + place.first);
            }
        }
    }

    [[nodiscard]] TimeUs lease_us(const Operation& receive) const {
        if (receive.number > 0) return receive.number * us_per_s;
        const auto found = history_.queues.find(receive.object);
        const Queue usual;
        return (found == history_.queues.end() ? usual : found->second).visibility_s * us_per_s;
    }

    static bool is_given_up(const Trace& trace, const Item& item) {
        return std::any_of(
            trace.changes.begin(), trace.changes.end(), [&](const Operation* change) {
                return change->items.front().receipt == item.receipt;
            });
    }

    // Neither may be the first of the two.
    void check_leases(const Place& place, const Trace& trace) {
        const auto may_follow = [&](const auto& first, const auto& second) {
            const TimeUs span_us = lease_us(*first.first);
            return is_given_up(trace, *first.second) ||
                   second.first->complete_us >=
                       first.first->invoke_us + span_us - slack_us(span_us);
        };
        for (std::size_t one = 0; one < trace.receives.size(); ++one) {
            for (std::size_t two = one + 1; two < trace.receives.size(); ++two) {
                const auto& left = trace.receives[one];
                const auto& right = trace.receives[two];
                if (may_follow(left, right) || may_follow(right, left)) continue;
                const TimeUs from_us = std::min(left.first->invoke_us, right.first->invoke_us);
                const TimeUs until_us = std::max(left.first->complete_us, right.first->complete_us);
                if (may_be_rewound(place.first, from_us, until_us)) continue;
                complain("leased_twice", place.second + " of " + place.first + " was leased twice");
            }
        }
    }

    void check_delay(const Place& place, const Trace& trace) {
        if (trace.sent == nullptr || trace.sent->number == 0) return;
        const TimeUs delay_us = trace.sent->number * us_per_s;
        for (const auto& [receive, item] : trace.receives) {
            if (receive->complete_us >= trace.sent->invoke_us + delay_us - slack_us(delay_us)) {
                continue;
            }
            complain("early", place.second + " came before its delay was over");
        }
    }

    // What was sent after the time a queue was rewound to comes again.
    void check_rewinds(const Place& place, const Trace& trace) {
        const auto found = rewinds_.find(place.first);
        if (found == rewinds_.end() || trace.sent == nullptr) return;
        if (trace.sent->outcome != Outcome::ok) return;
        for (const Operation* rewind : found->second) {
            if (rewind->outcome != Outcome::ok) continue;
            if (trace.sent->invoke_us < rewind->number + us_per_s) continue;
            const bool again =
                std::any_of(trace.receives.begin(), trace.receives.end(), [&](const auto& receive) {
                    return receive.first->complete_us > rewind->invoke_us;
                });
            if (!again) complain("not_rewound", place.second + " did not come after a rewind");
        }
    }

    // A message of a key comes for the first time only after the one before it was accepted.
    void check_order() {
        struct Pushes {
            TimeUs first_us = never_us;
            TimeUs accepted_us = never_us;
        };

        constexpr std::int64_t accepted = 200;
        for (const auto& [name, subscription] : history_.subscriptions) {
            if (!subscription.ordered) continue;
            std::map<std::string, Pushes> pushes;  // by body
            for (const Operation& push : history_.operations) {
                if (push.kind != Kind::push || push.object != name) continue;
                Pushes& of = pushes[push.items.front().body];
                of.first_us = std::min(of.first_us, push.invoke_us);
                if (push.number == accepted) {
                    of.accepted_us = std::min(of.accepted_us, push.complete_us);
                }
            }
            const Operation* before = nullptr;
            for (const auto& [key, publish] : published_by_key(subscription)) {
                const bool follows = before != nullptr && before->key == publish->key &&
                                     before->complete_us < publish->invoke_us;
                const Pushes was = follows ? pushes[before->items.front().body] : Pushes{};
                const Pushes is = pushes[publish->items.front().body];
                before = publish;
                if (!follows || is.first_us == never_us) continue;
                if (was.accepted_us <= is.first_us || was.accepted_us == never_us) continue;
                complain("out_of_order", publish->items.front().body + " came before its time");
            }
        }
    }

    [[nodiscard]] std::vector<std::pair<std::pair<std::string, TimeUs>, const Operation*>>
    published_by_key(const Subscription& subscription) const {
        std::vector<std::pair<std::pair<std::string, TimeUs>, const Operation*>> sorted;
        for (const Operation& publish : history_.operations) {
            if (publish.kind != Kind::publish || publish.outcome != Outcome::ok) continue;
            if (publish.key.empty() || !matches(subscription, publish)) continue;
            sorted.push_back({{publish.key, publish.invoke_us}, &publish});
        }
        std::sort(sorted.begin(), sorted.end(), [](const auto& left, const auto& right) {
            return left.first < right.first;
        });
        return sorted;
    }

    // How many messages a queue holds that is only sent to.
    void check_counts() {
        for (const Operation& count : history_.operations) {
            if (count.kind != Kind::count || count.outcome != Outcome::ok) continue;
            std::int64_t at_least = 0;
            std::int64_t at_most = 0;
            for (const Operation& send : history_.operations) {
                if (send.kind != Kind::send || send.object != count.object) continue;
                if (send.outcome == Outcome::fail) continue;
                const auto sent = static_cast<std::int64_t>(send.items.size());
                if (send.complete_us < count.invoke_us) at_least += sent;
                if (send.invoke_us < count.complete_us) at_most += sent;
            }
            if (count.number >= at_least && count.number <= at_most) continue;
            complain("count_wrong",
                     count.object + " counts " + std::to_string(count.number) + ", there are " +
                         std::to_string(at_least) + " to " + std::to_string(at_most));
        }
    }

    const History& history_;
    std::map<Place, Trace> traces_;
    std::map<std::string, std::vector<const Operation*>> rewinds_;
    Findings findings_;
};

}  // namespace

Findings check_intervals(const History& history) {
    return Intervals(history).check();
}

}  // namespace penstock::nemesis

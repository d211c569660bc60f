#include "tests/nemesis/linearizability.h"

#include "tests/nemesis/linearizer.h"
#include "tests/nemesis/message_model.h"

#include <algorithm>

namespace penstock::nemesis {

namespace {

// One attribute of a queue: it is what was set last, by the first set from nothing.
struct RegisterModel {
    using State = std::int64_t;

    [[nodiscard]] static State begin() { return 0; }

    void apply(State state, const Operation& operation, std::vector<State>& out) const {
        if (operation.kind == Kind::set) out.push_back(operation.number);
        if (operation.kind == Kind::get && operation.number == state) out.push_back(state);
    }

    void drift(State, TimeUs, std::vector<State>&) const {}
};

// One name: there is a queue of it or not. Refusals say which: "exists", "absent".
struct NameModel {
    using State = bool;

    [[nodiscard]] static State begin() { return false; }

    void apply(State there, const Operation& operation, std::vector<State>& out) const {
        const bool needed =
            operation.why == "exists" || (operation.why.empty() && operation.kind != Kind::create);
        if (there != needed) return;
        const bool changes = operation.why.empty() && operation.kind != Kind::look;
        out.push_back(changes ? !there : there);
    }

    void drift(State, TimeUs, std::vector<State>&) const {}
};

std::string show(const Operation& operation) {
    const TimeUs ms = 1'000;
    return operation.object + " " + std::to_string(operation.invoke_us / ms) + " to " +
           std::to_string(operation.complete_us / ms) + " ms";
}

class Linearizability {
  public:
    explicit Linearizability(const History& history) : history_(history) {}

    Findings check() {
        for (const Operation& operation : history_.operations) note(operation);
        for (const auto& [object, operations] : registers_) {
            judge("attribute", object, RegisterModel{}, operations);
        }
        for (const auto& [object, operations] : names_) {
            judge("name", object, NameModel{}, operations);
        }
        for (const auto& [name, rules] : history_.queues) {
            if (!rules.rewound) check_queue(name, rules);
        }
        return std::move(findings_);
    }

  private:
    using Operations = std::vector<const Operation*>;

    // A refusal that says nothing of the object's state is none of its operations.
    static bool says_something(const Operation& operation) {
        return operation.outcome != Outcome::fail || !operation.why.empty();
    }

    void note(const Operation& operation) {
        if (!says_something(operation)) return;
        switch (operation.kind) {
            case Kind::set:
            case Kind::get:
                if (operation.kind == Kind::set || operation.outcome == Outcome::ok) {
                    registers_[operation.object].push_back(&operation);
                }
                return;
            case Kind::create:
            case Kind::drop:
            case Kind::look:
                if (operation.kind == Kind::look && operation.outcome == Outcome::unknown) return;
                names_[operation.object].push_back(&operation);
                return;
            case Kind::receive:
                if (operation.outcome == Outcome::unknown) {
                    unanswered_[operation.object].push_back(operation.invoke_us);
                } else if (operation.items.empty()) {
                    empty_[operation.object].push_back(&operation);
                }
                [[fallthrough]];
            case Kind::remove:
            case Kind::visibility:
            case Kind::send:
                for (const Item& item : operation.items) {
                    bodies_[operation.object][item.body].push_back(&operation);
                }
                return;
            case Kind::publish:
                for (const auto& [name, subscription] : history_.subscriptions) {
                    if (subscription.queue.empty() || !matches(subscription, operation)) continue;
                    const std::string& body = operation.items.front().body;
                    bodies_[subscription.queue][body].push_back(&operation);
                }
                return;
            default:
                return;
        }
    }

    template <class Model>
    void judge(const std::string& rule,
               const std::string& object,
               const Model& model,
               const Operations& operations) {
        const Judged judged = Linearizer<Model>(model, operations).judge();
        if (judged.verdict == Verdict::linearizable) return;
        findings_.push_back(
            {judged.verdict == Verdict::broken ? rule : "undecided",
             object + ": no order of its operations explains the answer of " + show(*judged.at)});
    }

    void check_queue(const std::string& name, const Queue& rules) {
        std::vector<TimeUs> unanswered = unanswered_[name];
        std::int64_t dead_visibility_s = 0;
        if (!rules.dead.empty()) {
            unanswered.insert(
                unanswered.end(), unanswered_[rules.dead].begin(), unanswered_[rules.dead].end());
            dead_visibility_s = history_.queues.at(rules.dead).visibility_s;
        }
        std::sort(unanswered.begin(), unanswered.end());
        for (const auto& [body, own] : bodies_[name]) {
            if (!is_sent_here(own)) continue;
            Operations operations = own;
            if (!rules.dead.empty() && bodies_[rules.dead].contains(body)) {
                const Operations& dead = bodies_[rules.dead].at(body);
                operations.insert(operations.end(), dead.begin(), dead.end());
            }
            add_empty(name, operations);
            const MessageModel model(body, name, rules, dead_visibility_s, unanswered);
            judge("message", body, model, operations);
        }
    }

    // A letter's own queue tells the whole of its story.
    static bool is_sent_here(const Operations& operations) {
        return std::any_of(operations.begin(), operations.end(), [](const Operation* operation) {
            return operation->kind == Kind::send || operation->kind == Kind::publish;
        });
    }

    // Receives that found nothing, from the body's first operation to its last answer.
    void add_empty(const std::string& name, Operations& operations) {
        TimeUs from_us = never_us;
        TimeUs until_us = 0;
        for (const Operation* operation : operations) {
            from_us = std::min(from_us, operation->invoke_us);
            if (operation->complete_us == never_us) continue;
            until_us = std::max(until_us, operation->complete_us);
        }
        for (const Operation* empty : empty_[name]) {
            if (empty->outcome != Outcome::ok) continue;
            if (empty->invoke_us > until_us || empty->complete_us < from_us) continue;
            operations.push_back(empty);
        }
    }

    const History& history_;
    std::map<std::string, Operations> registers_;
    std::map<std::string, Operations> names_;
    std::map<std::string, std::map<std::string, Operations>> bodies_;  // by queue
    std::map<std::string, Operations> empty_;
    std::map<std::string, std::vector<TimeUs>> unanswered_;
    Findings findings_;
};

}  // namespace

Findings check_linearizability(const History& history) {
    return Linearizability(history).check();
}

}  // namespace penstock::nemesis

#include "tests/reference/history.h"

#include "broker/base/random.h"
#include "tests/node/requests.h"
#include "tests/reference/queue_model.h"
#ifdef PENSTOCK_OVER_HTTP
#include "tests/reference/http_served.h"
#else
#include "tests/support/stepped_node.h"
#endif

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <sstream>
#include <utility>

namespace penstock::reference {
namespace {

#ifdef PENSTOCK_OVER_HTTP
using Subject = HttpServed;
#else
using Subject = testing::SteppedNode;
#endif

constexpr std::int64_t us_until_sure = 250'000;
const std::vector<std::string> names = {"orders", "mail", "dead"};

constexpr std::array<const char*, 9> act_names = {
    "send", "receive", "remove", "change_visibility", "wait", "rewind", "set", "clear", "restart"};

// A node and the model of its queues, led through the same history.
class Pair {
  public:
    Pair() {
        for (const std::string& name : names) {
            Attributes attributes;
            attributes.visibility_s = 20;
            attributes.retention_s = 600;
            attributes.rewind_s = name == "mail" ? 120 : 0;
            models_.emplace(name, QueueModel(attributes));
            api::QueueChange change;
            change.visibility_s = attributes.visibility_s;
            change.retention_s = attributes.retention_s;
            change.rewind_s = attributes.rewind_s;
            if (!node_.ask(testing::create_queue(name, change))) complain("a queue is not made");
        }
        bind_dead_letters();
    }

    // What differed first; empty: nothing.
    const std::string& play(const std::vector<Step>& steps) {
        for (const Step& step : steps) {
            while (is_unsure()) wait(us_until_sure);
            play(step);
            while (is_unsure()) wait(us_until_sure);
            if (complaint_.empty()) compare_counts(names[step.queue]);
            if (!complaint_.empty()) break;
        }
        return complaint_;
    }

  private:
    [[nodiscard]] TimeMs now() const { return node_.clock.wall_ms(); }

    QueueModel& model(const std::string& name) { return models_.at(name); }

    [[nodiscard]] bool is_unsure() const {
        return std::any_of(models_.begin(), models_.end(), [this](const auto& one) {
            return one.second.is_unsure(now());
        });
    }

    void complain(const std::string& what) {
        if (complaint_.empty()) complaint_ = what;
    }

    void bind_dead_letters() {
        Attributes attributes = model("orders").attributes();
        attributes.dead_letter_queue = "dead";
        attributes.max_receives = 3;
        model("orders").set(attributes, now());
        api::QueueChange change;
        change.dead_letter = api::DeadLetterSpec{"dead", {}, 3, 0};
        if (!node_.ask(api::SetQueue{"orders", change})) complain("no dead-letter queue");
    }

    void play(const Step& step) {
        const std::string& name = names[step.queue];
        if (name == "dead") return look_at_the_dead();
        switch (step.act) {
            case Act::send:
                return send(name, step);
            case Act::receive:
                return receive(name, step);
            case Act::remove:
                return remove(name, step);
            case Act::change_visibility:
                return change_visibility(name, step);
            case Act::wait:
                return wait(static_cast<std::int64_t>(step.number % 15'000) * 1'000);
            case Act::rewind:
                return rewind(name, step);
            case Act::set:
                return set(name, step);
            case Act::clear:
                if (!node_.ask(api::ClearQueue{name})) complain("a queue is not cleared");
                return model(name).clear();
            case Act::restart:
                node_.restart();
                return node_.settle_down();
        }
    }

    // What becomes due on the way does so in time.
    void wait(std::int64_t pause_us) {
        const std::int64_t until_us = node_.clock.steady_us() + pause_us;
        while (node_.clock.steady_us() < until_us) {
            node_.settle_down();
            const std::int64_t next_us = std::min(node_.node->next_wake_us(), until_us);
            node_.clock.advance_us(std::max<std::int64_t>(next_us - node_.clock.steady_us(), 1));
        }
        node_.settle_down();
        bury();
    }

    void send(const std::string& name, const Step& step) {
        std::vector<std::string> bodies;
        for (std::uint64_t count = 0; count <= step.number % 4; ++count) {
            bodies.push_back("m" + std::to_string(next_body_++));
        }
        auto request = testing::send(name, bodies);
        request.delay_s = step.other % 4 == 0 ? static_cast<std::uint32_t>(step.other % 30) : 0;
        const auto sent = node_.ask(request);
        if (!sent || sent->ids.size() != bodies.size()) return complain("a send fails");
        for (std::size_t at = 0; at < bodies.size(); ++at) {
            model(name).send(sent->ids[at], bodies[at], request.delay_s, now());
        }
    }

    void receive(const std::string& name, const Step& step) {
        auto request = testing::receive(name, static_cast<std::uint32_t>(1 + step.number % 16));
        request.visibility_s =
            step.other % 3 == 0 ? static_cast<std::uint32_t>(step.other % 25) : 0;
        const auto got = node_.ask(request);
        if (!got) return complain("a receive fails: " + got.error().detail);
        std::vector<Given> given;
        for (const api::ReceivedMessage& message : got->messages) {
            given.push_back({message.id,
                             message.receipt,
                             message.payload,
                             message.receives,
                             message.next_visible_ms});
            receipts_.push_back(message.receipt);
        }
        const auto wrong =
            model(name).receive(request.messages_max, request.visibility_s, given, now());
        if (wrong) complain("receive " + name + ": " + *wrong);
    }

    // One of those given out lately, or one that never was.
    [[nodiscard]] Receipt receipt(std::uint64_t number) const {
        constexpr std::size_t lately = 24;
        if (receipts_.empty() || number % 20 == 0) return Receipt{number};
        const std::size_t among = std::min(receipts_.size(), lately);
        return receipts_[receipts_.size() - 1 - number % among];
    }

    void remove(const std::string& name, const Step& step) {
        const Receipt handle = receipt(step.number);
        const auto removed = node_.ask(testing::remove(name, {handle}));
        if (!removed) return complain("a delete fails: " + removed.error().detail);
        const bool should = model(name).remove(handle, now());
        if (removed->removed != std::vector<bool>{should}) {
            complain("delete from " + name + ": it should " + (should ? "" : "not ") + "succeed");
        }
    }

    void change_visibility(const std::string& name, const Step& step) {
        const Receipt handle = receipt(step.number);
        const auto visibility_s = static_cast<std::uint32_t>(step.other % 60);
        const auto changed = node_.ask(api::ChangeVisibility{name, handle, visibility_s});
        const bool should = model(name).change_visibility(handle, visibility_s, now());
        if (changed.has_value() != should) {
            complain("change the visibility in " + name + ": it should " + (should ? "" : "not ") +
                     "succeed");
        }
        node_.settle_down();
        bury();
    }

    void rewind(const std::string& name, const Step& step) {
        const TimeMs to_ms = now() - static_cast<TimeMs>(step.number % 150'000);
        const auto rewound = node_.ask(api::RewindQueue{name, to_ms});
        const bool should = model(name).rewind(to_ms, now());
        if (rewound.has_value() != should) {
            complain("rewind " + name + ": it should " + (should ? "" : "not ") + "succeed" +
                     (rewound ? "" : ": " + rewound.error().detail));
        }
        node_.settle_down();
    }

    void set(const std::string& name, const Step& step) {
        Attributes attributes = model(name).attributes();
        attributes.visibility_s = static_cast<std::uint32_t>(5 + step.number % 30);
        attributes.retention_s = static_cast<std::uint32_t>(300 + step.other % 600);
        if (name == "mail") attributes.rewind_s = step.other % 3 == 0 ? 0 : 100;
        api::QueueChange change;
        change.visibility_s = attributes.visibility_s;
        change.retention_s = attributes.retention_s;
        change.rewind_s = attributes.rewind_s;
        if (!node_.ask(api::SetQueue{name, change})) complain("an attribute is not set");
        model(name).set(attributes, now());
        node_.settle_down();
    }

    // Each is found there once, and nothing else is.
    void look_at_the_dead() {
        node_.settle_down();
        const auto got = node_.ask(testing::receive("dead", 16));
        if (!got) return complain("a receive fails: " + got.error().detail);
        constexpr std::size_t most = 16;
        const std::size_t came = got->messages.size();
        if (came < std::min(most, dead_.size()) || came > dead_.size() + perhaps_dead_.size()) {
            return complain("there are " + std::to_string(dead_.size()) + " dead letters, " +
                            std::to_string(came) + " came");
        }
        for (const api::ReceivedMessage& letter : got->messages) {
            if (dead_.erase(letter.payload) + perhaps_dead_.erase(letter.payload) != 1) {
                return complain(letter.payload + " is no dead letter");
            }
            const auto removed = node_.ask(testing::remove("dead", {letter.receipt}));
            if (!removed || removed->removed != std::vector<bool>{true}) {
                return complain("a dead letter cannot be deleted");
            }
        }
    }

    // What has died goes to the dead-letter queue, under an id that only the node knows: it is
    // found there by its body, once it is received.
    void bury() {
        for (const std::string& name : names) {
            QueueModel::Died died = model(name).take_dead(now());
            dead_.insert(died.certainly.begin(), died.certainly.end());
            perhaps_dead_.insert(died.perhaps.begin(), died.perhaps.end());
        }
    }

    void compare_counts(const std::string& name) {
        if (name == "dead") return;
        node_.settle_down();
        const auto view = node_.ask(api::GetQueue{name});
        if (!view) return complain("a queue cannot be looked at");
        Counts shown{view->active, view->inactive, view->delayed, view->rewindable};
        const Counts meant = model(name).counts(now());
        // How many could be rewound to is a guess where there are any; a rewind shows which.
        if (model(name).attributes().rewind_s > 0) shown.rewindable = meant.rewindable;
        if (shown == meant) return;
        std::ostringstream what;
        what << name << " shows active " << shown.active << ", inactive " << shown.inactive
             << ", delayed " << shown.delayed << ", rewindable " << shown.rewindable
             << "; meant are " << meant.active << ", " << meant.inactive << ", " << meant.delayed
             << ", " << meant.rewindable;
        complain(what.str());
    }

    Subject node_;
    std::map<std::string, QueueModel> models_;
    std::set<std::string> dead_;
    std::set<std::string> perhaps_dead_;
    std::vector<Receipt> receipts_;
    std::uint64_t next_body_ = 1;
    std::string complaint_;
};

}  // namespace

std::string show(const std::vector<Step>& steps) {
    std::ostringstream out;
    for (const Step& step : steps) {
        out << "  " << act_names[static_cast<std::size_t>(step.act)] << " " << names[step.queue]
            << " " << step.number << " " << step.other << "\n";
    }
    return out.str();
}

std::vector<Step> draw_history(std::uint64_t seed) {
    constexpr std::array<std::pair<Act, std::uint64_t>, 9> weights = {{{Act::send, 30},
                                                                       {Act::receive, 30},
                                                                       {Act::remove, 20},
                                                                       {Act::change_visibility, 5},
                                                                       {Act::wait, 25},
                                                                       {Act::rewind, 4},
                                                                       {Act::set, 2},
                                                                       {Act::clear, 1},
                                                                       {Act::restart, 1}}};
    std::uint64_t total = 0;
    for (const auto& [act, weight] : weights) total += weight;
    SeededRandom random(seed);
    std::vector<Step> steps;
    for (std::size_t at = 0; at < steps_in_a_history; ++at) {
        Step step;
        std::uint64_t drawn = random.below(total);
        for (const auto& [act, weight] : weights) {
            step.act = act;
            if (drawn < weight) break;
            drawn -= weight;
        }
        step.queue = random.below(10) == 0 ? 2 : random.below(2);
        step.number = random.next() >> 16;
        step.other = random.next() >> 16;
        steps.push_back(step);
    }
    return steps;
}

std::string complaint_of(const std::vector<Step>& steps) {
    Pair pair;
    return pair.play(steps);
}

std::vector<Step> shortest(std::vector<Step> steps) {
    for (std::size_t length = steps.size() / 2; length > 0; length /= 2) {
        for (std::size_t at = 0; at + length <= steps.size();) {
            std::vector<Step> fewer = steps;
            fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(at),
                        fewer.begin() + static_cast<std::ptrdiff_t>(at + length));
            if (complaint_of(fewer).empty()) {
                at += length;
            } else {
                steps = std::move(fewer);
            }
        }
    }
    return steps;
}

}  // namespace penstock::reference

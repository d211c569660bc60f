#include "tests/reference/pair.h"

#include "tests/node/requests.h"

#include <algorithm>
#include <sstream>
#include <utility>

namespace penstock::reference {

namespace {

constexpr std::array<std::uint32_t, 3> rewind_windows_s = {0, 100, 200};

Attributes attributes_of(std::size_t queue) {
    Attributes attributes;
    attributes.visibility_s = 20;
    // Short where transactions end with it.
    attributes.retention_s = takes_transactions(queue) ? 150 : 600;
    attributes.rewind_s = queue == orders || queue == deals || queue == dead ? 0 : 120;
    attributes.ordered = keeps_order(queue);
    return attributes;
}

std::string should(bool succeed) {
    return std::string(": it should ") + (succeed ? "" : "not ") + "succeed";
}

api::QueueChange change_to(const Attributes& attributes) {
    api::QueueChange change;
    change.visibility_s = attributes.visibility_s;
    change.retention_s = attributes.retention_s;
    change.rewind_s = attributes.rewind_s;
    return change;
}

}  // namespace

Pair::Pair() {
    for (std::size_t queue = 0; queue < queue_names.size(); ++queue) make_queue(queue);
    bind_dead_letters();
    make_topic();
}

void Pair::make_queue(std::size_t queue) {
    const Attributes attributes = attributes_of(queue);
    models_.emplace_back(attributes);
    api::QueueChange change = change_to(attributes);
    if (attributes.ordered) change.ordered = true;
    if (takes_transactions(queue)) {
        make_transactions(queue);
        const TransactionModel::Policy& policy = transactions_.at(queue).policy();
        change.transactional = true;
        change.first_query_s = policy.first_query_s;
        change.queries_max = policy.queries_max;
    }
    if (!node_.ask(testing::create_queue(queue_names.at(queue), change))) {
        complain("a queue is not made");
    }
}

void Pair::bind_dead_letters() {
    Attributes attributes = model(orders).attributes();
    attributes.dead_letter_queue = queue_names[dead];
    attributes.max_receives = 3;
    model(orders).set(attributes, now());
    api::QueueChange change;
    change.dead_letter = api::DeadLetterSpec{attributes.dead_letter_queue, {}, 3, 0};
    if (!node_.ask(api::SetQueue{queue_names[orders], change})) complain("no dead-letter queue");
}

const std::string& Pair::play(const std::vector<Step>& steps) {
    for (const Step& step : steps) {
        until_sure();
        play(step);
        until_sure();
        if (complaint_.empty()) compare_counts(step.queue);
        if (!complaint_.empty()) break;
    }
    return complaint_;
}

bool Pair::is_unsure() const {
    const auto unsure = [this](const auto& one) {
        return one.is_unsure(now());
    };
    const auto unsure_end = [&](const auto& one) {
        return unsure(one.second);
    };
    return std::any_of(models_.begin(), models_.end(), unsure) ||
           std::any_of(transactions_.begin(), transactions_.end(), unsure_end);
}

void Pair::until_sure() {
    while (is_unsure()) wait(us_until_sure);
}

void Pair::play(const Step& step) {
    repeated_ = false;
    if (step.queue == dead) return look_at_the_dead();
    switch (step.act) {
        case Act::send:
            return send(step);
        case Act::receive:
            return receive(step);
        case Act::remove:
            return remove(step);
        case Act::change_visibility:
            return change_visibility(step);
        case Act::wait:
            return wait(step.pause_ms() * 1'000);
        case Act::rewind:
            return rewind(step);
        case Act::set:
            return set(step);
        case Act::clear:
            return clear(step);
        case Act::restart:
            node_.restart();
            return node_.settle_down();
        case Act::crash:
            return crash(step);
        case Act::publish:
            return publish(step);
        case Act::filter:
            return filter(step);
        case Act::redrive:
            return redrive();
        case Act::prepare:
            return prepare(step);
        case Act::confirm:
            return confirm(step);
        case Act::check:
            return check(step);
    }
}

// What becomes due on the way does so in time. Timers due within 10 ms share a turn of the node: it
// may be as late as that, and is waited for.
void Pair::wait(std::int64_t pause_us) {
    constexpr std::int64_t late_us = 10'000;
    constexpr std::int64_t rest_us = 10'000'000;
    std::int64_t until_us = node_.clock.steady_us() + pause_us;
    const std::int64_t give_up_us = until_us + rest_us;
    while (true) {
        node_.settle_down();
        const std::int64_t now_us = node_.clock.steady_us();
        const std::int64_t next_us = node_.node->next_wake_us();
        if (now_us >= until_us && next_us > now_us + late_us) break;
        if (now_us > give_up_us) return complain("timers go on and on");
        if (next_us <= until_us + late_us) until_us = std::max(until_us, next_us);
        node_.clock.advance_us(std::max<std::int64_t>(std::min(next_us, until_us) - now_us, 1));
    }
    feed();
    bury();
}

api::SendMessages Pair::new_messages(const Step& step) {
    api::SendMessages request;
    request.queue = queue_names.at(step.queue);
    for (std::size_t at = 0; at < step.messages(); ++at) {
        model::NewMessage message;
        message.payload = "m" + std::to_string(next_body_++);
        if (keeps_order(step.queue)) message.meta.ordering_key = step.key(at);
        request.messages.push_back(std::move(message));
    }
    return request;
}

void Pair::send(const Step& step) {
    api::SendMessages request = new_messages(step);
    request.delay_s = step.delay_s();
    if (request.delay_s > 0 && takes_transactions(step.queue)) {
        return ask_in_vain(request, "a queue that takes transactions delays a message");
    }
    // Of an ordered queue not all there is can be received.
    const bool can_be_found = request.delay_s == 0 && !keeps_order(step.queue);
    if (power_ && can_be_found && step.other % 2 == 0) {
        if (auto answer = ask_once(request)) return sent(step.queue, request, *answer);
        const Batches all = all_there_is(step.queue);
        find_sent(step.queue, request, all);
        return take_all(step.queue, all);
    }
    if (power_) request.dedup_key = request.messages.front().payload;
    sent(step.queue, request, carry_out(request));
}

void Pair::sent(std::size_t queue,
                const api::SendMessages& request,
                const api::Outcome<api::SentMessages>& answer) {
    if (!answer || answer->ids.size() != request.messages.size()) return complain("a send fails");
    for (std::size_t at = 0; at < request.messages.size(); ++at) {
        const model::NewMessage& message = request.messages[at];
        model(queue).send(
            answer->ids[at], message.payload, message.meta.ordering_key, request.delay_s, now());
    }
}

void Pair::receive(const Step& step) {
    const std::string& name = queue_names.at(step.queue);
    auto request = testing::receive(name, step.messages_max());
    request.visibility_s = step.lease_s();
    const auto answer = ask_once(request);
    if (!answer) {
        const Batches all = all_there_is(step.queue);
        find_leased(step.queue, request, all);
        return take_all(step.queue, all);
    }
    const std::vector<Given> given = given_by(step.queue, *answer);
    const auto wrong =
        model(step.queue).receive(request.messages_max, request.visibility_s, given, now());
    if (wrong) complain("receive " + name + ": " + *wrong);
}

std::vector<Given> Pair::given_by(std::size_t queue,
                                  const api::Outcome<api::ReceivedMessages>& answer) {
    std::vector<Given> given;
    if (!answer) {
        complain("a receive fails: " + answer.error().detail);
        return given;
    }
    for (const api::ReceivedMessage& message : answer->messages) {
        given.push_back({message.id,
                         message.receipt,
                         message.payload,
                         message.receives,
                         message.next_visible_ms});
        receipts_.at(queue).push_back(message.receipt);
    }
    return given;
}

// One of those given out lately, here or in some queue, or one that never was.
Receipt Pair::receipt(const Step& step) const {
    constexpr std::size_t lately = 24;
    const bool of_some_queue = step.number % 20 == 1;
    const auto& given = receipts_.at(of_some_queue ? step.other % receipts_.size() : step.queue);
    if (given.empty() || step.number % 20 == 0) return Receipt{step.number};
    return given[given.size() - 1 - step.number % std::min(given.size(), lately)];
}

void Pair::remove(const Step& step) {
    const std::string& name = queue_names.at(step.queue);
    const Receipt handle = receipt(step);
    const auto removed = carry_out(testing::remove(name, {handle}));
    if (!removed) return complain("a delete fails: " + removed.error().detail);
    const bool succeeds = model(step.queue).remove(handle, now());
    // The first time may have been the one that deleted it.
    if (removed->removed != std::vector<bool>{succeeds} && !(repeated_ && succeeds)) {
        complain("delete from " + name + should(succeeds));
    }
}

void Pair::change_visibility(const Step& step) {
    const std::string& name = queue_names.at(step.queue);
    const Receipt handle = receipt(step);
    const auto visibility_s = step.visibility_s();
    const auto changed = carry_out(api::ChangeVisibility{name, handle, visibility_s});
    const bool succeeds = model(step.queue).change_visibility(handle, visibility_s, now());
    const bool given_up = repeated_ && visibility_s == 0;  // by the first time, perhaps
    if (changed.has_value() != succeeds && !(given_up && succeeds)) {
        complain("change the visibility in " + name + should(succeeds));
    }
    node_.settle_down();
    bury();
}

void Pair::rewind(const Step& step) {
    const std::string& name = queue_names.at(step.queue);
    const TimeMs to_ms = now() - step.rewind_ms();
    const auto rewound = carry_out(api::RewindQueue{name, to_ms});
    const bool succeeds = model(step.queue).rewind(to_ms, now());
    if (rewound.has_value() != succeeds) {
        complain("rewind " + name + should(succeeds) +
                 (rewound ? "" : ": " + rewound.error().detail));
    }
    node_.settle_down();
}

void Pair::set(const Step& step) {
    Attributes attributes = model(step.queue).attributes();
    attributes.visibility_s = static_cast<std::uint32_t>(5 + step.number % 30);
    if (!takes_transactions(step.queue)) {
        attributes.retention_s = static_cast<std::uint32_t>(300 + step.other % 600);
        const bool rewinds = step.queue != orders;
        if (rewinds) attributes.rewind_s = rewind_windows_s.at(step.other % 3);
    }
    api::QueueChange change = change_to(attributes);
    if (takes_transactions(step.queue)) set_transactions(step, change);
    if (!carry_out(api::SetQueue{queue_names.at(step.queue), change})) {
        complain("an attribute is not set");
    }
    model(step.queue).set(attributes, now());
    node_.settle_down();
}

void Pair::clear(const Step& step) {
    if (!node_.ask(api::ClearQueue{queue_names.at(step.queue)})) complain("a queue is not cleared");
    model(step.queue).clear();
    if (takes_transactions(step.queue)) transactions_.at(step.queue).clear(now());
}

// Each is found there once, and nothing else is.
void Pair::look_at_the_dead() {
    const std::string& name = queue_names[dead];
    node_.settle_down();
    const auto got = node_.ask(testing::receive(name, 16));
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
        const auto removed = node_.ask(testing::remove(name, {letter.receipt}));
        if (!removed || removed->removed != std::vector<bool>{true}) {
            return complain("a dead letter cannot be deleted");
        }
    }
}

// What has died goes to the dead-letter queue, under an id that only the node knows: it is found
// there by its body, once it is received.
void Pair::bury() {
    for (QueueModel& model : models_) {
        QueueModel::Died died = model.take_dead(now());
        dead_.insert(died.certainly.begin(), died.certainly.end());
        perhaps_dead_.insert(died.perhaps.begin(), died.perhaps.end());
    }
}

void Pair::compare_counts(std::size_t queue) {
    if (queue == dead) return;
    const std::string& name = queue_names.at(queue);
    node_.settle_down();
    const auto view = node_.ask(api::GetQueue{name});
    if (!view) return complain("a queue cannot be looked at");
    Counts shown{view->active, view->inactive, view->delayed, view->rewindable};
    const Counts meant = model(queue).counts(now());
    // How many could be rewound to is a guess where there are any; a rewind shows which.
    if (model(queue).attributes().rewind_s > 0) shown.rewindable = meant.rewindable;
    if (takes_transactions(queue)) compare_transactions(queue, *view);
    if (shown == meant) return;
    std::ostringstream what;
    what << name << " shows active " << shown.active << ", inactive " << shown.inactive
         << ", delayed " << shown.delayed << ", rewindable " << shown.rewindable << "; meant are "
         << meant.active << ", " << meant.inactive << ", " << meant.delayed << ", "
         << meant.rewindable;
    complain(what.str());
}

}  // namespace penstock::reference

// What a Pair does when the power fails in the middle of a command: what was answered has happened,
// what was not may have, as a whole. A command is repeated as a client would do, or what became of
// it is found out by receiving all there is.
#include "tests/node/requests.h"
#include "tests/reference/pair.h"

#include <algorithm>
#include <array>
#include <map>

namespace penstock::reference {

void Pair::crash([[maybe_unused]] const Step& step) {
#ifdef PENSTOCK_OVER_HTTP
    node_.restart();
    node_.settle_down();
#else
    constexpr std::array<Act, 14> cut = {Act::send,
                                         Act::send,
                                         Act::receive,
                                         Act::remove,
                                         Act::change_visibility,
                                         Act::wait,
                                         Act::rewind,
                                         Act::set,
                                         Act::publish,
                                         Act::filter,
                                         Act::redrive,
                                         Act::prepare,
                                         Act::confirm,
                                         Act::check};
    constexpr std::uint64_t changes_max = 8;
    Step half = step;
    half.act = cut.at(step.other % cut.size());
    half.other = step.other / (cut.size() * changes_max);
    // What the API leaves open cannot be told from what the cut took.
    const bool open = !model(step.queue).receivable(now()).perhaps.empty();
    if (half.act == Act::receive && open) half.act = Act::send;
    power_ = PowerCut{step.other / cut.size() % changes_max, step.number};
    if (half.act == Act::wait) cut_wait();
    play(half);
    power_.reset();
#endif
}

#ifndef PENSTOCK_OVER_HTTP

void Pair::start_again() {
    node_.node.reset();
    node_.disk.heal();
    node_.disk.crash(power_->seed);
    power_.reset();
    node_.open();
    node_.settle_down();
}

// The disk stops at some change within the next seconds; whatever comes is done after that.
void Pair::cut_wait() {
    constexpr int turns_max = 200;
    node_.disk.stop_after(power_->changes);
    for (int turn = 0; turn < turns_max && node_.node->step(); ++turn) {
        const std::int64_t pause_us = node_.node->next_wake_us() - node_.clock.steady_us();
        node_.clock.advance_us(std::clamp<std::int64_t>(pause_us, 0, us_until_sure));
    }
    start_again();
    wait(0);
}

#endif

Pair::Batches Pair::all_there_is(std::size_t queue) {
    constexpr std::uint32_t at_once = 16;
    constexpr std::size_t receives_max = 1'000;
    Batches all;
    while (all.size() < receives_max) {
        auto given = given_by(queue, node_.ask(testing::receive(queue_names.at(queue), at_once)));
        if (given.empty()) return all;
        all.push_back(std::move(given));
    }
    complain("a queue never ends");
    return all;
}

void Pair::find_sent(std::size_t queue, const api::SendMessages& request, const Batches& all) {
    std::map<std::string, MessageId> ids;
    for (const auto& given : all) {
        for (const Given& one : given) ids.emplace(one.body, one.id);
    }
    std::size_t stored = 0;
    for (const auto& message : request.messages) {
        const auto found = ids.find(message.payload);
        if (found == ids.end()) continue;
        model(queue).send(found->second, message.payload, {}, 0, now());
        ++stored;
    }
    if (stored != 0 && stored != request.messages.size()) complain("a part of a batch is there");
}

void Pair::find_leased(std::size_t queue, const api::ReceiveMessages& request, const Batches& all) {
    std::set<MessageId> lost = model(queue).receivable(now()).surely;
    const std::size_t due = std::min<std::size_t>(request.messages_max, lost.size());
    for (const auto& given : all) {
        for (const Given& one : given) lost.erase(one.id);
    }
    if (!lost.empty() && lost.size() != due) {
        return complain(std::to_string(lost.size()) + " messages are not there, " +
                        std::to_string(due) + " may be leased");
    }
    model(queue).lose(lost, request.visibility_s, now());
}

void Pair::take_all(std::size_t queue, const Batches& all) {
    for (const auto& given : all) {
        const auto wrong = model(queue).receive(16, 0, given, now());
        if (wrong) complain("after a crash, " + queue_names.at(queue) + ": " + *wrong);
    }
}

}  // namespace penstock::reference

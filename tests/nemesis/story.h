// Story: a history made by hand: each call adds one operation after the one before, with pauses and
// lengths drawn from a seed. Owned by one test.
#pragma once

#include "broker/base/random.h"
#include "tests/nemesis/history.h"

#include <string>
#include <utility>

namespace penstock::nemesis {

class Story {
  public:
    explicit Story(std::uint64_t seed) : random_(seed) {}

    // A queue whose messages others use too.
    void calm_traffic(int messages) {
        declare("calm", {});
        for (int number = 0; number < messages; ++number) {
            const std::string body = "calm" + std::to_string(number);
            send("calm", body).outcome = draw(8) == 0 ? Outcome::unknown : Outcome::ok;
            last().complete_us = last().outcome == Outcome::ok ? now_us_ : never_us;
            if (last().outcome == Outcome::unknown) {
                if (draw(2) == 0) continue;
                last().items[0].id.clear();
            }
            receive("calm", body, 1);
            remove("calm", body, 1);
        }
    }

    void declare(const std::string& queue, Queue rules) {
        history.queues[queue] = std::move(rules);
    }

    Operation& send(const std::string& queue, const std::string& body) {
        return add(Kind::send, queue, {body, id_of(body), {}, 0});
    }

    Operation& publish(const std::string& topic, const std::string& body) {
        return add(Kind::publish, topic, {body, id_of(body), {}, 0});
    }

    Operation& receive(const std::string& queue, const std::string& body, std::uint64_t receives) {
        return add(
            Kind::receive, queue, {body, id_of(body), receipt_of(queue, receives), receives});
    }

    Operation& receive_nothing(const std::string& queue) {
        Operation& added = add(Kind::receive, queue, {});
        added.items.clear();
        return added;
    }

    // With the receipt of that receive.
    Operation& remove(const std::string& queue, const std::string& body, std::uint64_t receives) {
        return add(Kind::remove, queue, {body, {}, receipt_of(queue, receives), 0});
    }

    Operation& change_visibility(const std::string& queue,
                                 const std::string& body,
                                 std::uint64_t receives,
                                 std::int64_t seconds) {
        Operation& added = add(Kind::visibility, queue, {body, {}, receipt_of(queue, receives), 0});
        added.number = seconds;
        return added;
    }

    Operation& push(const std::string& subscription, const std::string& body, int status) {
        Operation& added = add(Kind::push, subscription, {body, id_of(body), {}, 1});
        added.number = status;
        return added;
    }

    // Without messages: set, get, create, drop, look, count, rewind.
    Operation& act(Kind kind, const std::string& object, std::int64_t number = 0) {
        Operation& added = add(kind, object, {});
        added.items.clear();
        added.number = number;
        return added;
    }

    void wait_s(std::int64_t seconds) { now_us_ += seconds * us_per_s; }

    // The last operation was never answered.
    void unanswered() {
        last().outcome = Outcome::unknown;
        last().complete_us = never_us;
    }

    void refused(const std::string& why = {}) {
        last().outcome = Outcome::fail;
        last().why = why;
    }

    // The last operation began before the one before it.
    void overlap() {
        last().invoke_us = history.operations[history.operations.size() - 2].invoke_us - 1;
    }

    Operation& last() { return history.operations.back(); }

    [[nodiscard]] TimeUs now_us() const { return now_us_; }

    History history;

  private:
    static std::string id_of(const std::string& body) { return "id-" + body; }

    static std::string receipt_of(const std::string& queue, std::uint64_t receives) {
        return queue + "-" + std::to_string(receives);
    }

    std::int64_t draw(std::uint64_t below) {
        return static_cast<std::int64_t>(random_.below(below));
    }

    Operation& add(Kind kind, const std::string& object, Item item) {
        Operation operation;
        operation.kind = kind;
        operation.object = object;
        operation.items.push_back(std::move(item));
        now_us_ += 1 + draw(20'000);
        operation.invoke_us = now_us_;
        now_us_ += 1 + draw(20'000);
        operation.complete_us = now_us_;
        history.operations.push_back(std::move(operation));
        return last();
    }

    SeededRandom random_;
    TimeUs now_us_ = us_per_s;
};

}  // namespace penstock::nemesis

// History: what clients of a cluster asked, when, and what they were told, as its recorder wrote it
// down: one JSON object a line (README.md has the fields). Values; one thread. A line that cannot
// be read is an Error with its number: half a history proves nothing.
#pragma once

#include "broker/base/error.h"

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::nemesis {

// Microseconds of the recorder's monotonic clock.
using TimeUs = std::int64_t;
inline constexpr TimeUs never_us = std::numeric_limits<TimeUs>::max();
inline constexpr TimeUs us_per_s = 1'000'000;

enum class Kind : std::uint8_t {
    // what there is
    queue,
    subscription,
    // what was done
    send,
    publish,
    receive,
    remove,
    visibility,
    rewind,
    push,
    set,
    get,
    create,
    drop,
    look,
    count,
};

enum class Outcome : std::uint8_t { ok, fail, unknown };

struct Item {
    std::string body;
    std::string id;
    std::string receipt;
    std::uint64_t receives = 0;
};

struct Operation {
    Kind kind = Kind::send;
    Outcome outcome = Outcome::ok;
    TimeUs invoke_us = 0;
    TimeUs complete_us = never_us;  // `never_us`: unknown
    std::string object;             // queue, topic, TOPIC/NAME or QUEUE#ATTRIBUTE
    std::vector<Item> items;        // sent, received, pushed; remove, visibility: the one meant
    std::string key;                // send: dedup key; publish: ordering key
    std::string tag;                // publish
    std::string why;                // of a failure: "stale", "exists", "absent" say something
    std::int64_t number = 0;        // seconds, a value, a status: see README.md
};

struct Queue {
    std::int64_t visibility_s = 30;
    std::string dead;  // empty: none
    std::uint64_t max_receives = 0;
    bool rewound = false;
};

struct Subscription {
    std::string topic;
    std::string tag;    // empty: everything
    std::string queue;  // empty: pushed
    std::string dead;   // empty: none
    bool ordered = false;
};

struct History {
    std::map<std::string, Queue, std::less<>> queues;
    std::map<std::string, Subscription, std::less<>> subscriptions;
    std::vector<Operation> operations;
};

Result<History> read_history(std::string_view text);

struct Finding {
    std::string rule;  // "lost", "early", ...: README.md lists them
    std::string what;
};

using Findings = std::vector<Finding>;

// How far the cluster's time may be from the recorder's within one lease or delay.
constexpr TimeUs slack_us(TimeUs span_us) {
    constexpr TimeUs always_us = 50'000;
    constexpr TimeUs share = 50;
    return always_us + span_us / share;
}

// Whether a message published so goes to this subscription.
inline bool matches(const Subscription& subscription, const Operation& publish) {
    return subscription.topic == publish.object &&
           (subscription.tag.empty() || subscription.tag == publish.tag);
}

}  // namespace penstock::nemesis

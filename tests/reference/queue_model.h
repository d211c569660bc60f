// QueueModel: what the queues of the API mean, in plain containers and as few words as possible:
// nothing is stored but what was sent and what happened to it, everything else is worked out when
// it is asked for. It does not choose which message a receive gives: it is told the answer and says
// whether that may be. Values; one test, one thread.
//
// A message is delayed until its delay is over, then active; a receive leases it, and it is
// inactive until the lease ends or is given up; a delete with the newest receipt in time makes it
// deleted. It is produced when its delay is over: deleted ones can be rewound to while that lies in
// the queue's rewind window, and what was produced longer ago than the queue's retention is gone,
// received or not; while it is leased it stays. A message that comes back after having been
// received as often as the queue's dead-letter policy says is found in the dead-letter queue
// instead.
//
// An ordered queue gives of each ordering key, and of what has none, the oldest message that is
// neither delayed nor deleted, and nothing of that key while it is with a receiver. A message's
// place is where it was produced.
#pragma once

#include "broker/model/message.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace penstock::reference {

using model::MessageId;
using model::Receipt;
using model::TimeMs;

struct Attributes {
    std::uint32_t visibility_s = 30;
    std::uint32_t retention_s = 345'600;
    std::uint32_t rewind_s = 0;
    bool ordered = false;
    std::string dead_letter_queue;  // empty: none
    std::uint32_t max_receives = 0;
};

enum class State : std::uint8_t { delayed, active, inactive, deleted, gone };

struct Counts {
    std::uint64_t active = 0;
    std::uint64_t inactive = 0;
    std::uint64_t delayed = 0;
    std::uint64_t rewindable = 0;
    friend bool operator==(const Counts&, const Counts&) = default;
};

// One message of an answer.
struct Given {
    MessageId id;
    Receipt receipt;
    std::string body;
    std::uint32_t receives = 0;
    TimeMs next_visible_ms = 0;
};

class QueueModel {
  public:
    explicit QueueModel(Attributes attributes) : attributes_(std::move(attributes)) {}

    [[nodiscard]] const Attributes& attributes() const { return attributes_; }

    // Rewinding off drops what is deleted at once.
    void set(Attributes attributes, TimeMs now_ms);

    void send(
        MessageId id, std::string body, std::string key, std::uint32_t delay_s, TimeMs now_ms);

    // A message of a topic, one that was committed, or a dead letter that comes back: it is there
    // from `due_ms` on.
    void arrive(MessageId id, std::string body, TimeMs due_ms, std::string key = {});

    // Why this answer to a receive of at most `messages_max` may not be; nothing: it may, and it
    // has happened. `visibility_s` 0: the queue's.
    std::optional<std::string> receive(std::uint32_t messages_max,
                                       std::uint32_t visibility_s,
                                       const std::vector<Given>& given,
                                       TimeMs now_ms);

    // What a receive may give. Whether a message still holds its key while it is leased beyond its
    // retention the API does not say: the next one may come then.
    struct Receivable {
        std::set<MessageId> surely;
        std::set<MessageId> perhaps;
    };

    [[nodiscard]] Receivable receivable(TimeMs now_ms) const;

    // These were leased by a receive whose answer nobody heard: no receipt is good for them.
    void lose(const std::set<MessageId>& leased, std::uint32_t visibility_s, TimeMs now_ms);

    // Whether a delete with this receipt succeeds; it has happened then.
    bool remove(Receipt receipt, TimeMs now_ms);

    // The lease's message becomes visible so much later from now; false: there is no such lease.
    bool change_visibility(Receipt receipt, std::uint32_t visibility_s, TimeMs now_ms);

    // Everything produced at or after `to_ms` can be received as if it never had been: what is
    // leased too, and its receipts are void. False: that is outside of the window.
    bool rewind(TimeMs to_ms, TimeMs now_ms);

    void clear() { messages_.clear(); }

    // What has come back too often since the last call. Of what grew too old during its last lease
    // the API does not say what becomes.
    struct Died {
        std::vector<std::string> certainly;
        std::vector<std::string> perhaps;
    };

    Died take_dead(TimeMs now_ms);

    [[nodiscard]] Counts counts(TimeMs now_ms) const;

    // Something went out of its retention or its rewind window so short a time ago that it need not
    // be gone yet: a node looks at that once a second.
    [[nodiscard]] bool is_unsure(TimeMs now_ms) const;

  private:
    struct Message {
        std::string body;
        std::string key;
        std::uint64_t number = 0;  // among all of its queue; of two due at once the lower is first
        TimeMs due_ms = 0;
        TimeMs leased_until_ms = 0;
        Receipt receipt;
        std::uint32_t receives = 0;
        bool deleted = false;
        bool expired = false;  // under attributes the queue had before
    };

    [[nodiscard]] State state(const Message& message, TimeMs now_ms) const;
    [[nodiscard]] bool is_expired(const Message& message, TimeMs now_ms) const;
    [[nodiscard]] TimeMs kept_ms(const Message& message) const;
    Message* leased(Receipt receipt, TimeMs now_ms);
    [[nodiscard]] TimeMs oldest_unconsumed(TimeMs now_ms) const;

    Attributes attributes_;
    std::uint64_t last_number_ = 0;
    std::map<MessageId, Message> messages_;
};

}  // namespace penstock::reference

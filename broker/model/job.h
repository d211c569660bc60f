// Job: long work on one queue or subscription, done in bounded steps: redriving dead letters,
// replaying a topic's retained messages to one subscription. What a job takes, and the commands
// that start and steer it. Values, any thread.
#pragma once

#include "broker/model/attempt.h"
#include "broker/model/ids.h"
#include "broker/model/message.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::model {

// Which messages are meant. What is empty or 0 means all.
struct MessageFilter {
    // Known without reading a body.
    std::vector<Failure> failures;  // dead letters: why they died
    std::uint16_t status_min = 0;   // dead letters: the last answer's HTTP status
    std::uint16_t status_max = 0;
    TimeMs from_ms = 0;  // dead letters: died at or after it; others: logged at or after it
    TimeMs before_ms = 0;
    // Known from the body only.
    std::vector<std::string> tags;  // one of them
    std::string key;                // routing key or ordering key, as a whole
    std::string text;               // somewhere in the payload

    friend bool operator==(const MessageFilter&, const MessageFilter&) = default;
};

inline constexpr std::size_t filter_items_max = 32;        // of each list
inline constexpr std::size_t filter_text_bytes_max = 256;  // of each text

// True when bodies must be read to tell.
bool asks_for_bodies(const MessageFilter& filter);

// True when the body is meant; looks at nothing but the part that is known from it.
bool takes_body(const MessageFilter& filter, const MessageMeta& meta, std::string_view payload);

enum class JobKind : std::uint8_t { redrive = 1, replay = 2 };

enum class JobState : std::uint8_t { none = 0, running = 1, paused = 2, done = 3, cancelled = 4 };

std::string_view to_text(JobKind kind);
std::string_view to_text(JobState state);

inline constexpr std::uint32_t job_rate_max = 100'000;  // messages a second

// Delivers retained messages of its topic to one subscription once more, under their ids, marked
// with the job's number. Replies Started, or subscription_not_found, job_running.
struct Replay {
    SubscriptionNo subscription;
    MessageFilter filter;          // from_ms, before_ms by log time
    std::uint32_t rate_per_s = 0;  // 0: as fast as they are taken
    friend bool operator==(const Replay&, const Replay&) = default;
};

enum class JobAction : std::uint8_t { pause = 1, resume = 2, cancel = 3 };

// Changes nothing where the object has no job that is running or paused. Replies Done.
struct ChangeJob {
    ObjectNo object;
    JobAction action = JobAction::cancel;
    friend bool operator==(const ChangeJob&, const ChangeJob&) = default;
};

// What the leader has found by reading bodies: of the messages `from` to `through` - 1 the job
// takes `chosen`. A stale one (another job, another place) changes nothing. Replies Done.
struct StepJob {
    ObjectNo object;
    std::uint64_t job = 0;
    Sequence from = 0;
    Sequence through = 0;
    std::vector<Sequence> chosen;  // rising, at most job_chosen_max
    friend bool operator==(const StepJob&, const StepJob&) = default;
};

inline constexpr std::size_t job_chosen_max = 1'000;

// Sends a dead letter back with another body, under a new id; the letter is gone. Replies Sent with
// the new id, or message_not_found, queue_not_found, queue_full, overloaded.
struct EditLetter {
    ObjectNo queue;
    Sequence sequence = 0;
    std::uint32_t ordinal = 0;  // of the entry's bodies
    friend bool operator==(const EditLetter&, const EditLetter&) = default;
};

// Gives a delayed message of a queue or topic another due time, or takes it back for good. Replies
// Done, or message_not_found when it is not, or no longer, delayed there.
struct ChangeDelayed {
    ObjectNo object;
    MessageId message;
    bool cancel = false;
    TimeMs due_ms = 0;  // in the past: at once
    friend bool operator==(const ChangeDelayed&, const ChangeDelayed&) = default;
};

}  // namespace penstock::model

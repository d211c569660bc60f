// Jobs of a data set: redriving dead letters, replaying a topic to one subscription. A job is a row
// with a place, a pace and a filter, advanced by timers, a bounded number of messages an entry.
// Where its filter asks for bodies the core cannot tell: it signals the job, and the leader reads
// them and says in a StepJob which messages are meant.
#pragma once

#include "broker/core/turn.h"

#include <optional>
#include <string_view>
#include <vector>

namespace penstock::core {

// What a job's step made of one message.
enum class Taken : std::uint8_t {
    yes,
    no,     // it stays, the job goes on behind it
    later,  // nothing more can be taken now: the job stands here for a while
};

// Replayed deliveries of a subscription that are open at a time, where it keeps no order; one where
// it does, of all or of each key. So live messages wait for no more than these.
inline constexpr std::uint64_t replay_open_max = 256;

// Starts the range [first, end) of a job of the object; nothing may run there. Counts from now.
void begin_job(Turn& turn, JobRow& row, Sequence first, Sequence end);

// Arms the next step, unless an earlier one is armed.
void arm_job(Turn& turn, ObjectNo object, JobRow& row, TimeMs due_ms);

// Starts replaying. Replies Started.
model::Reply start_replay(Turn& turn, const model::Replay& command);

model::Reply change_job(Turn& turn, const model::ChangeJob& command);
model::Reply step_job(Turn& turn, const model::StepJob& command);

// Timer; `value` is the due time it was armed with.
void continue_job(Turn& turn, ObjectNo object, std::string_view value);

// A delivery that replay `number` had made is over.
void replayed_delivery_over(Turn& turn, ObjectNo subscription, std::uint64_t number, bool dead);

// ---- reads, for the node -----------------------------------------------------------------------

// Messages that the pace (and, replaying, what is open) allow at `now_ms`; restarts the pace when
// it is more than a second behind, so that a pause is not made up for in one burst.
std::uint64_t job_allowance(const model::Rows& rows, ObjectNo object, JobRow& row, TimeMs now_ms);

// True when only bodies tell which messages the job means.
bool reads_bodies(const model::Rows& rows, ObjectNo object, const JobRow& row);

// A replay looks at what the subscription would have been given: its own filter counts.
bool filters_topic(const model::SubscriptionSpec& spec);

// The job of a queue or subscription, nothing when there never was one or its row is gone.
std::optional<JobRow> job_of(const model::Rows& rows, ObjectNo object);

// What a job that reads bodies may take next: at most `limit` messages from its place on, and where
// it goes on behind them. For letters the filter's other part holds already.
struct JobPage {
    struct Item {
        Sequence sequence = 0;
        MessageId body;
    };

    std::vector<Item> items;
    Sequence through = 0;
};

JobPage job_page(const model::Rows& rows, ObjectNo object, const JobRow& row, std::uint32_t limit);

// The letter's part of a filter, known from its row.
bool takes_letter(const model::MessageFilter& filter, const DeadInfo& dead);

}  // namespace penstock::core

#include "broker/core/jobs.h"

#include "broker/base/bytes.h"
#include "broker/core/dead_letters.h"
#include "broker/core/key_order.h"
#include "broker/core/message_log.h"
#include "broker/core/outbox.h"
#include "broker/core/peek_query.h"
#include "broker/core/refusals.h"
#include "broker/core/settle.h"
#include "broker/core/timers.h"

#include <algorithm>

namespace penstock::core {

using model::JobState;

namespace {

constexpr TimeMs ms_per_s = 1'000;
constexpr TimeMs step_ms = 10;             // a paced job's steps are at least so far apart
constexpr TimeMs later_ms = 100;           // until what takes nothing now is asked again
constexpr TimeMs bodies_again_ms = 1'000;  // until a leader that has not answered is asked again

bool active(const JobRow& row) {
    return row.state == JobState::running || row.state == JobState::paused;
}

void put_job(Turn& turn, ObjectNo object, const JobRow& row) {
    if (row.state == JobState::none && row.sequences.empty()) return turn.erase(keys::job(object));
    turn.put(keys::job(object), encode(row));
}

std::uint64_t open_max(const model::Rows& rows, ObjectNo subscription) {
    const auto bytes = rows.get(keys::config('s', subscription));
    if (!bytes) return replay_open_max;
    return keeps_some_order(decode<SubscriptionConfig>(*bytes).spec) ? 1 : replay_open_max;
}

void end_job(Turn& turn, JobRow& row, JobState state) {
    row.state = state;
    row.ended_ms = turn.now();
}

// When the next message may be taken.
TimeMs pace_due(const JobRow& row, TimeMs now_ms) {
    if (row.rate_per_s == 0) return now_ms;
    const std::uint64_t rate = row.rate_per_s;
    const std::uint64_t wait = ((row.paced + 1) * ms_per_s + rate - 1) / rate;
    return std::max(now_ms + step_ms, row.paced_ms + static_cast<TimeMs>(wait));
}

// After a step that could go on: done, or when it does.
void end_or_arm(Turn& turn, ObjectNo object, JobRow& row) {
    if (row.state != JobState::running) return;
    if (row.next >= row.end) return end_job(turn, row, JobState::done);
    // What is open ends by a settlement, and that arms the next step.
    if (row.kind == model::JobKind::replay && row.open >= open_max(turn, object)) return;
    const bool at_once = job_allowance(turn, object, row, turn.now()) > 0;
    arm_job(turn, object, row, at_once ? turn.now() : pace_due(row, turn.now()));
}

Taken replay_one(Turn& turn, ObjectNo subscription, JobRow& row, Sequence sequence) {
    turn.spend(1);
    const ObjectNo topic = turn.subscription(subscription)->topic;
    const auto run = run_at(turn, topic, sequence);
    if (!run || sequence < turn.head(topic).floor) return Taken::no;
    redeliver(turn, subscription, run->message(sequence), {run->time_ms, 0, row.number});
    ++row.open;
    return Taken::yes;
}

Taken take_one(Turn& turn, ObjectNo object, JobRow& row, Sequence sequence) {
    return row.kind == model::JobKind::redrive ? redrive_one(turn, object, row, sequence)
                                               : replay_one(turn, object, row, sequence);
}

// Goes on from the row's place as far as pace, budget and targets allow. True when it may go on.
bool go_on(Turn& turn, ObjectNo object, JobRow& row) {
    if (row.kind == model::JobKind::redrive) {
        row.next = std::min(row.end, std::max(row.next, turn.delivery(object).cursor));
    }
    std::uint64_t allowed = job_allowance(turn, object, row, turn.now());
    while (row.next < row.end && turn.budget_left() && allowed > 0) {
        const Taken taken = take_one(turn, object, row, row.next);
        if (taken == Taken::later) return false;
        ++row.next;
        if (taken == Taken::no) continue;
        ++row.taken;
        ++row.paced;
        --allowed;
    }
    return true;
}

void step(Turn& turn, ObjectNo object, JobRow& row) {
    if (row.state != JobState::running) return;
    if (reads_bodies(turn, object, row)) {
        turn.job(object);
        return arm_job(turn, object, row, turn.now() + bodies_again_ms);
    }
    if (!go_on(turn, object, row)) return arm_job(turn, object, row, turn.now() + later_ms);
    end_or_arm(turn, object, row);
}

// Appends of this entry are visible to a step.
void flush_log(Turn& turn, ObjectNo object) {
    const SubscriptionConfig* config = turn.subscription(object);
    turn.flush_run(config ? config->topic : object);
}

}  // namespace

void begin_job(Turn& turn, JobRow& row, Sequence first, Sequence end) {
    row.state = JobState::running;
    row.number = turn.entry().index;
    row.next = first;
    row.end = end;
    row.first = first;
    row.taken = 0;
    row.failed = 0;
    row.open = 0;
    row.started_ms = turn.now();
    row.ended_ms = 0;
    row.paced_ms = turn.now();
    row.paced = 0;
}

void arm_job(Turn& turn, ObjectNo object, JobRow& row, TimeMs due_ms) {
    const TimeMs due = std::max(due_ms, turn.now());
    if (row.due_ms != 0 && row.due_ms <= due) return;
    row.due_ms = due;
    std::string value;
    Writer(value).varint(static_cast<std::uint64_t>(due));
    arm_timer(turn, due, TimerKind::job, object, 0, std::move(value));
}

model::Reply start_replay(Turn& turn, const model::Replay& command) {
    const SubscriptionConfig* config = turn.subscription(command.subscription);
    if (!config) return no_subscription(command.subscription);
    auto row = turn.load<JobRow>(keys::job(command.subscription)).value_or(JobRow{});
    if (active(row)) return job_running(shown_name(turn, *config));
    const ObjectNo topic = config->topic;
    turn.flush_run(topic);
    const LogHead& head = turn.head(topic);
    const auto at = [&](TimeMs time_ms, Sequence otherwise) {
        if (time_ms == 0) return otherwise;
        return first_at_or_after(turn, topic, head.floor, head.end, time_ms);
    };
    row.kind = model::JobKind::replay;
    row.filter = command.filter;
    row.rate_per_s = command.rate_per_s;
    const Sequence first = at(command.filter.from_ms, head.floor);
    begin_job(turn, row, first, std::max(first, at(command.filter.before_ms, head.end)));
    arm_job(turn, command.subscription, row, turn.now());
    put_job(turn, command.subscription, row);
    return model::Started{row.end - row.first, row.number};
}

model::Reply change_job(Turn& turn, const model::ChangeJob& command) {
    auto row = turn.load<JobRow>(keys::job(command.object));
    if (!row || !active(*row)) return model::Done{};
    switch (command.action) {
        case model::JobAction::pause:
            row->state = JobState::paused;
            break;
        case model::JobAction::resume:
            row->state = JobState::running;
            row->paced_ms = turn.now();
            row->paced = 0;
            arm_job(turn, command.object, *row, turn.now());
            break;
        case model::JobAction::cancel:
            end_job(turn, *row, JobState::cancelled);
            break;
    }
    put_job(turn, command.object, *row);
    return model::Done{};
}

model::Reply step_job(Turn& turn, const model::StepJob& command) {
    const ObjectNo object = command.object;
    auto row = turn.load<JobRow>(keys::job(object));
    if (!row || row->state != JobState::running || row->number != command.job) return model::Done{};
    if (row->next != command.from || command.through <= command.from) return model::Done{};
    if (command.through > row->end) return model::Done{};
    if (!turn.queue(object) && !turn.subscription(object)) return model::Done{};
    flush_log(turn, object);
    row->next = command.through;
    bool full = false;
    for (const Sequence sequence : command.chosen) {
        const Taken taken = take_one(turn, object, *row, sequence);
        full = taken == Taken::later;
        if (full) {
            row->next = sequence;
            break;
        }
        if (taken == Taken::no) continue;
        ++row->taken;
        ++row->paced;
    }
    row->due_ms = 0;  // the timer that asked for this step is stale now
    if (full) {
        arm_job(turn, object, *row, turn.now() + later_ms);
    } else {
        end_or_arm(turn, object, *row);
    }
    put_job(turn, object, *row);
    return model::Done{};
}

void continue_job(Turn& turn, ObjectNo object, std::string_view value) {
    auto row = turn.load<JobRow>(keys::job(object));
    if (!row || static_cast<TimeMs>(Reader(value).varint()) != row->due_ms) return;
    row->due_ms = 0;
    if (!turn.queue(object) && !turn.subscription(object)) return;
    flush_log(turn, object);
    redrive_named(turn, object, *row);
    if (!row->sequences.empty()) arm_job(turn, object, *row, turn.now());
    step(turn, object, *row);
    put_job(turn, object, *row);
}

void replayed_delivery_over(Turn& turn, ObjectNo subscription, std::uint64_t number, bool dead) {
    auto row = turn.load<JobRow>(keys::job(subscription));
    if (!row || row->number != number || row->open == 0) return;
    --row->open;
    if (dead) ++row->failed;
    if (row->state == JobState::running) end_or_arm(turn, subscription, *row);
    put_job(turn, subscription, *row);
}

std::uint64_t job_allowance(const model::Rows& rows, ObjectNo object, JobRow& row, TimeMs now_ms) {
    std::uint64_t allowed = Turn::job_items_per_entry_max;
    if (row.rate_per_s > 0) {
        const auto passed = static_cast<std::uint64_t>(std::max<TimeMs>(0, now_ms - row.paced_ms));
        std::uint64_t due = passed * row.rate_per_s / ms_per_s;
        if (due > row.paced + row.rate_per_s) {
            row.paced_ms = now_ms - ms_per_s;
            row.paced = 0;
            due = row.rate_per_s;
        }
        allowed = due - std::min(due, row.paced);
    }
    if (row.kind == model::JobKind::redrive) return allowed;
    const std::uint64_t most = open_max(rows, object);
    return std::min(allowed, most - std::min(most, row.open));
}

bool filters_topic(const model::SubscriptionSpec& spec) {
    return !spec.filter_tags.empty() || !spec.binding_keys.empty();
}

bool reads_bodies(const model::Rows& rows, ObjectNo object, const JobRow& row) {
    if (model::asks_for_bodies(row.filter)) return true;
    if (row.kind == model::JobKind::redrive) return false;
    const auto bytes = rows.get(keys::config('s', object));
    return bytes && filters_topic(decode<SubscriptionConfig>(*bytes).spec);
}

std::optional<JobRow> job_of(const model::Rows& rows, ObjectNo object) {
    const auto bytes = rows.get(keys::job(object));
    if (!bytes) return {};
    return decode<JobRow>(*bytes);
}

JobPage job_page(const model::Rows& rows, ObjectNo object, const JobRow& row, std::uint32_t limit) {
    JobPage page;
    const auto add = [&](Sequence sequence, MessageId body) {
        if (sequence < row.end) page.items.push_back({sequence, body});
    };
    std::uint64_t next = 0;
    if (row.kind == model::JobKind::redrive) {
        const DeadLetterPage letters = dead_letters(rows, object, row.next, limit);
        next = letters.next;
        for (const DeadLetter& letter : letters.items) {
            if (letter.dead && takes_letter(row.filter, *letter.dead)) {
                add(letter.sequence, letter.body);
            }
        }
    } else if (const auto bytes = rows.get(keys::config('s', object))) {
        const ObjectNo topic = decode<SubscriptionConfig>(*bytes).topic;
        const PeekPage messages = peek_messages(rows, topic, PeekState::retained, row.next, limit);
        next = messages.next;
        for (const PeekedMessage& message : messages.items) add(message.position, message.body);
    }
    page.through = next == 0 ? row.end : std::min<Sequence>(next, row.end);
    return page;
}

bool takes_letter(const model::MessageFilter& filter, const DeadInfo& dead) {
    const auto& failures = filter.failures;
    if (!failures.empty() &&
        std::find(failures.begin(), failures.end(), dead.failure) == failures.end()) {
        return false;
    }
    if (dead.status < filter.status_min) return false;
    if (filter.status_max != 0 && dead.status > filter.status_max) return false;
    if (dead.died_ms < filter.from_ms) return false;
    return filter.before_ms == 0 || dead.died_ms < filter.before_ms;
}

}  // namespace penstock::core

// No entry's work grows with what is stored: every command is measured against a set of millions of
// messages and against one a tenth of its size, and held to a literal bound and to their likeness.
// 1,000,000 messages by default; PENSTOCK_TEST_SIZE=full takes 10,000,000.
#include "broker/core/jobs.h"
#include "tests/simulation/big_set.h"
#include "tests/support/test_size.h"

#include <gtest/gtest.h>

#include <functional>
#include <iostream>
#include <set>

namespace penstock::simulation {
namespace {

std::uint64_t messages_stored() {
    return testing::is_full_size() ? 10'000'000 : 1'000'000;
}

// What one entry may cost. A tick does at most 1,000 items; an item of the dearest kind (a dead
// letter) reads and writes about a dozen rows.
struct Bound {
    std::uint64_t reads;
    std::uint64_t writes;
};

constexpr Bound small{40, 20};
constexpr Bound batch_of_sixteen{150, 80};
constexpr Bound thousand_items{8'000, 5'000};
constexpr std::uint64_t batch_bytes_max = 2U << 20;

struct Step {
    std::string name;
    Bound bound;
    std::function<model::Command(BigSet&)> command;
    std::uint32_t bodies = 0;
};

template <class C>
std::function<model::Command(BigSet&)> plain(C command) {
    return [command](BigSet&) {
        return model::Command{command};
    };
}

template <class C>
C on_queue(model::QueueNo queue) {
    C command;
    command.queue = queue;
    return command;
}

std::vector<Step> queue_steps() {
    std::vector<Step> steps;
    auto create = on_queue<model::CreateQueue>(model::QueueNo{100});
    create.name = "new";
    steps.push_back({"CreateQueue", small, plain(create)});
    auto set = on_queue<model::SetQueue>(big::waiting);
    set.attributes.rewind_s = 3600;
    set.attributes.messages_max = 1'000'000'000;
    steps.push_back({"SetQueue", small, plain(set)});
    steps.push_back({"Send", small, plain(on_queue<model::Send>(big::waiting)), 1});
    auto many = on_queue<model::Send>(big::waiting);
    many.count = 16;
    steps.push_back({"Send of 16", small, plain(many), 16});
    auto later = on_queue<model::Send>(big::delayed);
    later.delay_ms = 1000;
    later.dedup_key = "once";
    steps.push_back({"Send delayed", small, plain(later), 1});
    auto lease = on_queue<model::Lease>(big::waiting);
    lease.messages_max = 16;
    steps.push_back({"Lease", batch_of_sixteen, plain(lease)});
    steps.push_back({"DeleteMessages", batch_of_sixteen, [](BigSet& set_of) {
                         auto command = on_queue<model::DeleteMessages>(big::waiting);
                         command.receipts = set_of.lease(big::waiting, 16);
                         return command;
                     }});
    for (const std::uint32_t visibility_ms : {0U, 60'000U}) {
        steps.push_back({"ChangeVisibility", small, [visibility_ms](BigSet& set_of) {
                             auto command = on_queue<model::ChangeVisibility>(big::waiting);
                             command.receipt = set_of.lease(big::waiting, 1).at(0);
                             command.visibility_ms = visibility_ms;
                             return command;
                         }});
    }
    steps.push_back({"GiveBack", batch_of_sixteen, [](BigSet& set_of) {
                         auto command = on_queue<model::GiveBack>(big::waiting);
                         command.receipts = set_of.lease(big::waiting, 16);
                         command.pause_ms = 1'000;
                         return command;
                     }});
    steps.push_back({"RewindQueue", {100, 40}, [](BigSet&) {
                         auto command = on_queue<model::RewindQueue>(big::waiting);
                         command.to_ms = big::started_ms;
                         return command;
                     }});
    steps.push_back({"ClearQueue", small, plain(on_queue<model::ClearQueue>(big::cleared))});
    steps.push_back({"DeleteQueue", small, plain(on_queue<model::DeleteQueue>(big::removed))});
    return steps;
}

std::vector<Step> topic_steps() {
    std::vector<Step> steps;
    model::CreateTopic create;
    create.topic = model::TopicNo{101};
    steps.push_back({"CreateTopic", small, plain(create)});
    model::SetTopic set;
    set.topic = big::topic;
    steps.push_back({"SetTopic", small, plain(set)});
    model::Publish publish;
    publish.topic = big::topic;
    steps.push_back({"Publish", small, plain(publish), 1});
    publish.count = 16;
    steps.push_back({"Publish of 16", small, plain(publish), 16});
    model::DeleteTopic remove;
    remove.topic = big::lonely;
    steps.push_back({"DeleteTopic", small, plain(remove)});
    model::Subscribe subscribe;
    subscribe.subscription = model::SubscriptionNo{102};
    subscribe.topic = big::topic;
    subscribe.spec.endpoint = "http://127.0.0.1/";
    steps.push_back({"Subscribe", small, plain(subscribe)});
    model::SetSubscription change;
    change.subscription = big::filtered;
    change.spec = subscribe.spec;
    change.spec.filter_tags = {"other"};
    steps.push_back({"SetSubscription", small, plain(change)});
    model::Unsubscribe leave;
    leave.subscription = big::leaving;
    steps.push_back({"Unsubscribe", small, plain(leave)});
    return steps;
}

// Outcomes of a thousand deliveries that nobody has settled, others for each verdict.
model::Settle settle_thousand(BigSet& set, model::Verdict verdict) {
    model::Settle settle;
    settle.subscription = big::failing;
    settle.items.resize(model::attempts_per_settle_max);
    const auto thousands = static_cast<model::Sequence>(verdict) - 1;
    model::Sequence sequence = set.unsettled() + thousands * model::attempts_per_settle_max;
    for (model::SettleItem& item : settle.items) {
        item.sequence = sequence++;
        item.verdict = verdict;
    }
    return settle;
}

// As much as one settlement brings: outputs to a queue and to a topic with its subscriptions, kv
// writes to what is stored and what is not, and reads.
model::Settle settle_with_effects(BigSet& set) {
    constexpr std::uint32_t outputs = 256;
    model::Settle settle;
    settle.subscription = big::failing;
    settle.items.resize(outputs);
    for (std::uint32_t at = 0; at < outputs; ++at) {
        settle.items[at].sequence = set.unsettled() + 4'000 + at;
        model::HandlerCommit commit;
        commit.item = at;
        const bool to_queue = at % 2 == 0;
        commit.outputs.push_back({to_queue ? big::waiting : big::topic, to_queue, at, 0});
        const std::string fresh = "new-" + std::to_string(at);
        commit.writes.push_back({model::KvWrite::Kind::add, fresh, {}, 1, 600'000});
        commit.writes.push_back({model::KvWrite::Kind::put, "key-1", "changed", 0, 0});
        commit.reads = {{"missing", 0}, {fresh, 0}};
        settle.commits.push_back(std::move(commit));
    }
    return settle;
}

std::vector<Step> function_steps() {
    std::vector<Step> steps;
    model::DeployScript deploy;
    deploy.subscription = big::filtered;
    deploy.script.code = std::string(model::script_bytes_max, 'x');
    steps.push_back({"DeployScript", small, plain(deploy)});
    model::ActivateScript activate;
    activate.subscription = big::filtered;
    steps.push_back({"ActivateScript", small, plain(activate)});
    steps.push_back({"Settle with effects", thousand_items, settle_with_effects, 256});
    model::DisableSubscription disable;
    disable.subscription = big::filtered;
    disable.reason = "its program is missing";
    steps.push_back({"DisableSubscription", small, plain(disable)});
    return steps;
}

constexpr model::SetId elsewhere{2};

// A settlement whose outputs all go to a queue of another set.
model::Settle settle_with_far_outputs(BigSet& set) {
    constexpr std::uint32_t outputs = 64;
    model::Settle settle;
    settle.subscription = big::failing;
    settle.items.resize(outputs);
    for (std::uint32_t at = 0; at < outputs; ++at) {
        settle.items[at].sequence = set.unsettled() + 4'300 + at;
        model::HandlerCommit commit;
        commit.item = at;
        commit.outputs.push_back({{elsewhere, model::QueueNo{900}}, true, at, 0});
        settle.commits.push_back(std::move(commit));
    }
    return settle;
}

std::vector<Step> outbox_steps() {
    std::vector<Step> steps;
    model::BindDeadLetter bind;
    bind.queue = big::waiting;
    bind.source = {elsewhere, model::ObjectNo{901}};
    bind.from_queue = true;
    steps.push_back({"BindDeadLetter", small, plain(bind)});
    steps.push_back({"Settle with far outputs", thousand_items, settle_with_far_outputs, 64});
    model::TransfersAnswered answered;
    answered.target = elsewhere;
    answered.first = 1;
    answered.answers.resize(64);
    steps.push_back({"TransfersAnswered", thousand_items, plain(answered)});
    model::Transfer transfer;
    transfer.source = elsewhere;
    transfer.number = 1;
    transfer.object = big::waiting;
    transfer.message = model::MessageId(elsewhere, 1, 0);
    steps.push_back({"Transfer to a queue", small, plain(transfer), 1});
    transfer.number = 2;
    transfer.answered_to = 1;
    transfer.kind = model::TransferKind::publish;
    transfer.object = big::topic;
    transfer.message = model::MessageId(elsewhere, 2, 0);
    steps.push_back({"Transfer to a topic", small, plain(transfer), 1});
    return steps;
}

bool is_of_set_of_names(std::size_t command) {
    return command == model::Command(model::PutNode{}).index() ||
           command == model::Command(model::DropNode{}).index() ||
           command == model::Command(model::PutSet{}).index() ||
           command == model::Command(model::SetBalancing{}).index() ||
           command == model::Command(model::MarkLeaving{}).index() ||
           command == model::Command(model::PreferLeader{}).index();
}

model::MessageId first_delayed(const BigSet& set) {
    model::MessageId first;
    set.rows().scan(core::keys::prefix('y', big::delayed),
                    core::keys::prefix_end('y', big::delayed),
                    [&](std::string_view key, std::string_view) {
                        first = model::MessageId{core::keys::last_u64(key)};
                        return false;
                    });
    return first;
}

std::vector<Step> transaction_steps() {
    constexpr std::size_t confirmed = 8;
    std::vector<Step> steps;
    steps.push_back({"Prepare", small, plain(on_queue<model::Prepare>(big::prepared)), 1});
    steps.push_back(
        {"ConfirmTransactions", batch_of_sixteen, [](BigSet& set) {
             auto command = on_queue<model::ConfirmTransactions>(big::prepared);
             set.rows().scan(
                 core::keys::prefix('T', big::prepared),
                 core::keys::prefix_end('T', big::prepared),
                 [&](std::string_view key, std::string_view) {
                     const bool commit = command.items.size() % 2 == 0;
                     command.items.push_back({model::MessageId{core::keys::last_u64(key)}, commit});
                     return command.items.size() < confirmed;
                 });
             return command;
         }});
    steps.push_back({"TakeChecks", batch_of_sixteen, [](BigSet& set) {
                         set.pass_ms(1'000);
                         set.tick_until_idle();
                         auto command = on_queue<model::TakeChecks>(big::prepared);
                         command.max = 16;
                         return command;
                     }});
    steps.push_back({"ClearQueue", small, plain(on_queue<model::ClearQueue>(big::prepared))});
    return steps;
}

std::vector<Step> job_steps() {
    std::vector<Step> steps;
    model::Replay replay;
    replay.subscription = big::failing;
    steps.push_back({"Replay", small, plain(replay)});
    model::ChangeJob change;
    change.object = big::failing;
    steps.push_back({"ChangeJob", small, plain(change)});
    auto edit = on_queue<model::EditLetter>(big::dead);
    edit.sequence = 900;
    steps.push_back({"EditLetter", small, plain(edit), 1});
    auto redrive = on_queue<model::Redrive>(big::dead);
    redrive.filter.text = "needle";
    steps.push_back({"Redrive by bodies", small, plain(redrive)});
    steps.push_back({"StepJob", thousand_items, [](BigSet& set) {
                         const auto job = core::job_of(set.rows(), big::dead).value();
                         model::StepJob step{big::dead, job.number, job.next, 0, {}};
                         step.through = std::min(job.end, job.next + model::job_chosen_max);
                         for (auto at = job.next; at < step.through; ++at) {
                             step.chosen.push_back(at);
                         }
                         return step;
                     }});
    change.object = big::dead;
    steps.push_back({"ChangeJob", small, plain(change)});
    steps.push_back({"ChangeDelayed", small, [](BigSet& set) {
                         model::ChangeDelayed delayed;
                         delayed.object = big::delayed;
                         delayed.message = first_delayed(set);
                         return delayed;
                     }});
    return steps;
}

std::vector<Step> delivery_steps() {
    std::vector<Step> steps;
    for (const auto verdict : {model::Verdict::not_attempted,
                               model::Verdict::retry,
                               model::Verdict::rejected,
                               model::Verdict::accepted}) {
        steps.push_back(
            {"Settle " + std::string(to_text(verdict)), thousand_items, [verdict](BigSet& set) {
                 return settle_thousand(set, verdict);
             }});
    }
    auto pause = on_queue<model::SetQueue>(big::fed);
    pause.attributes.messages_max = 1'000'000'000;
    pause.attributes.paused = true;
    steps.push_back({"SetQueue", small, plain(pause)});
    model::Publish publish;
    publish.topic = big::topic;
    steps.push_back({"Publish", small, plain(publish), 1});
    pause.attributes.paused = false;
    steps.push_back({"SetQueue", small, plain(pause)});
    steps.push_back({"FeedQueue", small, [](BigSet& set) {
                         model::FeedQueue feed;
                         feed.subscription = big::feeding;
                         feed.sequence = set.topic_end() - 1;
                         return feed;
                     }});
    steps.push_back({"ReleaseDelivery", small, [](BigSet& set) {
                         model::ReleaseDelivery release;
                         release.subscription = big::failing;
                         // One of those that were settled to be tried again.
                         release.sequence = set.unsettled() + model::attempts_per_settle_max;
                         release.drop = true;
                         return release;
                     }});
    steps.push_back({"Quarantine", small, [](BigSet& set) {
                         model::Quarantine quarantine;
                         quarantine.object = big::failing;
                         quarantine.sequence = set.topic_end() - 1;
                         return quarantine;
                     }});
    for (const Step& step : job_steps()) steps.push_back(step);
    auto redrive = on_queue<model::Redrive>(big::dead);
    steps.push_back({"Redrive", small, plain(redrive)});
    steps.push_back({"Tick", thousand_items, plain(model::Tick{})});
    steps.push_back({"InitSet", small, plain(model::InitSet{})});
    return steps;
}

struct Measured {
    std::string name;
    Bound bound;
    Work work;
    std::uint64_t ticks = 1;
};

void measure(BigSet& set,
             const Step& step,
             std::vector<Measured>& out,
             std::set<std::size_t>& seen) {
    model::Command command = step.command(set);
    seen.insert(command.index());
    const Work work = set.apply({std::move(command)}, step.bodies);
    out.push_back({step.name, step.bound, work});
    // What the command left for later comes in slices of the same bound.
    const BigSet::Ticks ticks = set.tick_until_idle();
    out.push_back({"Ticks behind " + step.name, thousand_items, ticks.most, ticks.count});
}

// Time passes over leases, time-to-live, delays, retries, the dedup window and retention.
void measure_time(BigSet& set, std::vector<Measured>& out) {
    for (const auto& [name, pause_s] : {std::pair{"a minute", 60},
                                        std::pair{"eleven minutes", 660},
                                        std::pair{"an hour", 3600},
                                        std::pair{"five days", 432'000}}) {
        set.pass_ms(model::TimeMs{1000} * pause_s);
        const BigSet::Ticks ticks = set.tick_until_idle();
        out.push_back(
            {std::string("Ticks after ") + name, thousand_items, ticks.most, ticks.count});
    }
}

std::vector<Measured> measure_all(BigSet& set, std::set<std::size_t>& seen) {
    std::vector<Measured> measured;
    for (const auto& steps : {queue_steps(),
                              topic_steps(),
                              function_steps(),
                              outbox_steps(),
                              delivery_steps(),
                              transaction_steps()}) {
        for (const Step& step : steps) measure(set, step, measured, seen);
    }
    measure_time(set, measured);
    return measured;
}

TEST(WorkPerEntry, IsBoundedForEveryCommandHoweverMuchIsStored) {
    const std::uint64_t messages = messages_stored();
    std::set<std::size_t> seen;
    BigSet large_set(messages);
    const auto large = measure_all(large_set, seen);
    BigSet small_set(messages / 10);
    const auto tenth = measure_all(small_set, seen);
    std::cout << messages << " messages\n";
    ASSERT_EQ(large.size(), tenth.size());
    for (std::size_t at = 0; at < large.size(); ++at) {
        const Measured& one = large[at];
        std::cout << one.name << ": reads " << one.work.reads << ", writes " << one.work.writes
                  << ", bytes " << one.work.bytes << ", entries " << one.ticks
                  << "; a tenth: reads " << tenth[at].work.reads << "\n";
        EXPECT_LE(one.work.reads, one.bound.reads) << one.name;
        EXPECT_LE(one.work.writes, one.bound.writes) << one.name;
        EXPECT_LE(one.work.bytes, batch_bytes_max) << one.name;
        if (one.ticks == 1) {
            EXPECT_LE(one.work.reads, tenth[at].work.reads + 40) << one.name;
        }
    }
    const model::Command first_of_data_set = model::InitSet{};
    for (std::size_t index = first_of_data_set.index(); index < std::variant_size_v<model::Command>;
         ++index) {
        if (is_of_set_of_names(index)) continue;
        EXPECT_TRUE(seen.contains(index)) << "command " << index << " is not measured";
    }
}

}  // namespace
}  // namespace penstock::simulation

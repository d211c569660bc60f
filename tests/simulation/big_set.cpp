#include "tests/simulation/big_set.h"

#include "broker/core/keys.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace penstock::simulation {

namespace {

constexpr std::uint32_t payload_bytes = 1024;
constexpr std::uint32_t batch = model::bodies_per_entry_max;
constexpr std::uint64_t delayed_messages = 20'000;

model::QueueAttributes attributes() {
    model::QueueAttributes made;
    made.messages_max = 1'000'000'000;
    made.visibility_s = 600;
    return made;
}

model::CreateQueue queue(model::QueueNo number, const model::QueueAttributes& with) {
    model::CreateQueue command;
    command.queue = number;
    command.name = "queue-" + std::to_string(number.value);
    command.attributes = with;
    return command;
}

model::Subscribe subscription(model::SubscriptionNo number, model::SubscriptionSpec spec) {
    model::Subscribe command;
    command.subscription = number;
    command.topic = big::topic;
    command.name = "subscription-" + std::to_string(number.value);
    command.spec = std::move(spec);
    return command;
}

model::SubscriptionSpec http(model::QueueNo dead_letter) {
    model::SubscriptionSpec spec;
    spec.endpoint = "http://127.0.0.1/";
    spec.dead_letter = dead_letter;
    return spec;
}

std::vector<model::BodyInfo> make_bodies(std::uint32_t count) {
    std::vector<model::BodyInfo> bodies(count);
    for (std::uint32_t at = 0; at < count; ++at) {
        bodies[at].payload_bytes = payload_bytes;
        if (at % 3 == 0) bodies[at].meta.tags = {"third"};
    }
    return bodies;
}

}  // namespace

BigSet::BigSet(std::uint64_t messages) : machine_(core::make_data_set()) {
    const std::uint64_t part = messages / 10;
    make_objects();
    fill_queue(big::waiting, 2 * part);
    consume(big::waiting, part / 2);
    fill_queue(big::cleared, part);
    fill_queue(big::removed, part);
    fill_queue(big::ageing, part);
    fill_queue(big::leased, part);
    for (std::uint64_t held = 0; held < part / 2; held += batch) lease(big::leased, batch);
    // Counted twice: in the topic's log and, by reference, in the subscriber queue's.
    fill_topic(big::topic, part);
    fail(big::failing, 1, part / 2, model::Verdict::rejected);
    fail(big::failing, part / 2 + 1, part / 16, model::Verdict::retry);
    unsettled_ = part / 2 + part / 16 + 1;
    fail(big::leaving, 1, part / 4, model::Verdict::retry);
    fill_kv(big::failing, unsettled_ + 4'400, part / 10);
    fill_kv(big::leaving, part / 4 + 1, part / 10);
    model::DeployScript deploy;
    deploy.subscription = big::filtered;
    deploy.script.code = std::string(model::script_bytes_max, 'x');
    for (std::size_t at = 0; at < model::script_versions_max; ++at) apply({deploy});
    fill_topic(big::lonely, part);
    for (std::uint64_t sent = 0; sent + batch <= std::min(part, delayed_messages); sent += batch) {
        model::Send send;
        send.queue = big::delayed;
        send.count = batch;
        send.delay_ms = 600'000;
        apply({send}, batch);
        model::Prepare prepare;
        prepare.queue = big::prepared;
        prepare.count = batch;
        apply({prepare}, batch);
    }
}

void BigSet::make_objects() {
    model::InitSet init;
    init.receipt_key = {1, 2};
    apply({init});
    model::QueueAttributes with_rewind = attributes();
    with_rewind.rewind_s = with_rewind.retention_s;
    model::QueueAttributes with_policy = attributes();
    model::DeadLetterPolicy policy;
    policy.queue = big::overage;
    policy.kind = model::DeadLetterPolicy::Kind::time_to_live;
    policy.time_to_live_s = 3'600;
    with_policy.dead_letter = policy;
    model::QueueAttributes transactional = attributes();
    transactional.transaction = model::TransactionPolicy{1, 1};
    apply({queue(big::waiting, with_rewind),
           queue(big::cleared, attributes()),
           queue(big::removed, attributes()),
           queue(big::fed, attributes()),
           queue(big::dead, attributes()),
           queue(big::overage, attributes()),
           queue(big::ageing, with_policy),
           queue(big::leased, attributes()),
           queue(big::delayed, attributes()),
           queue(big::prepared, transactional)});
    for (const model::TopicNo number : {big::topic, big::lonely}) {
        model::CreateTopic command;
        command.topic = number;
        command.name = "topic-" + std::to_string(number.value);
        apply({command});
    }
    model::SubscriptionSpec some = http(big::dead);
    some.filter_tags = {"third"};
    model::SubscriptionSpec into_queue;
    into_queue.sink = model::SinkKind::queue;
    into_queue.endpoint = "queue-4";
    into_queue.queue = big::fed;
    apply({subscription(big::failing, http(big::dead)),
           subscription(big::filtered, some),
           subscription(big::feeding, into_queue),
           subscription(big::leaving, http(big::dead))});
}

Work BigSet::apply(std::vector<model::Command> commands, std::uint32_t bodies) {
    model::Entry entry;
    entry.set = model::first_data_set;
    entry.term = 1;
    entry.index = ++index_;
    entry.time_ms = ++time_ms_;
    for (const model::Command& command : commands) {
        const auto* publish = std::get_if<model::Publish>(&command);
        if (publish && publish->topic == big::topic) topic_end_ += publish->count;
    }
    entry.commands = std::move(commands);
    entry.bodies = make_bodies(bodies);
    rows_.take();
    effects_ = machine_->apply(entry, rows_);
    EXPECT_TRUE(rows_.apply(effects_.batch, index_));
    for (const model::Reply& reply : effects_.replies) {
        const auto* refusal = std::get_if<model::Refusal>(&reply);
        EXPECT_EQ(refusal, nullptr) << refusal->detail;
    }
    return rows_.take();
}

BigSet::Ticks BigSet::tick_until_idle() {
    Ticks ticks;
    do {
        ticks.most.raise_to(apply({model::Tick{}}));
        ++ticks.count;
    } while (effects_.wake_ms && *effects_.wake_ms <= time_ms_ && ticks.count <= messages_);
    return ticks;
}

void BigSet::fill_queue(model::QueueNo number, std::uint64_t count) {
    for (std::uint64_t sent = 0; sent < count; sent += batch) {
        model::Send send;
        send.queue = number;
        send.count = batch;
        apply({send}, batch);
        messages_ += batch;
    }
}

void BigSet::fill_topic(model::TopicNo number, std::uint64_t count) {
    for (std::uint64_t sent = 0; sent < count; sent += batch) {
        model::Publish publish;
        publish.topic = number;
        publish.count = batch;
        apply({publish}, batch);
        messages_ += number == big::topic ? 2 * batch : batch;
    }
}

std::vector<model::Receipt> BigSet::lease(model::QueueNo number, std::uint32_t count) {
    model::Lease command;
    command.queue = number;
    command.messages_max = count;
    apply({command});
    std::vector<model::Receipt> receipts;
    for (const auto& message : std::get<model::Leased>(effects_.replies.at(0)).messages) {
        receipts.push_back(message.receipt);
    }
    EXPECT_EQ(receipts.size(), count);
    return receipts;
}

void BigSet::consume(model::QueueNo number, std::uint64_t count) {
    for (std::uint64_t gone = 0; gone < count; gone += batch) {
        model::DeleteMessages command;
        command.queue = number;
        command.receipts = lease(number, batch);
        apply({command});
    }
}

void BigSet::fail(model::SubscriptionNo number,
                  std::uint64_t first,
                  std::uint64_t count,
                  model::Verdict verdict) {
    for (std::uint64_t at = 0; at < count; at += model::attempts_per_settle_max) {
        model::Settle settle;
        settle.subscription = number;
        settle.items.resize(std::min<std::uint64_t>(model::attempts_per_settle_max, count - at));
        for (std::size_t item = 0; item < settle.items.size(); ++item) {
            settle.items[item].sequence = first + at + item;
            settle.items[item].verdict = verdict;
            settle.items[item].failure = model::Failure::status;
            settle.items[item].status = 500;
        }
        apply({settle});
    }
}

// A hundred rows a message; they live for half an hour.
void BigSet::fill_kv(model::SubscriptionNo number, model::Sequence first, std::uint64_t rows) {
    constexpr std::uint64_t ttl_ms = 1'800'000;
    for (std::uint64_t at = 0; at < rows;) {
        model::Settle settle;
        settle.subscription = number;
        settle.items.resize(1);
        settle.items[0].sequence = first++;
        settle.commits.resize(1);
        for (std::size_t write = 0; write < model::kv_writes_per_message_max; ++write) {
            model::KvWrite put;
            put.key = "key-" + std::to_string(at++);
            put.value = std::string(20, 'v');
            put.ttl_ms = ttl_ms;
            settle.commits[0].writes.push_back(std::move(put));
        }
        apply({settle});
    }
    EXPECT_GE(rows_.count(core::keys::prefix('n', number), core::keys::prefix_end('n', number)),
              rows);
}

}  // namespace penstock::simulation

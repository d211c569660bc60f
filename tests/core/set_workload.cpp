#include "tests/core/set_workload.h"

#include <algorithm>

namespace penstock::testing {

namespace {

constexpr std::uint32_t queues = 5;  // the first two are where letters of the others go
constexpr std::uint32_t first_transactional = 4;

// One that takes letters of others and one that has its own dead-letter queue.
bool keeps_order(model::QueueNo queue) {
    return queue.value == 2 || queue.value == 3 || queue.value == 5;
}

constexpr std::uint32_t topics = 2;
constexpr std::uint32_t subscriptions = 5;
constexpr std::uint32_t first_topic = 10;
constexpr std::uint32_t first_subscription = 20;

model::QueueNo queue_number(std::uint64_t at) {
    return model::QueueNo{static_cast<std::uint32_t>(1 + at)};
}

model::TopicNo topic_number(std::uint64_t at) {
    return model::TopicNo{static_cast<std::uint32_t>(first_topic + at)};
}

}  // namespace

SetWorkload::SetWorkload(std::uint64_t seed, const CoreDriver::Options& options)
    : random_(seed), driver_(CoreDriver::data_set(options)) {
    for (std::uint32_t at = 0; at < queues; ++at) {
        driver_.apply({make_queue(queue_number(at), any_attributes(queue_number(at)))});
    }
    for (std::uint32_t at = 0; at < topics; ++at) {
        driver_.apply({make_topic(topic_number(at), model::FilterKind::tags, 120)});
    }
    for (std::uint32_t at = 0; at < subscriptions; ++at) {
        subscriptions_.push_back(model::SubscriptionNo{first_subscription + at});
        driver_.apply(
            {make_subscription(subscriptions_[at], any_spec(), topic_number(at % topics))});
    }
}

model::QueueNo SetWorkload::any_queue() {
    return queue_number(below(queues));
}

model::TopicNo SetWorkload::any_topic() {
    return topic_number(below(topics));
}

model::SubscriptionNo SetWorkload::any_subscription() {
    return subscriptions_[below(subscriptions)];
}

std::vector<std::string> SetWorkload::any_tags(std::uint64_t most) {
    std::vector<std::string> tags;
    const std::uint64_t count = below(most + 1);
    for (std::uint64_t at = 0; at < count; ++at) {
        tags.push_back(std::string(1, static_cast<char>('a' + below(4))));
    }
    return tags;
}

std::string SetWorkload::any_dedup_key() {
    return chance(6) ? "key-" + std::to_string(below(5)) : "";
}

model::QueueAttributes SetWorkload::any_attributes(model::QueueNo queue) {
    model::QueueAttributes attributes = holding(10 + below(60));
    attributes.visibility_s = static_cast<std::uint32_t>(1 + below(20));
    attributes.retention_s = static_cast<std::uint32_t>(60 + below(240));
    attributes.rewind_s = chance(2) ? static_cast<std::uint32_t>(below(60)) : 0;
    attributes.paused = chance(10);
    attributes.ordered = keeps_order(queue);
    if (queue.value >= first_transactional) {
        attributes.transaction = model::TransactionPolicy{static_cast<std::uint32_t>(1 + below(20)),
                                                          static_cast<std::uint32_t>(1 + below(3))};
    }
    if (queue.value <= 2 || chance(3)) return attributes;
    model::DeadLetterPolicy policy;
    policy.queue = queue_number(below(2));
    if (chance(2)) {
        policy.max_receives = static_cast<std::uint32_t>(1 + below(3));
    } else {
        policy.kind = model::DeadLetterPolicy::Kind::time_to_live;
        policy.time_to_live_s = static_cast<std::uint32_t>(10 + below(40));
    }
    attributes.dead_letter = policy;
    return attributes;
}

model::RetryPolicy SetWorkload::any_retry() {
    if (chance(3)) return model::backoff_retry();
    if (chance(2)) return model::exponential_retry();
    return model::custom_retry({1'000, 3'000});
}

model::SubscriptionSpec SetWorkload::any_spec() {
    model::SubscriptionSpec spec =
        chance(3) ? queue_spec(any_queue())
                  : http_spec(chance(4) ? model::QueueNo{} : queue_number(below(2)), any_retry());
    if (chance(2)) spec.filter_tags = any_tags(2);
    if (chance(8)) spec.state = model::SubscriptionState::paused;
    spec.function.crashes_max = static_cast<std::uint32_t>(1 + below(3));
    spec.pace.order_by_key = chance(2);
    spec.pace.on_exhausted = static_cast<model::OnExhausted>(below(3));
    if (chance(2)) spec.pace.deferral_ms_max = 1'000 + below(9'000);
    return spec;
}

std::uint32_t SetWorkload::add_bodies(Batch& batch, std::uint32_t count) {
    const auto first = static_cast<std::uint32_t>(batch.bodies.size());
    const auto tags = any_tags(2);
    for (std::uint32_t at = 0; at < count; ++at) {
        batch.bodies.push_back(body(static_cast<std::uint32_t>(1 + below(100)), tags));
        if (chance(2)) batch.bodies.back().meta.ordering_key = "key-" + std::to_string(below(3));
    }
    return first;
}

void SetWorkload::add_object_command(Batch& batch) {
    switch (below(9)) {
        case 0: {
            const model::QueueNo queue = any_queue();
            batch.commands.emplace_back(make_queue(queue, any_attributes(queue)));
            return;
        }
        case 1: {
            const model::QueueNo queue = any_queue();
            batch.commands.emplace_back(model::SetQueue{queue, any_attributes(queue)});
            return;
        }
        case 2:
            if (chance(4)) batch.commands.emplace_back(model::ClearQueue{any_queue()});
            return;
        case 3:
            batch.commands.emplace_back(model::RewindQueue{
                any_queue(), driver_.now_ms() - static_cast<model::TimeMs>(below(60'000))});
            return;
        case 4:
            batch.commands.emplace_back(model::SetTopic{
                any_topic(),
                {65'536, model::FilterKind::tags, static_cast<std::uint32_t>(60 + below(120))}});
            return;
        case 5:
            batch.commands.emplace_back(
                make_subscription(any_subscription(), any_spec(), any_topic()));
            if (chance(3))
                std::get<model::Subscribe>(batch.commands.back()).scripts = {any_script()};
            return;
        case 6:
            if (chance(3)) {
                model::SubscriptionNo& leaving = subscriptions_[below(subscriptions)];
                batch.commands.emplace_back(model::Unsubscribe{leaving});
                leaving.value += subscriptions;
            }
            return;
        default:
            batch.commands.emplace_back(model::SetSubscription{any_subscription(), any_spec()});
    }
}

void SetWorkload::add_message_command(Batch& batch) {
    const std::uint64_t delay_ms = chance(5) ? 1 + below(20'000) : 0;
    const auto count = static_cast<std::uint32_t>(1 + below(6));
    switch (below(7)) {
        case 0:
        case 1: {
            model::Send command = make_send(any_queue(), count, delay_ms, any_dedup_key());
            command.first_ordinal = add_bodies(batch, count);
            batch.commands.emplace_back(std::move(command));
            return;
        }
        case 2:
        case 3:
            batch.commands.emplace_back(
                model::Lease{any_queue(), count, static_cast<std::uint32_t>(below(2) * 9'000)});
            return;
        case 4:
        case 5: {
            if (receipts_.empty()) return;
            const std::size_t back = below(std::min<std::size_t>(receipts_.size(), 20));
            const auto& [queue, receipt] = receipts_[receipts_.size() - 1 - back];
            batch.commands.emplace_back(model::DeleteMessages{queue, {receipt}});
            return;
        }
        default: {
            if (receipts_.empty()) return;
            const auto& [queue, receipt] = receipts_.back();
            batch.commands.emplace_back(model::ChangeVisibility{
                queue, receipt, static_cast<std::uint32_t>(below(3) * 5'000)});
        }
    }
}

model::SettleItem SetWorkload::any_outcome(const std::vector<core::ReadyItem>& items,
                                           model::Generation generation) {
    constexpr model::Verdict verdicts[] = {model::Verdict::accepted,
                                           model::Verdict::accepted,
                                           model::Verdict::accepted,
                                           model::Verdict::retry,
                                           model::Verdict::retry,
                                           model::Verdict::rejected,
                                           model::Verdict::discarded,
                                           model::Verdict::not_attempted};
    const bool stale = items.empty() || chance(8);
    const model::Sequence sequence = stale ? below(200) : items[below(items.size())].sequence;
    model::SettleItem item = outcome(sequence, verdicts[below(std::size(verdicts))], generation);
    if (chance(4)) item.failure = model::Failure::crash;
    if (chance(4)) item.failure = model::Failure::key_waits;
    return item;
}

void SetWorkload::add_settle(Batch& batch, model::SubscriptionNo reader) {
    const auto page = core::ready_deliveries(driver_.rows(), reader, 0, 20, 1'000);
    model::Settle command{reader, {}, model::no_ordinal, 0, {}};
    const std::uint64_t items = 1 + below(8);
    for (std::uint64_t at = 0; at < items; ++at) {
        command.items.push_back(any_outcome(page.items, page.generation));
    }
    if (chance(2)) command.attempts_ordinal = add_bodies(batch, 1);
    if (chance(2)) add_commits(batch, command);
    batch.commands.emplace_back(std::move(command));
}

void SetWorkload::add_delivery_command(Batch& batch) {
    const model::SubscriptionNo reader = any_subscription();
    const auto page = core::ready_deliveries(driver_.rows(), reader, 0, 20, 1'000);
    switch (below(7)) {
        case 5: {
            const auto waiting = core::waiting_deliveries(driver_.rows(), reader, 0, 20);
            const model::Sequence sequence =
                waiting.empty() ? below(60) : waiting[below(waiting.size())].sequence;
            batch.commands.emplace_back(model::ReleaseDelivery{reader, sequence, chance(2)});
            return;
        }
        case 0:
        case 1: {
            const auto count = static_cast<std::uint32_t>(1 + below(6));
            model::Publish command =
                make_publish(any_topic(), count, chance(6) ? 1 + below(9'000) : 0, any_dedup_key());
            command.want_receiver = chance(4);
            command.first_ordinal = add_bodies(batch, count);
            batch.commands.emplace_back(std::move(command));
            return;
        }
        case 2:
        case 3:
            return add_settle(batch, reader);
        case 4:
            for (const core::ReadyItem& item : page.items) {
                if (chance(2)) continue;
                batch.commands.emplace_back(
                    model::FeedQueue{reader, item.sequence, item.generation});
            }
            return;
        default: {
            const bool all = chance(2);
            model::Redrive command{queue_number(below(2)), {}};
            for (int at = 0; at < 3 && !all; ++at) command.sequences.push_back(below(60));
            if (chance(2))
                batch.commands.emplace_back(std::move(command));
            else
                batch.commands.emplace_back(model::Quarantine{
                    any_queue(), below(60), model::MessageId{model::first_data_set, 1, 0}});
        }
    }
}

void SetWorkload::add_transaction_command(Batch& batch) {
    const auto count = static_cast<std::uint32_t>(1 + below(4));
    switch (below(4)) {
        case 0: {
            model::Prepare command{any_queue(), 0, count, 0, any_dedup_key()};
            command.first_query_s = static_cast<std::uint32_t>(below(30));
            command.first_ordinal = add_bodies(batch, count);
            batch.commands.emplace_back(std::move(command));
            return;
        }
        case 1:
            batch.commands.emplace_back(model::TakeChecks{any_queue(), count});
            return;
        default: {
            if (prepared_.empty()) return;
            const std::size_t back = below(std::min<std::size_t>(prepared_.size(), 20));
            const auto& [queue, message] = prepared_[prepared_.size() - 1 - back];
            batch.commands.emplace_back(
                model::ConfirmTransactions{queue, {{message, chance(2)}, {message, chance(2)}}});
        }
    }
}

void SetWorkload::add_any(Batch& batch) {
    const std::uint64_t kind = below(13);
    if (kind == 0)
        add_object_command(batch);
    else if (kind == 10)
        add_function_command(batch);
    else if (kind == 11)
        add_job_command(batch);
    else if (kind == 12)
        add_transaction_command(batch);
    else if (kind < 5)
        add_message_command(batch);
    else
        add_delivery_command(batch);
}

void SetWorkload::pass_time() {
    const auto pause_ms = static_cast<model::TimeMs>(below(chance(10) ? 60'000 : 5'000));
    if (chance(5))
        driver_.skip(pause_ms);
    else
        driver_.advance(pause_ms);
}

void SetWorkload::apply(Batch batch) {
    if (batch.commands.empty()) return;
    const auto commands = batch.commands;
    const auto replies = driver_.apply(std::move(batch.commands), std::move(batch.bodies));
    for (std::size_t at = 0; at < replies.size(); ++at) {
        if (const auto* settled = std::get_if<model::Settled>(&replies[at])) {
            moved_ += settled->moved.size();
        }
        const auto* sent = std::get_if<model::Sent>(&replies[at]);
        const auto* prepare = std::get_if<model::Prepare>(&commands[at]);
        for (std::size_t one = 0; sent && prepare && one < sent->ids.size(); ++one) {
            prepared_.emplace_back(prepare->queue, sent->ids[one]);
        }
        const auto* leased = std::get_if<model::Leased>(&replies[at]);
        if (!leased) continue;
        for (const model::LeasedMessage& message : leased->messages) {
            receipts_.emplace_back(std::get<model::Lease>(commands[at]).queue, message.receipt);
        }
    }
}

void SetWorkload::step() {
    if (chance(5)) return pass_time();
    Batch batch;
    const std::uint64_t commands = 1 + below(4);
    for (std::uint64_t at = 0; at < commands; ++at) add_any(batch);
    apply(std::move(batch));
    if (!chance(4)) driver_.run_due();
}

void SetWorkload::remove_everything() {
    for (const model::SubscriptionNo subscription : subscriptions_) {
        driver_.apply({model::Unsubscribe{subscription}});
    }
    for (std::uint32_t at = 0; at < topics; ++at) {
        driver_.done(model::DeleteTopic{topic_number(at)});
    }
    for (std::uint32_t at = queues; at-- > 0;) {
        driver_.apply({model::DeleteQueue{queue_number(at)}});
    }
    driver_.advance(2'000'000'000);
}

}  // namespace penstock::testing

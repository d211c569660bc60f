// Operations on messages: send, publish, receive, delete, change of visibility.
#include "broker/node/operations.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace penstock::node {

namespace {

constexpr std::int64_t us_per_s = 1'000'000;

}  // namespace

void Operations::send(const CallPtr& call, model::Command command, PreparedBodies bodies) {
    const auto done = [this, call](model::Reply reply) {
        if (auto* refusal = std::get_if<model::Refusal>(&reply)) {
            refuse(call, std::move(*refusal));
            return;
        }
        auto& sent = std::get<model::Sent>(reply);
        answer<api::SentMessages>(call, api::SentMessages{std::move(sent.ids), sent.repeated});
    };
    desk_.data.submit(Submission{std::move(command), std::move(bodies), call, done});
}

void Operations::run(const CallPtr& call, api::SendMessages request, PreparedBodies bodies) {
    if (auto refused = check_space()) return refuse(call, std::move(*refused));
    const std::uint32_t most = desk_.options.message_bytes_max;
    if (auto refused = check_batch(bodies.infos, request.delay_s, request.dedup_key, most)) {
        return refuse(call, std::move(*refused));
    }
    if (auto refused = check_transaction(request)) return refuse(call, std::move(*refused));
    auto queue = desk_.names.queue(request.queue);
    if (!queue) return refuse(call, queue.error());
    desk_.rates.meet(*queue);
    if (request.transaction) {
        const auto count = static_cast<std::uint32_t>(bodies.bytes.size());
        model::Prepare prepare{
            queue->number, 0, count, request.first_query_s, std::move(request.dedup_key)};
        return send(call, std::move(prepare), std::move(bodies));
    }
    model::Send command;
    command.queue = queue->number;
    command.count = static_cast<std::uint32_t>(bodies.bytes.size());
    command.delay_ms = std::uint64_t{request.delay_s} * 1'000;
    command.dedup_key = std::move(request.dedup_key);
    send(call, std::move(command), std::move(bodies));
}

void Operations::run(const CallPtr& call, api::PublishMessages request, PreparedBodies bodies) {
    if (auto refused = check_space()) return refuse(call, std::move(*refused));
    const std::uint32_t most = desk_.options.message_bytes_max;
    if (auto refused = check_batch(bodies.infos, request.delay_s, request.dedup_key, most)) {
        return refuse(call, std::move(*refused));
    }
    auto topic = desk_.names.topic(request.topic);
    if (!topic) return refuse(call, topic.error());
    desk_.rates.meet(*topic);
    if (auto refused = check_publish(topic->number, bodies.infos)) {
        return refuse(call, std::move(*refused));
    }
    model::Publish command;
    command.topic = topic->number;
    command.count = static_cast<std::uint32_t>(bodies.bytes.size());
    command.delay_ms = std::uint64_t{request.delay_s} * 1'000;
    command.dedup_key = std::move(request.dedup_key);
    command.want_receiver = request.want_receiver;
    send(call, std::move(command), std::move(bodies));
}

void Operations::run(const CallPtr& call, api::ConfirmTransactions request) {
    if (auto refused = check_confirm(request)) return refuse(call, std::move(*refused));
    auto queue = desk_.names.queue(request.queue);
    if (!queue) return refuse(call, queue.error());
    const auto done = [this, call](model::Reply reply) {
        if (auto* refusal = std::get_if<model::Refusal>(&reply)) {
            refuse(call, std::move(*refusal));
            return;
        }
        auto& confirmed = std::get<model::Confirmed>(reply);
        answer<api::ConfirmedTransactions>(
            call, api::ConfirmedTransactions{std::move(confirmed.results)});
    };
    model::ConfirmTransactions command{queue->number, std::move(request.items)};
    desk_.data.submit(Submission{std::move(command), {}, call, done});
}

void Operations::run(const CallPtr& call, const api::TakeChecks& request) {
    if (auto refused = check_take(request)) return refuse(call, std::move(*refused));
    auto queue = desk_.names.queue(request.queue);
    if (!queue) return refuse(call, queue.error());
    desk_.rates.meet(*queue);
    Receive take;
    take.call = call;
    take.queue = queue->number;
    take.messages_max = request.max;
    take.until_us = desk_.clock.steady_us() + std::int64_t{request.wait_s} * us_per_s;
    desk_.checking.start(std::move(take));
}

void Operations::run(const CallPtr& call, const api::ReceiveMessages& request) {
    if (auto refused = check_receive(request)) return refuse(call, std::move(*refused));
    auto queue = desk_.names.queue(request.queue);
    if (!queue) return refuse(call, queue.error());
    desk_.rates.meet(*queue);
    std::uint32_t wait_s = request.wait_s.value_or(0);
    std::uint32_t messages_max = request.messages_max;
    const bool large = desk_.options.message_bytes_max > model::message_bytes_usual_most;
    if (!request.wait_s || large) {
        const auto info = core::queue_info(desk_.data.rows(), queue->number);
        if (info && !request.wait_s) wait_s = info->attributes.polling_wait_s;
        if (info) {
            messages_max = std::min(messages_max,
                                    bodies_at_a_time(std::uint32_t{batch_messages_max},
                                                     info->attributes.message_bytes_max));
        }
    }
    Receive receive;
    receive.call = call;
    receive.queue = queue->number;
    receive.messages_max = messages_max;
    receive.visibility_ms = request.visibility_s * 1'000;
    receive.until_us = desk_.clock.steady_us() + std::int64_t{wait_s} * us_per_s;
    desk_.receiving.start(std::move(receive));
}

void Operations::run(const CallPtr& call, api::DeleteMessages request) {
    if (request.receipts.empty() || request.receipts.size() > batch_messages_max) {
        return refuse(call, out_of_range("receipts", 1, batch_messages_max));
    }
    auto queue = desk_.names.queue(request.queue);
    if (!queue) return refuse(call, queue.error());
    const auto done = [this, call](model::Reply reply) {
        if (auto* refusal = std::get_if<model::Refusal>(&reply)) {
            refuse(call, std::move(*refusal));
            return;
        }
        auto& deleted = std::get<model::Deleted>(reply);
        answer<api::DeletedMessages>(call, api::DeletedMessages{std::move(deleted.removed)});
    };
    model::DeleteMessages command{queue->number, std::move(request.receipts)};
    desk_.data.submit(Submission{std::move(command), {}, call, done});
}

void Operations::run(const CallPtr& call, const api::ChangeVisibility& request) {
    constexpr std::uint32_t visibility_s_max = 43'200;
    if (request.visibility_s > visibility_s_max) {
        return refuse(call, out_of_range("visibility_s", 0, visibility_s_max, "seconds"));
    }
    auto queue = desk_.names.queue(request.queue);
    if (!queue) return refuse(call, queue.error());
    model::ChangeVisibility command;
    command.queue = queue->number;
    command.receipt = request.receipt;
    command.visibility_ms = request.visibility_s * 1'000;
    submit(call, command, [this, call] { answer<api::Nothing>(call, api::Nothing{}); });
}

}  // namespace penstock::node

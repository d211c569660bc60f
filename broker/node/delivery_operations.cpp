// Operations on the track: attempts of deliveries, what waits for a retry, where a message is.
//
// A page's cursor names an attempt: entry index (42 bits) | body ordinal (9) | attempts of that
// body already shown (10).
#include "broker/model/attempt.h"
#include "broker/node/attempt_view.h"
#include "broker/node/operations.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace penstock::node {

namespace {

constexpr std::uint32_t page_limit_max = 1'000;
constexpr std::uint32_t track_rows_max = 200;      // bodies of attempts read for one page
constexpr std::uint32_t message_rows_max = 1'000;  // and for one message's track
constexpr unsigned shown_bits = 10;

enum class Wanted : std::uint8_t { all, ok, failed, retry };

std::optional<Wanted> parse_status(std::string_view status) {
    if (status.empty()) return Wanted::all;
    if (status == "ok") return Wanted::ok;
    if (status == "failed") return Wanted::failed;
    if (status == "retry") return Wanted::retry;
    return {};
}

struct TrackedRow {
    core::TrackRow row;
    std::string topic;
    std::string subscription;
};

// Rows of one subscription from the cursor on, newest first.
void collect(const model::Rows& rows,
             model::SubscriptionNo subscription,
             std::uint64_t before,
             std::vector<TrackedRow>& found) {
    const auto info = core::subscription_info(rows, subscription);
    if (!info) return;
    // One more than the cursor's own row, whose rest is still to be shown.
    const model::MessageId newest(before == 0 ? 0 : (before >> shown_bits) + 1);
    for (core::TrackRow& row : core::track_rows(rows, subscription, newest, 0, track_rows_max)) {
        found.push_back({std::move(row), info->topic_name, info->name});
    }
}

api::DeliveryPage page_of(const std::vector<TrackedRow>& rows,
                          const std::vector<FetchedBody>& bodies,
                          const api::ListDeliveries& request,
                          Wanted wanted) {
    api::DeliveryPage page;
    for (std::size_t at = 0; at < rows.size(); ++at) {
        std::vector<model::Attempt> attempts = attempts_of(bodies[at], rows[at].row);
        std::reverse(attempts.begin(), attempts.end());
        const std::uint64_t id = rows[at].row.attempts.value;
        const bool resumed = request.before != 0 && request.before >> shown_bits == id;
        std::uint64_t shown = resumed ? request.before & ((1U << shown_bits) - 1) : 0;
        for (; shown < attempts.size(); ++shown) {
            if (page.items.size() == request.limit) {
                page.next = id << shown_bits | shown;
                return page;
            }
            const bool ok = model::ends_well(attempts[shown].verdict);
            if (wanted == Wanted::ok && !ok) continue;
            if (wanted == Wanted::failed && ok) continue;
            page.items.push_back(view_of(attempts[shown], rows[at].topic, rows[at].subscription));
        }
    }
    // All that was read is shown; older rows may follow.
    if (rows.size() >= track_rows_max) {
        page.next = rows.back().row.attempts.value << shown_bits | ((1U << shown_bits) - 1);
    }
    return page;
}

api::DeliveryPage waiting_page(const model::Rows& rows,
                               const std::vector<model::SubscriptionNo>& subscriptions,
                               const api::ListDeliveries& request) {
    api::DeliveryPage page;
    for (const model::SubscriptionNo subscription : subscriptions) {
        const auto info = core::subscription_info(rows, subscription);
        if (!info || page.items.size() >= request.limit) continue;
        const auto left = static_cast<std::uint32_t>(request.limit - page.items.size());
        for (const core::WaitingDelivery& waiting :
             core::waiting_deliveries(rows, subscription, request.before, left)) {
            api::DeliveryView view;
            view.topic = info->topic_name;
            view.subscription = info->name;
            view.id = waiting.message;
            view.status = "retry";
            view.attempt = waiting.attempts;
            view.due_ms = waiting.due_ms;
            view.http_status = waiting.status;
            view.reason = model::to_text(waiting.failure);
            page.items.push_back(std::move(view));
            if (page.items.size() == request.limit && subscriptions.size() == 1) {
                page.next = waiting.sequence + 1;
            }
        }
    }
    return page;
}

}  // namespace

void Operations::run(const CallPtr& call, const api::ListDeliveries& request) {
    const auto wanted = parse_status(request.status);
    if (!wanted) {
        return refuse(call,
                      {model::Reason::invalid_parameter, "status", "allowed: ok, failed, retry"});
    }
    if (request.limit == 0 || request.limit > page_limit_max) {
        return refuse(call, out_of_range("limit", 1, page_limit_max));
    }
    const model::Rows& rows = desk_.data.rows();
    std::vector<model::SubscriptionNo> subscriptions;
    if (request.subscription.empty()) {
        subscriptions = core::all_subscriptions(rows);
    } else {
        const auto parts = split_subscription(request.subscription);
        auto found = parts ? desk_.names.subscription(parts->topic, parts->name)
                           : desk_.names.subscription(request.subscription, {});
        if (!found) return refuse(call, found.error());
        subscriptions.push_back(found->number);
    }
    if (*wanted == Wanted::retry) {
        return answer<api::DeliveryPage>(call, waiting_page(rows, subscriptions, request));
    }
    std::vector<TrackedRow> tracked;
    for (const model::SubscriptionNo subscription : subscriptions) {
        collect(rows, subscription, request.before, tracked);
    }
    std::sort(tracked.begin(), tracked.end(), [](const auto& left, const auto& right) {
        return left.row.attempts > right.row.attempts;
    });
    if (tracked.size() > track_rows_max) tracked.resize(track_rows_max);
    std::vector<model::MessageId> ids;
    for (const TrackedRow& row : tracked) ids.push_back(row.row.attempts);
    auto fetched = [call, request, wanted = *wanted, tracked = std::move(tracked)](
                       const std::vector<FetchedBody>& bodies) {
        api::DeliveryPage page = page_of(tracked, bodies, request, wanted);
        if (!call->claim()) return;
        call->answer(std::any(Outcome<api::DeliveryPage>(std::move(page))));
    };
    desk_.bodies.fetch(ids, call->executor(), std::move(fetched));
}

}  // namespace penstock::node

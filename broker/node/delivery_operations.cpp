// Operations on the track: attempts of deliveries, what waits for a retry, where a message is.
//
// A page's cursor names an attempt: entry index (42 bits) | body ordinal (9) | attempts of that
// body already shown (10).
#include "broker/model/account_name.h"
#include "broker/model/attempt.h"
#include "broker/node/attempt_view.h"
#include "broker/node/operations.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace penstock::node {

namespace {

constexpr std::uint32_t page_limit_max = 1'000;
constexpr std::uint32_t track_rows_max = 200;             // bodies of attempts read for one page
constexpr std::uint32_t message_rows_max = 1'000;         // and for one message's track
constexpr std::uint32_t waiting_looked_at_max = 100'000;  // of one subscription: all it can have
constexpr unsigned shown_bits = 10;

enum class Wanted : std::uint8_t { all, ok, failed, retry, parked };

std::optional<Wanted> parse_status(std::string_view status) {
    if (status.empty()) return Wanted::all;
    if (status == "ok") return Wanted::ok;
    if (status == "failed") return Wanted::failed;
    if (status == "retry") return Wanted::retry;
    if (status == "parked") return Wanted::parked;
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

// What keeps a delivery that may be tried from being tried.
std::string why_ready(const model::SubscriptionSpec& spec, const model::PushHealth& health) {
    if (spec.state != model::SubscriptionState::active) return "subscription_not_active";
    if (health.hold != model::Hold::none) return std::string(model::to_text(health.hold));
    return spec.pace.rate_per_s > 0 ? "rate" : "its_turn";
}

api::DeliveryView view_of(const core::WaitingDelivery& waiting,
                          const core::SubscriptionInfo& info,
                          const model::PushHealth& health) {
    api::DeliveryView view;
    view.topic = info.topic_name;
    view.subscription = info.name;
    view.id = waiting.message;
    view.status = waiting.parked ? "parked" : "retry";
    view.attempt = waiting.attempts;
    view.due_ms = waiting.parked ? 0 : waiting.due_ms;
    view.why = waiting.why == "ready" ? why_ready(info.spec, health) : waiting.why;
    view.http_status = waiting.status;
    view.reason = model::to_text(waiting.failure);
    return view;
}

// `request.status`: retry is all that waits, parked only what waits for somebody.
api::DeliveryPage waiting_page(const model::Rows& rows,
                               const Handout& handout,
                               const std::vector<model::SubscriptionNo>& subscriptions,
                               const api::ListDeliveries& request) {
    api::DeliveryPage page;
    const bool parked_only = request.status == "parked";
    for (const model::SubscriptionNo subscription : subscriptions) {
        const auto info = core::subscription_info(rows, subscription);
        if (!info || page.items.size() >= request.limit) continue;
        const model::PushHealth health = handout.health(subscription);
        const auto left = static_cast<std::uint32_t>(request.limit - page.items.size());
        // Parked ones may lie behind many others.
        const std::uint32_t looked_at = parked_only ? waiting_looked_at_max : left;
        for (const core::WaitingDelivery& waiting :
             core::waiting_deliveries(rows, subscription, request.before, looked_at)) {
            if (parked_only && !waiting.parked) continue;
            page.items.push_back(view_of(waiting, *info, health));
            if (page.items.size() < request.limit) continue;
            if (subscriptions.size() == 1) page.next = waiting.sequence + 1;
            break;
        }
    }
    return page;
}

std::vector<model::SubscriptionNo> subscriptions_of(const model::Rows& rows,
                                                    const api::OfAccount& account) {
    std::vector<model::SubscriptionNo> all = core::all_subscriptions(rows);
    if (!account) return all;
    std::erase_if(all, [&](model::SubscriptionNo subscription) {
        const auto info = core::subscription_info(rows, subscription);
        return !info || model::account_of(info->topic_name) != *account;
    });
    return all;
}

}  // namespace

void Operations::run(const CallPtr& call, const api::ListDeliveries& request) {
    const auto wanted = parse_status(request.status);
    if (!wanted) {
        return refuse(
            call,
            {model::Reason::invalid_parameter, "status", "allowed: ok, failed, retry, parked"});
    }
    if (request.limit == 0 || request.limit > page_limit_max) {
        return refuse(call, out_of_range("limit", 1, page_limit_max));
    }
    const model::Rows& rows = desk_.data.rows();
    std::vector<model::SubscriptionNo> subscriptions;
    if (request.subscription.empty()) {
        subscriptions = subscriptions_of(rows, request.account);
    } else {
        const auto parts = split_subscription(request.subscription);
        auto found = parts ? desk_.names.subscription(parts->topic, parts->name)
                           : desk_.names.subscription(request.subscription, {});
        if (!found) return refuse(call, found.error());
        subscriptions.push_back(found->number);
    }
    if (*wanted == Wanted::retry || *wanted == Wanted::parked) {
        return answer<api::DeliveryPage>(call,
                                         waiting_page(rows, desk_.handout, subscriptions, request));
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
    desk_.bodies.fetch(ids, call->executor(), std::move(fetched), BodyForm::stored);
}

void Operations::run(const CallPtr& call, const api::ReleaseDelivery& request) {
    const auto parts = split_subscription(request.subscription);
    auto found = parts ? desk_.names.subscription(parts->topic, parts->name)
                       : desk_.names.subscription(request.subscription, {});
    if (!found) return refuse(call, found.error());
    const auto sequence = core::find_waiting(desk_.data.rows(), found->number, request.message);
    if (!sequence) {
        return refuse(call,
                      {model::Reason::message_not_found,
                       model::to_text(request.message),
                       "it does not wait for this subscription"});
    }
    model::ReleaseDelivery command{found->number, *sequence, request.drop};
    submit(call, command, [this, call] { answer<api::Nothing>(call, api::Nothing{}); });
}

}  // namespace penstock::node

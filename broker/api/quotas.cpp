#include "broker/api/quotas.h"

#include "broker/base/hash.h"
#include "broker/base/log.h"
#include "broker/model/account_name.h"

#include <algorithm>
#include <numeric>
#include <type_traits>
#include <utility>
#include <variant>

namespace penstock::api {

namespace {

constexpr std::int64_t quiet_us = 60'000'000;

// One second's worth at once.
TokenBucket bucket_of(double per_second) {
    return {per_second, std::max(1.0, per_second)};
}

// Of an object, which may be const.
template <class Object>
auto& bucket_of(Object& object, Use use) {
    if (use == Use::produce) return object.produce;
    return use == Use::consume ? object.consume : object.settle;
}

std::uint64_t bytes_of(const std::vector<model::NewMessage>& messages) {
    std::uint64_t bytes = 0;
    for (const model::NewMessage& message : messages) bytes += message.payload.size();
    return bytes;
}

bool full_of(const std::optional<TokenBucket>& bucket, std::int64_t now_us) {
    return bucket && !bucket->has_one(now_us);
}

model::Refusal too_many(std::string_view subject, std::uint64_t limit, std::string_view of_what) {
    return {model::Reason::throttled,
            std::string(subject),
            "more than the quota of " + std::to_string(limit) + " " + std::string(of_what) +
                " a second"};
}

std::string name_of(const Charge& charge) {
    return rated_name(charge.topic, charge.object);
}

double share_of(Use use) {
    if (use == Use::consume) return consume_share;
    return use == Use::settle ? settle_share : 1;
}

// Without a bucket it is full.
Standing standing_of(Quota quota,
                     double per_second,
                     const TokenBucket* bucket,
                     std::int64_t now_us) {
    constexpr std::int64_t us_per_s = 1'000'000;
    Standing standing;
    standing.quota = quota;
    standing.most = static_cast<std::uint64_t>(std::max(1.0, per_second));
    standing.left = standing.most;
    if (bucket == nullptr) return standing;
    standing.left = static_cast<std::uint64_t>(bucket->left(now_us));
    const std::int64_t full_after_us = bucket->full_after_us(now_us);
    standing.full_after_s = static_cast<std::uint64_t>((full_after_us + us_per_s - 1) / us_per_s);
    return standing;
}

struct ChargeOf {
    Charge operator()(const SendMessages& request) const {
        return {Use::produce,
                false,
                request.queue,
                request.messages.size(),
                bytes_of(request.messages)};
    }

    Charge operator()(const PublishMessages& request) const {
        return {
            Use::produce, true, request.topic, request.messages.size(), bytes_of(request.messages)};
    }

    Charge operator()(const ReceiveMessages& request) const {
        return {Use::consume, false, request.queue};
    }

    Charge operator()(const TakeChecks& request) const {
        return {Use::consume, false, request.queue};
    }

    Charge operator()(const DeleteMessages& request) const {
        return {Use::settle, false, request.queue, request.receipts.size()};
    }

    Charge operator()(const ChangeVisibility& request) const {
        return {Use::settle, false, request.queue};
    }

    Charge operator()(const ConfirmTransactions& request) const {
        return {Use::settle, false, request.queue, request.items.size()};
    }

    // Everything else is no message's.
    template <class R>
    Charge operator()(const R&) const {
        return {};
    }
};

}  // namespace

Charge charge_of(const Request& request) {
    Charge charge = std::visit(ChargeOf{}, request);
    charge.account = model::account_of(charge.object);
    return charge;
}

void RequestMeter::count(std::int64_t now_us) {
    const std::int64_t window = now_us / window_us;
    if (window != window_) {
        before_ = window == window_ + 1 ? now_ : 0;
        now_ = 0;
        window_ = window;
    }
    ++now_;
    ++total_;
}

Requests RequestMeter::requests(std::int64_t now_us) const {
    constexpr double us_per_s = 1e6;
    const std::int64_t since = now_us / window_us - window_;
    const std::uint64_t now = since == 0 ? now_ : 0;
    const std::uint64_t before = since == 0 ? before_ : since == 1 ? now_ : 0;
    // Of the window before so much as is not 10 s ago yet.
    const double share = 1 - static_cast<double>(now_us % window_us) / window_us;
    const double lately = static_cast<double>(now) + static_cast<double>(before) * share;
    return {total_, lately / (window_us / us_per_s)};
}

Quotas::Object::Object(std::uint64_t messages_per_s)
    : rate(messages_per_s),
      produce(bucket_of(static_cast<double>(rate))),
      consume(bucket_of(static_cast<double>(rate) * share_of(Use::consume))),
      settle(bucket_of(static_cast<double>(rate) * share_of(Use::settle))) {}

bool Quotas::Object::at_rest(std::int64_t now_us) const {
    return produce.full(now_us) && consume.full(now_us) && settle.full(now_us) &&
           complaints.quiet_until_us <= now_us;
}

void Quotas::Tenant::follow(const AccountLimits& now) {
    if (limits == now) return;
    const auto begin = [](std::optional<TokenBucket>& bucket, std::uint64_t per_second) {
        bucket.reset();
        if (per_second > 0) bucket.emplace(bucket_of(static_cast<double>(per_second)));
    };
    if (limits.requests_per_second != now.requests_per_second) {
        begin(requests, now.requests_per_second);
    }
    if (limits.bytes_per_second != now.bytes_per_second) begin(bytes, now.bytes_per_second);
    limits = now;
}

std::uint64_t Quotas::rate_of(const Charge& charge, const AccountLimits& limits) const {
    const std::uint64_t own = rates_ == nullptr ? 0 : rates_->of(charge.topic, charge.object);
    return lower_rate(own, limits.object_requests_per_second);
}

AccountLimits Quotas::limits_of(std::string_view account) const {
    if (account.empty()) return own_;
    const auto known = book_.account(account);
    return known ? known->limits : no_limits;
}

Quotas::Shard& Quotas::shard_of(std::string_view account) {
    return shards_.at(hash64(account) % shards);
}

const Quotas::Shard& Quotas::shard_of(std::string_view account) const {
    return shards_.at(hash64(account) % shards);
}

const Quotas::Tenant* Quotas::look(const Shard& shard,
                                   std::string_view account,
                                   const AccountLimits& limits) {
    const auto found = shard.tenants.find(account);
    const bool counted = found != shard.tenants.end() && found->second.limits == limits;
    return counted ? &found->second : nullptr;
}

std::vector<Standing> Quotas::standings(std::string_view caller, const Charge& charge) const {
    std::vector<Standing> all;
    const std::int64_t now_us = clock_.steady_us();
    const AccountLimits own = limits_of(caller);
    if (own.requests_per_second > 0) {
        const Shard& shard = shard_of(caller);
        const std::lock_guard lock(shard.mutex);
        const Tenant* tenant = look(shard, caller, own);
        const TokenBucket* bucket =
            tenant != nullptr && tenant->requests ? &*tenant->requests : nullptr;
        all.push_back(standing_of(
            Quota::requests, static_cast<double>(own.requests_per_second), bucket, now_us));
    }
    if (charge.use == Use::control) return all;
    const AccountLimits limits = limits_of(charge.account);
    const std::uint64_t rate = rate_of(charge, limits);
    const bool carries = charge.use == Use::produce || charge.use == Use::consume;
    if (rate == 0 && (limits.bytes_per_second == 0 || !carries)) return all;
    const Shard& shard = shard_of(charge.account);
    const std::lock_guard lock(shard.mutex);
    const Tenant* tenant = look(shard, charge.account, limits);
    if (rate > 0) {
        const TokenBucket* bucket = nullptr;
        if (tenant != nullptr) {
            const Objects& objects = tenant->objects.at(charge.topic ? 1 : 0);
            const auto found = objects.find(name_of(charge));
            const bool counted = found != objects.end() && found->second.rate == rate;
            if (counted) bucket = &bucket_of(found->second, charge.use);
        }
        const double share = static_cast<double>(rate) * share_of(charge.use);
        all.push_back(standing_of(Quota::messages, share, bucket, now_us));
    }
    if (limits.bytes_per_second > 0 && carries) {
        const TokenBucket* bucket = tenant != nullptr && tenant->bytes ? &*tenant->bytes : nullptr;
        all.push_back(standing_of(
            Quota::bytes, static_cast<double>(limits.bytes_per_second), bucket, now_us));
    }
    return all;
}

Quotas::Tenant& Quotas::find(Shard& shard, std::string_view account, const AccountLimits& limits) {
    auto found = shard.tenants.find(account);
    if (found == shard.tenants.end()) {
        found = shard.tenants.try_emplace(std::string(account)).first;
    }
    found->second.follow(limits);
    return found->second;
}

// Names that are asked for without being there are at rest a moment later.
Quotas::Object& Quotas::find(Tenant& tenant,
                             const Charge& charge,
                             std::uint64_t rate,
                             std::int64_t now_us) {
    Objects& objects = tenant.objects.at(charge.topic ? 1 : 0);
    std::string name = name_of(charge);
    const auto found = objects.find(name);
    if (found != objects.end()) {
        if (found->second.rate != rate) found->second = Object(rate);
        return found->second;
    }
    if (objects.size() >= objects_max) {
        std::erase_if(objects, [&](const auto& one) { return one.second.at_rest(now_us); });
    }
    if (objects.size() >= objects_max) objects.clear();
    return objects.try_emplace(std::move(name), rate).first->second;
}

std::optional<model::Refusal> Quotas::admit(const Principal& principal, const Request& request) {
    const Charge charge = charge_of(request);
    if (auto why = charge_caller(principal, charge)) return why;
    return charge_object(charge);
}

std::optional<model::Refusal> Quotas::admit_forwarded(const Request& request) {
    return charge_object(charge_of(request));
}

std::optional<model::Refusal> Quotas::charge_caller(const Principal& principal,
                                                    const Charge& charge) {
    const AccountLimits limits = limits_of(principal.account);
    if (principal.account.empty() && limits.requests_per_second == 0) return std::nullopt;
    const std::int64_t now_us = clock_.steady_us();
    Shard& shard = shard_of(principal.account);
    const std::lock_guard lock(shard.mutex);
    Tenant& tenant = find(shard, principal.account, limits);
    tenant.meter.count(now_us);
    if (!tenant.requests) return std::nullopt;
    if (!full_of(tenant.requests, now_us)) {
        tenant.requests->take(1, now_us);
        return std::nullopt;
    }
    ++tenant.refused[static_cast<std::size_t>(Quota::requests)];
    tell(tenant.complaints, principal.account, Quota::requests, {}, now_us);
    auto why = too_many(charge.object, limits.requests_per_second, "requests of the account");
    if (charge.use == Use::control) why.reason = model::Reason::control_throttled;
    return why;
}

std::optional<model::Refusal> Quotas::charge_object(const Charge& charge) {
    if (charge.use == Use::control) return std::nullopt;
    const AccountLimits limits = limits_of(charge.account);
    const std::uint64_t rate = rate_of(charge, limits);
    if (rate == 0 && limits.bytes_per_second == 0) return std::nullopt;
    const std::int64_t now_us = clock_.steady_us();
    Shard& shard = shard_of(charge.account);
    const std::lock_guard lock(shard.mutex);
    Tenant& tenant = find(shard, charge.account, limits);
    const bool carries = charge.use == Use::produce || charge.use == Use::consume;
    if (carries && full_of(tenant.bytes, now_us)) {
        ++tenant.refused[static_cast<std::size_t>(Quota::bytes)];
        tell(tenant.complaints, charge.account, Quota::bytes, {}, now_us);
        return too_many(charge.object, limits.bytes_per_second, "bytes of the account");
    }
    if (rate > 0) {
        Object& object = find(tenant, charge, rate, now_us);
        TokenBucket& bucket = bucket_of(object, charge.use);
        if (!bucket.has_one(now_us)) {
            ++tenant.refused[static_cast<std::size_t>(Quota::messages)];
            tell(object.complaints, charge.account, Quota::messages, charge.object, now_us);
            return too_many(charge.object, rate, "messages");
        }
        bucket.take(static_cast<double>(charge.messages), now_us);
    }
    if (tenant.bytes) tenant.bytes->take(static_cast<double>(charge.bytes), now_us);
    return std::nullopt;
}

Broker::Answer Quotas::counting(const Request& request, Broker::Answer answer) {
    const auto* receive = std::get_if<ReceiveMessages>(&request);
    if (receive == nullptr) return answer;
    const AccountLimits limits = limits_of(model::account_of(receive->queue));
    const std::uint64_t rate = rate_of({Use::consume, false, receive->queue}, limits);
    if (rate == 0 && limits.bytes_per_second == 0) return answer;
    return [this, queue = receive->queue, answer = std::move(answer)](std::any outcome) {
        const auto* came = std::any_cast<Outcome<ReceivedMessages>>(&outcome);
        if (came != nullptr && *came) received(queue, **came);
        answer(std::move(outcome));
    };
}

void Quotas::received(std::string_view queue, const ReceivedMessages& messages) {
    std::uint64_t bytes = 0;
    for (const ReceivedMessage& message : messages.messages) bytes += message.payload.size();
    Charge charge{Use::consume, false, queue};
    charge.account = model::account_of(queue);
    const AccountLimits limits = limits_of(charge.account);
    const std::int64_t now_us = clock_.steady_us();
    Shard& shard = shard_of(charge.account);
    const std::lock_guard lock(shard.mutex);
    Tenant& tenant = find(shard, charge.account, limits);
    if (tenant.bytes) tenant.bytes->take(static_cast<double>(bytes), now_us);
    const std::uint64_t rate = rate_of(charge, limits);
    if (rate == 0 || messages.messages.size() < 2) return;
    const auto rest = static_cast<double>(messages.messages.size() - 1);
    find(tenant, charge, rate, now_us).consume.take(rest, now_us);
}

void Quotas::refused(std::string_view account, Quota quota, std::string_view object) {
    const AccountLimits limits = limits_of(account);
    const std::int64_t now_us = clock_.steady_us();
    Shard& shard = shard_of(account);
    const std::lock_guard lock(shard.mutex);
    Tenant& tenant = find(shard, account, limits);
    ++tenant.refused[static_cast<std::size_t>(quota)];
    tell(tenant.complaints, account, quota, object, now_us);
}

// Under the account's lock: once a minute.
void Quotas::tell(Complaints& complaints,
                  std::string_view account,
                  Quota quota,
                  std::string_view object,
                  std::int64_t now_us) {
    ++complaints.untold;
    if (now_us < complaints.quiet_until_us) return;
    {
        const std::lock_guard lock(lines_mutex_);
        if (!lines_.has_one(now_us)) return;
        lines_.take(1, now_us);
    }
    complaints.quiet_until_us = now_us + quiet_us;
    std::string line = "event=throttled account=\"" + std::string(account) +
                       "\" quota=" + std::string(quota_names[static_cast<std::size_t>(quota)]);
    if (!object.empty()) line += " object=\"" + std::string(object) + "\"";
    line += " refused=" + std::to_string(std::exchange(complaints.untold, 0));
    log_line(LogLevel::warn, "api", line);
}

std::uint64_t Quotas::refusals_of(std::string_view account) const {
    const Shard& shard = shard_of(account);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.tenants.find(account);
    if (found == shard.tenants.end()) return 0;
    const auto& refused = found->second.refused;
    return std::accumulate(refused.begin(), refused.end(), std::uint64_t{0});
}

Requests Quotas::requests_of(std::string_view account) const {
    const Shard& shard = shard_of(account);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.tenants.find(account);
    if (found == shard.tenants.end()) return {};
    return found->second.meter.requests(clock_.steady_us());
}

void Quotas::measure(model::Metrics& metrics) const {
    using Refused = std::array<std::uint64_t, quota_names.size()>;
    std::map<std::string, Refused> all;
    for (const Shard& shard : shards_) {
        const std::lock_guard lock(shard.mutex);
        for (const auto& [name, tenant] : shard.tenants) all[name] = tenant.refused;
    }
    Refused others{};
    std::size_t told = 0;
    const auto tell_of = [&](const std::string& account, const Refused& refused) {
        for (std::size_t at = 0; at < refused.size(); ++at) {
            if (refused.at(at) == 0) continue;
            metrics.counter("penstock_quota_refused",
                            "Requests that were refused because an account's quota was used up.",
                            refused.at(at),
                            {{"account", account}, {"quota", std::string(quota_names.at(at))}});
        }
    };
    for (const auto& [name, refused] : all) {
        if (++told <= model::labelled_objects_max) {
            tell_of(name, refused);
            continue;
        }
        for (std::size_t at = 0; at < refused.size(); ++at) others.at(at) += refused.at(at);
    }
    tell_of("*", others);
}

}  // namespace penstock::api

#include "dispatcher/scheduler.h"

#include "broker/base/check.h"
#include "dispatcher/settle_items.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace penstock::dispatcher {
namespace {

// Deficit round robin by bytes (Shreedhar and Varghese, 1995). No delivery costs more than a
// quantum, so every visit starts at least one.
constexpr std::size_t quantum_bytes = 64 * 1024;
constexpr std::size_t attempt_cost_bytes = 1024;

std::int64_t cost_of(const api::Delivery& delivery) {
    return static_cast<std::int64_t>(
        std::min(quantum_bytes, attempt_cost_bytes + delivery.payload.size()));
}

// Host and port of a URL, as written but for letters' case.
std::string host_of(std::string_view url) {
    const std::size_t scheme = url.find("//");
    if (scheme != std::string_view::npos) url.remove_prefix(scheme + 2);
    url = url.substr(0, url.find_first_of("/?#"));
    std::string host(url.substr(url.rfind('@') + 1));
    for (char& letter : host) {
        if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    }
    return host;
}

}  // namespace

std::shared_ptr<const api::Target> Scheduler::set_target(api::Target target, std::int64_t now_us) {
    now_us_ = now_us;
    const model::SubscriptionNo subscription = target.subscription;
    const auto [entry, added] = lanes_.try_emplace(subscription, limits_.outcomes);
    Lane& lane = entry->second;
    if (added) lane.number = ++last_lane_;
    const bool was_by_key = !added && lane.by_key();
    auto before =
        std::exchange(lane.target, std::make_shared<const api::Target>(std::move(target)));
    // How far it grew says nothing of another concurrency; where order is kept it does not grow.
    const std::uint32_t at_a_time = lane.target->spec.concurrency;
    const bool grew_so = before && before->spec.concurrency == at_a_time;
    if (!grew_so || lane.keeps_order()) lane.prefetch = at_a_time;
    lane.disable_again_us = 0;
    lane.pace.follow(subscription, lane.target->spec);
    auto host = host_for(*lane.target);
    if (host != lane.at_host) lane.in_line = false;
    const auto left = std::exchange(lane.at_host, std::move(host));
    changed_.insert(subscription);
    // What waits beside what is of its key was let in before keys had turns.
    const bool keys_begin = !added && !was_by_key && lane.by_key();
    if (!lane.active() || keys_begin) hand_back(subscription, lane);
    if (keys_begin) begin_keys(lane);
    wanting_.insert(subscription);
    enlist(subscription, lane);
    // A place there that was its turn is the next one's.
    if (left != lane.at_host) let_on(left.get());
    return before;
}

std::shared_ptr<Host> Scheduler::host_for(const api::Target& target) {
    if (target.spec.sink != model::SinkKind::http) return {};
    // Seldom, so that all the targets of a new leader are no square of work.
    if (hosts_.size() > 2 * lanes_.size()) {
        std::erase_if(hosts_, [](const auto& host) { return host.second.expired(); });
    }
    std::weak_ptr<Host>& known = hosts_[host_of(target.spec.endpoint)];
    auto host = known.lock();
    if (!host) host = std::make_shared<Host>();
    known = host;
    return host;
}

std::shared_ptr<const api::Target> Scheduler::drop_target(model::SubscriptionNo subscription) {
    const auto found = lanes_.find(subscription);
    if (found == lanes_.end()) return {};
    forget_waiting(found->second);
    while (!found->second.committing.empty()) {
        forget_commit(found->second, found->second.committing.begin()->first);
    }
    const auto target = found->second.target;
    const auto host = found->second.at_host;
    held_ -= found->second.counted;
    credit_bytes_ -= found->second.credit_bytes;
    effect_bytes_ -= found->second.outcomes.effect_bytes();
    sleeping_.erase({found->second.wake_us, subscription});
    changed_.erase(subscription);
    lanes_.erase(found);
    wanting_.erase(subscription);
    gathering_.erase(subscription);
    std::erase(rotation_, subscription);
    let_on(host.get());  // a place there that was its turn is the next one's
    return target;
}

void Scheduler::forget_waiting(Lane& lane) {
    for (const auto* held : {&lane.waiting, &lane.retries}) {
        for (const api::Delivery& delivery : *held) let_go_bytes(lane, delivery.payload.size());
    }
    lane.waiting.clear();
    lane.retries.clear();
    let_go_bytes(lane, lane.keys.clear());
}

void Scheduler::give_back(Lane& lane, const api::Delivery& delivery, model::Failure why) {
    let_go_bytes(lane, delivery.payload.size());
    lane.outcomes.add(untouched(delivery, why), {}, now_us_);
    gathering_.insert(delivery.subscription);
}

void Scheduler::give_back_behind(Lane& lane, const api::Delivery& delivery) {
    for (const api::Delivery& behind : lane.keys.on_failed(delivery)) {
        give_back(lane, behind, model::Failure::key_waits);
    }
}

void Scheduler::hand_back(model::SubscriptionNo subscription, Lane& lane) {
    std::deque<api::Delivery> back = std::exchange(lane.retries, {});
    std::move(lane.waiting.begin(), lane.waiting.end(), std::back_inserter(back));
    lane.waiting.clear();
    for (const api::Delivery& delivery : back) {
        give_back(lane, delivery, model::Failure::none);
        if (lane.keeps_order()) lane.gate.on_failed(delivery.sequence);
        if (lane.has_keys()) give_back_behind(lane, delivery);
        forget_commit(lane, delivery.sequence);
    }
    if (!back.empty()) gathering_.insert(subscription);
}

void Scheduler::take(std::vector<api::Delivery> deliveries, std::int64_t now_us) {
    now_us_ = now_us;
    for (api::Delivery& delivery : deliveries) {
        const model::SubscriptionNo subscription = delivery.subscription;
        const auto found = lanes_.find(subscription);
        if (found == lanes_.end()) continue;
        Lane& lane = found->second;
        take_one(lane, std::move(delivery));
        wanting_.insert(subscription);
        if (!lane.active()) hand_back(subscription, lane);
        enlist(subscription, lane);
    }
}

// What was tried before keys had turns, and is not over, has its key's turn.
void Scheduler::begin_keys(Lane& lane) {
    for (const auto& [ticket, flight] : flights_) {
        if (flight.lane != lane.number) continue;
        for (const api::Delivery* delivery : flight.batch()) lane.keys.begin(*delivery);
    }
    for (const auto& [sequence, committing] : lane.committing) {
        if (committing.delivery) lane.keys.begin(*committing.delivery);
    }
}

// Goes back at once, or stays until those before it of its key are done.
bool Scheduler::let_in(Lane& lane, api::Delivery& delivery) {
    const model::SubscriptionNo subscription = delivery.subscription;
    if (lane.keeps_order() && !lane.gate.admit(delivery)) {
        lane.outcomes.add(untouched(delivery, model::Failure::none), {}, now_us_);
        gathering_.insert(subscription);
        return false;
    }
    const std::size_t bytes = delivery.payload.size();
    const auto turn = lane.by_key() ? lane.keys.admit(delivery) : KeyLanes::Turn::now;
    if (turn == KeyLanes::Turn::back) {
        lane.outcomes.add(untouched(delivery, model::Failure::key_waits), {}, now_us_);
        gathering_.insert(subscription);
        return false;
    }
    hold_bytes(lane, bytes);
    const std::size_t usual =
        lane.payload_bytes == 0 ? bytes : (7 * lane.payload_bytes + bytes) / 8;
    lane.payload_bytes = std::max<std::size_t>(1, usual);
    return turn == KeyLanes::Turn::now;
}

void Scheduler::take_one(Lane& lane, api::Delivery delivery) {
    const bool last_credit = lane.credit == 1;
    if (lane.credit > 0) lane.credit -= 1;
    delivery.taken_us = now_us_;
    if (!let_in(lane, delivery)) return;
    lane.waiting.push_back(std::move(delivery));
    // All that was asked for came, and while it came a whole concurrency's worth was finished: the
    // way to the broker and back is long for this endpoint's pace. Not where order is kept: what
    // is held here has to go back one by one when something fails.
    const std::size_t under_way = lane.in_flight + lane.companions;
    const bool dry = last_credit && lane.waiting.size() + under_way <= lane.prefetch;
    if (dry && !lane.keeps_order()) {
        lane.prefetch = std::min(2 * lane.prefetch, limits_.prefetch_max);
    }
}

// A failure of a subscription that keeps its order sends what waits behind it back.
void Scheduler::keep_order(Lane& lane,
                           const api::Delivery& delivery,
                           const sinks::AttemptResult& result) {
    if (model::ends_well(result.verdict)) return lane.gate.on_accepted(delivery.sequence);
    lane.gate.on_failed(delivery.sequence);
    hand_back(delivery.subscription, lane);
}

// Time aside.
bool Scheduler::may_ever_start(const Lane& lane) const {
    // What may have to be handled again, or to wait for a retry, comes before what is behind it.
    if (lane.keeps_order() && lane.unsure > 0) return false;
    return !(lane.waiting.empty() && lane.retries.empty()) &&
           lane.in_flight < lane.pace.concurrency() &&
           lane.outcomes.unsettled() < limits_.unsettled_max &&
           lane.outcomes.effect_bytes() < limits_.lane_effect_bytes_max;
}

bool Scheduler::may_start(const Lane& lane) const {
    return may_ever_start(lane) && lane.pace.lets_through(lane.in_flight, now_us_) &&
           (!lane.waiting.empty() || lane.pace.lets_retry(now_us_)) && !lingers_until_us(lane);
}

// Half of the places is elastic: a subscription may use as many of them as are left free (dynamic
// threshold, Choudhury and Hahne, 1998). The other half serves everyone's first few attempts, so
// that the next subscription finds a place however many endpoints hang.
bool Scheduler::over_share(const Lane& lane) const {
    if (lane.in_flight < limits_.in_flight_sure) return false;
    return lane.in_flight + flights_.size() >= limits_.in_flight_max / 2;
}

// Nothing of its own keeps it from starting: it stays in the round.
bool Scheduler::must_wait(const Lane& lane) const {
    const bool effects_full = effect_bytes_ >= limits_.effect_bytes_max;
    return over_share(lane) || (effects_full && lane.outcomes.effect_bytes() > 0);
}

void Scheduler::enlist(model::SubscriptionNo subscription, Lane& lane) {
    if (lane.in_round || lane.in_line) return;
    if (!may_start(lane)) return wait_for_time(subscription, lane);
    lane.in_round = true;
    lane.deficit = quantum_bytes;
    rotation_.push_back(subscription);
}

void Scheduler::rotate() {
    rotation_.push_back(rotation_.front());
    rotation_.pop_front();
}

std::size_t Scheduler::places_at(const Host& host) const {
    return limits_.host_in_flight_max - std::min(limits_.host_in_flight_max, host.in_flight);
}

// Out of the round, which would else be gone through in vain for every start: thousands of
// subscriptions may name a host that is slow.
void Scheduler::stand_in_line(model::SubscriptionNo subscription, Lane& lane) {
    lane.in_round = false;
    lane.in_line = true;
    lane.at_host->waiting.push_back(subscription);
}

// As many as there are places now; who cannot start for another reason makes way.
void Scheduler::let_on(Host* host) {
    if (host == nullptr) return;
    std::size_t places = places_at(*host);
    while (places > 0 && !host->waiting.empty()) {
        const model::SubscriptionNo subscription = host->waiting.front();
        host->waiting.pop_front();
        const auto found = lanes_.find(subscription);
        if (found == lanes_.end() || found->second.at_host.get() != host) continue;
        Lane& lane = found->second;
        if (!std::exchange(lane.in_line, false)) continue;
        enlist(subscription, lane);
        places -= lane.in_round ? 1 : 0;
    }
}

// It is looked at again when time alone may let it go on.
void Scheduler::wait_for_time(model::SubscriptionNo subscription, Lane& lane) {
    if (!may_ever_start(lane)) return;
    auto next = lane.pace.next_us(now_us_);
    if (const auto lingers = lingers_until_us(lane)) next = std::max(next.value_or(0), *lingers);
    if (!next || *next == lane.wake_us) return;
    sleeping_.erase({lane.wake_us, subscription});
    lane.wake_us = *next;
    sleeping_.emplace(*next, subscription);
}

void Scheduler::wake(std::int64_t now_us) {
    now_us_ = now_us;
    while (!sleeping_.empty() && sleeping_.begin()->first <= now_us) {
        const model::SubscriptionNo subscription = sleeping_.begin()->second;
        sleeping_.erase(sleeping_.begin());
        Lane& lane = lanes_.at(subscription);
        lane.wake_us = 0;
        changed_.insert(subscription);
        enlist(subscription, lane);
    }
}

// Its place in the window is free: more may be asked for.
void Scheduler::put_aside(Lane& lane, api::Delivery retry) {
    wanting_.insert(retry.subscription);
    lane.retries.push_back(std::move(retry));
}

// Where the next one to try stands; nullptr: only retries wait, and those have had their share.
std::deque<api::Delivery>* Scheduler::next_of(Lane& lane) {
    const bool may_retry = lane.keeps_order() || lane.pace.lets_retry(now_us_);
    if (!lane.retries.empty() && may_retry) return &lane.retries;
    while (!lane.waiting.empty()) {
        if (may_retry || lane.waiting.front().attempt <= 1) return &lane.waiting;
        put_aside(lane, std::move(lane.waiting.front()));
        lane.waiting.pop_front();
    }
    return nullptr;
}

const Flight* Scheduler::start_next(std::int64_t now_us, model::TimeMs now_ms) {
    wake(now_us);
    if (draining_ || flights_.size() >= limits_.in_flight_max) return nullptr;
    for (std::size_t over = 0; over < rotation_.size();) {
        const model::SubscriptionNo subscription = rotation_.front();
        Lane& lane = lanes_.at(subscription);
        auto* const next = may_start(lane) ? next_of(lane) : nullptr;
        if (next == nullptr) {
            lane.in_round = false;
            rotation_.pop_front();
            wait_for_time(subscription, lane);
            let_on(lane.at_host.get());
        } else if (lane.at_host && places_at(*lane.at_host) == 0) {
            rotation_.pop_front();
            stand_in_line(subscription, lane);
        } else if (must_wait(lane)) {
            let_on(lane.at_host.get());  // before its own turn comes again
            rotate();
            ++over;
        } else if (lane.deficit < cost_of(next->front())) {
            lane.deficit += quantum_bytes;
            rotate();
        } else {
            return start(subscription, lane, *next, now_ms);
        }
    }
    return nullptr;
}

const Flight* Scheduler::start(model::SubscriptionNo subscription,
                               Lane& lane,
                               std::deque<api::Delivery>& from,
                               model::TimeMs now_ms) {
    Flight flight;
    flight.ticket = ++last_ticket_;
    flight.lane = lane.number;
    flight.target = lane.target;
    flight.delivery = std::move(from.front());
    from.pop_front();
    add_others(lane, from, flight);
    flight.started_us = now_us_;
    flight.at_ms = now_ms;
    flight.probe = lane.pace.on_start(flight.delivery.attempt > 1, now_us_);
    flight.at_host = lane.at_host;
    if (flight.at_host) flight.at_host->in_flight += 1;
    lane.in_flight += 1;
    lane.companions += flight.others.size();
    lane.deficit -= cost_of(flight.delivery);
    for (const api::Delivery& other : flight.others) lane.deficit -= cost_of(other);
    wanting_.insert(subscription);
    return &flights_.emplace_hint(flights_.end(), flight.ticket, std::move(flight))->second;
}

std::vector<DueSettlement> Scheduler::settlements(std::int64_t now_us) {
    std::vector<DueSettlement> due;
    std::set<model::SubscriptionNo> later;
    for (const model::SubscriptionNo subscription : std::exchange(gathering_, {})) {
        Lane& lane = lanes_.at(subscription);
        while (auto settlement = lane.outcomes.take(subscription, now_us, draining_)) {
            settlement->account = lane.target->account;
            const std::size_t effect_bytes = held_bytes_of(settlement->effects);
            due.push_back({lane.number, std::move(*settlement), effect_bytes});
        }
        if (lane.outcomes.due_us()) later.insert(subscription);
    }
    gathering_ = std::move(later);
    return due;
}

std::vector<Report> Scheduler::reports(std::int64_t now_us, model::TimeMs now_ms) {
    constexpr std::int64_t us_per_ms = 1'000;
    std::vector<Report> reports;
    for (const model::SubscriptionNo subscription : std::exchange(changed_, {})) {
        Lane& lane = lanes_.at(subscription);
        Pace::Holding holding = lane.pace.holding(now_us);
        if (holding == lane.shown) continue;
        Report report{subscription, {}};
        report.health.hold = holding.hold;
        report.health.reason = holding.reason;
        if (holding.consent) {
            report.health.agreed_ms = holding.consent->at_ms;
            report.health.agreed_per_minute = holding.consent->per_minute;
        }
        if (holding.until_us != 0) {
            report.health.until_ms = now_ms + (holding.until_us - now_us) / us_per_ms;
        }
        lane.shown = std::move(holding);
        reports.push_back(std::move(report));
    }
    return reports;
}

std::optional<std::int64_t> Scheduler::wake_us() const {
    std::optional<std::int64_t> wake;
    for (const model::SubscriptionNo subscription : gathering_) {
        const auto due = lanes_.at(subscription).outcomes.due_us();
        if (due && (!wake || *due < *wake)) wake = due;
    }
    if (!sleeping_.empty() && !draining_) {
        wake = std::min(wake.value_or(sleeping_.begin()->first), sleeping_.begin()->first);
    }
    return wake;
}

std::size_t Scheduler::unsettled() const {
    std::size_t sum = 0;
    for (const auto& [subscription, lane] : lanes_) sum += lane.outcomes.unsettled();
    return sum;
}

}  // namespace penstock::dispatcher

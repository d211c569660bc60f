#include "broker/node/node.h"

#include "broker/base/log.h"
#include "broker/base/planted.h"
#include "broker/node/preparing.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace penstock::node {

namespace {

constexpr std::int64_t us_per_ms = 1'000;
constexpr std::int64_t tick_pause_us = 10'000;  // timers due within it share a Tick
constexpr std::int64_t sweep_pause_us = 60'000'000;
constexpr std::int64_t recover_pause_us = 2'000'000;  // among others: their leaders come and go
constexpr std::int64_t never_us = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t call_overhead_bytes = 1'024;

// Answers without a turn: at once where there is no executor.
void answer_now(const CallPtr& call, model::Refusal why) {
    auto answer = [call, outcome = call->refusal(std::move(why))]() mutable {
        call->answer(std::move(outcome));
    };
    if (call->executor()) {
        boost::asio::post(call->executor(), std::move(answer));
    } else {
        answer();
    }
}

// Nothing happened for this call.
void refuse_now(const CallPtr& call, model::Reason reason, std::string detail) {
    if (call->claim()) answer_now(call, {reason, {}, std::move(detail)});
}

model::Refusal too_late(Call::Stage stage) {
    if (stage == Call::Stage::proposed) {
        return {model::Reason::unknown_outcome,
                {},
                "no answer in time: it may or may not have taken effect"};
    }
    return {model::Reason::overloaded, {}, "it could not be started in time"};
}

void refuse_late(const CallPtr& call) {
    const Call::Stage stage = call->take();
    if (stage != Call::Stage::answered) answer_now(call, too_late(stage));
}

}  // namespace

class Node::CallLetter final : public Letter {
  public:
    CallLetter(std::shared_ptr<Mailbox> mailbox,
               CallPtr call,
               api::Request request,
               PreparedBodies bodies,
               std::uint64_t bytes)
        : mailbox_(std::move(mailbox)),
          call_(std::move(call)),
          request_(std::move(request)),
          bodies_(std::move(bodies)),
          bytes_(bytes) {}

    void open(Node& node) override {
        mailbox_->give_back(bytes_);
        node.begin(call_, std::move(request_), std::move(bodies_));
    }

    void return_to_sender() override {
        refuse_now(call_, model::Reason::unavailable, "the server stops");
    }

    bool expire() override {
        mailbox_->give_back(bytes_);
        refuse_now(call_, model::Reason::overloaded, "it could not be started in time");
        return true;
    }

  private:
    std::shared_ptr<Mailbox> mailbox_;
    CallPtr call_;
    api::Request request_;
    PreparedBodies bodies_;
    std::uint64_t bytes_;
};

Node::Opened::Opened(Node& node)
    : names(*node.names_set_),
      bodies(
          *node.store_,
          node.world_.offload,
          node.completions_,
          node.mailbox_,
          node.options_.message_bytes_max,
          node.world_.neighbours == nullptr
              ? Mend()
              : [&node](model::SetId set,
                        model::LogIndex index,
                        Mended done) { node.mend(set, index, std::move(done)); },
          node.options_.data_keys),
      background(*node.store_, node.world_.clock, node.options_),
      backups(
          node.world_.disk, node.world_.clock, node.options_.data_folder, node.world_.open_view),
      shared{*node.names_set_,
             names,
             bodies,
             node.completions_,
             *node.store_,
             background,
             node.mailbox_,
             node.world_.clock,
             node.even_time_,
             node.options_,
             [&node](model::SetId set, Submission submission) {
                 node.submit(set, std::move(submission));
             },
             [&node](const CallPtr& call) {
                 node.watch(call);
             }} {}

Node::Node(World world, NodeOptions options)
    : world_(std::move(world)),
      options_(std::move(options)),
      mailbox_(std::make_shared<Mailbox>(options_.calls_max, options_.call_bytes_max)) {}

Node::~Node() {
    stopping_ = true;
    for (const auto& letter : mailbox_->take_all()) letter->return_to_sender();
}

std::shared_ptr<api::Cancellation> Node::call(const api::Principal& principal,
                                              api::Request request,
                                              boost::asio::any_io_executor executor,
                                              Answer answer) {
    auto call = std::make_shared<Call>(
        std::move(executor), std::move(answer), refuse_of(request), mailbox_, principal);
    if (!ready_ || stopping_) {
        refuse_now(call, model::Reason::unavailable, "the server starts or stops");
        return call;
    }
    if (options_.sealed_only && !all_sealed(messages_of(request))) {
        refuse_now(
            call, model::Reason::unavailable, "a message that is not sealed is not kept here");
        return call;
    }
    PreparedBodies bodies = prepare(request);
    std::uint64_t bytes = call_overhead_bytes;
    for (const std::string& body : bodies.bytes) bytes += body.size();
    if (!mailbox_->reserve(bytes)) {
        refuse_now(call, model::Reason::overloaded, "too many requests are waiting");
        return call;
    }
    mailbox_->put(
        std::make_unique<CallLetter>(mailbox_, call, std::move(request), std::move(bodies), bytes));
    return call;
}

DataDesk* Node::desk(model::SetId set) {
    const auto found = open_->desks.find(set);
    return found == open_->desks.end() ? nullptr : found->second.get();
}

HostedSet* Node::hosted(model::SetId set) {
    if (set == model::names_set) return names_set_.get();
    DataDesk* found = desk(set);
    return found == nullptr ? nullptr : &found->set();
}

DataDesk* Node::desk_of(model::SubscriptionNo subscription) {
    for (const auto& [set, desk] : open_->desks) {
        if (desk->handout().knows(subscription)) return desk.get();
    }
    return nullptr;
}

const HostedSet& Node::data_set(model::SetId set) const {
    return open_->desks.at(set)->set();
}

void Node::submit(model::SetId set, Submission submission) {
    HostedSet* here = hosted(set);
    const bool ours = here != nullptr && (here->leading() || world_.neighbours == nullptr);
    if (ours) return here->submit(std::move(submission));
    if (world_.neighbours != nullptr) {
        return world_.neighbours->submit(set, std::move(submission));
    }
    refuse(submission, {model::Reason::unavailable, {}, "there is no such set"});
}

void Node::each_set(const std::function<void(HostedSet&)>& visit) {
    if (names_set_) visit(*names_set_);
    for (const auto& set : data_sets_) visit(*set);
    if (!open_) return;
    for (const auto& [number, desk] : open_->desks) visit(desk->set());
}

void Node::watch(const CallPtr& call) {
    call->deadline_us =
        world_.clock.steady_us() + std::int64_t{options_.request_timeout_ms} * us_per_ms;
    calls_.push_back(call);
}

void Node::expire_calls(std::int64_t now_us) {
    while (!calls_.empty()) {
        const CallPtr& call = calls_.front();
        if (!call->answered() && !call->polling) {
            if (call->deadline_us > now_us) return;
            refuse_late(call);
        }
        calls_.pop_front();
    }
}

void Node::show_hanging() {
    auto calls = std::make_shared<Calls>();
    for (const CallPtr& call : calls_) {
        if (!call->answered() && !call->polling) calls->push_back(call);
    }
    hanging_.store(std::move(calls));
}

void Node::relieve() {
    const std::int64_t began_us = turn_began_us_.load();
    const std::int64_t limit_us = std::int64_t{options_.request_timeout_ms} * us_per_ms;
    if (began_us == 0 || world_.clock.steady_us() < began_us + limit_us) return;
    if (const auto hanging = hanging_.load()) {
        for (const CallPtr& call : *hanging) refuse_late(call);
    }
    // What the turn has not even seen: calls have no effect, all else waits on.
    for (auto& letter : mailbox_->take_all()) {
        if (!letter->expire()) mailbox_->put(std::move(letter));
    }
}

void Node::forget(const CallPtr& call) {
    for (const auto& [set, desk] : open_->desks) {
        desk->receiving().forget(call);
        desk->checking().forget(call);
    }
}

void Node::open_letters() {
    for (const auto& letter : mailbox_->take_all()) letter->open(*this);
}

void Node::attach(api::DeliveryListener& listener) {
    mailbox_->post([&listener](Node& node) {
        node.listener_ = &listener;
        for (const auto& [set, desk] : node.open_->desks) desk->attach(listener);
    });
}

void Node::grant(model::SubscriptionNo subscription, std::uint32_t more) {
    mailbox_->post([subscription, more](Node& node) {
        if (DataDesk* desk = node.desk_of(subscription)) desk->handout().grant(subscription, more);
    });
}

void Node::settle(Settlement settlement, std::function<void(Settled)> done) {
    mailbox_->post(
        [settlement = std::move(settlement), done = std::move(done)](Node& node) mutable {
            DataDesk* desk = node.desk_of(settlement.subscription);
            // Gone, or led by another node now, which hands it out again.
            if (desk == nullptr) return done ? done({}) : void();
            desk->handout().settle(std::move(settlement), std::move(done));
        });
}

void Node::read_kv(model::SubscriptionNo subscription,
                   std::string key,
                   std::function<void(api::KvRow)> answer) {
    mailbox_->post([=, key = std::move(key), answer = std::move(answer)](Node& node) {
        DataDesk* desk = node.desk_of(subscription);
        if (desk == nullptr) return answer({});
        const HostedSet& data = desk->set();
        auto row = core::kv_value(data.rows(), subscription, key, data.time_ms());
        answer(api::KvRow{row.version, std::move(row.value)});
    });
}

void Node::disable(model::SubscriptionNo subscription, std::string reason) {
    mailbox_->post([subscription, reason = std::move(reason)](Node& node) mutable {
        DataDesk* desk = node.desk_of(subscription);
        if (desk != nullptr) desk->handout().disable(subscription, std::move(reason));
    });
}

void Node::report(model::SubscriptionNo subscription, model::PushHealth health) {
    mailbox_->post([subscription, health = std::move(health)](Node& node) mutable {
        DataDesk* desk = node.desk_of(subscription);
        if (desk != nullptr) desk->handout().report(subscription, std::move(health));
    });
}

void Node::feed(model::SubscriptionNo subscription,
                model::Sequence sequence,
                model::Generation generation,
                std::function<void(model::Failure)> answer) {
    mailbox_->post([=, answer = std::move(answer)](Node& node) mutable {
        DataDesk* desk = node.desk_of(subscription);
        if (desk == nullptr) return answer(model::Failure::queue_gone);
        desk->handout().feed(subscription, sequence, generation, std::move(answer));
    });
}

void Node::quarantine_delivery(model::SubscriptionNo subscription,
                               model::Sequence sequence,
                               model::MessageId message) {
    DataDesk* desk = desk_of(subscription);
    if (desk == nullptr) return;
    desk->receiving().quarantine(subscription, sequence, message);
    desk->handout().give_back(subscription, sequence);
}

void Node::defer_delivery(model::SubscriptionNo subscription,
                          model::Sequence sequence,
                          model::Generation generation,
                          std::string why) {
    DataDesk* desk = desk_of(subscription);
    if (desk == nullptr) return;
    desk->handout().defer(subscription, sequence, generation, std::move(why));
}

void Node::tick(HostedSet& set, std::int64_t now_us) {
    if (set.leading() && tick_due_us(set) <= now_us) set.submit_tick(now_us);
}

std::int64_t Node::tick_due_us(const HostedSet& set) const {
    const auto wake = set.wake_ms();
    if (!wake || !set.leading() || set.ticking()) return never_us;
    const std::int64_t earliest_us = set.ticked_us() + tick_pause_us;
    // A leader that hands its lead over drops what is proposed: it is not asked without a pause.
    if (*wake == 0) return set.tick_refused() ? earliest_us : 0;
    const model::TimeMs time_ms = std::max(even_time_.still_ms(world_.clock), set.time_ms());
    const std::int64_t wait_ms = std::min<std::int64_t>(*wake - time_ms, 86'400'000);
    return std::max(earliest_us, world_.clock.steady_us() + wait_ms * us_per_ms);
}

Result<void> Node::sync() {
    const std::uint64_t syncs = store_->syncs();
    const std::int64_t began_us = world_.clock.steady_us();
    if (auto synced = store_->sync(); !synced) return synced.error();
    // Most turns have nothing to make durable.
    if (store_->syncs() == syncs) return {};
    const std::int64_t took_us = world_.clock.steady_us() - began_us;
    sync_latencies_.add(took_us);
    if (world_.neighbours != nullptr) world_.neighbours->synced(took_us);
    return {};
}

void Node::mend(model::SetId set, model::LogIndex index, Mended done) {
    if (!done)
        done = [](const storage::EntryRecord*) {
        };
    if (world_.neighbours == nullptr) return done(nullptr);
    world_.neighbours->mend(*this, set, index, std::move(done));
}

Result<void> Node::commit() {
    const model::TimeMs wall_ms = even_time_.now_ms(world_.clock);
    const std::int64_t now_us = world_.clock.steady_us();
    std::size_t entries = 0;
    std::size_t waiting = 0;
    each_set([&](HostedSet& set) {
        entries += set.propose(wall_ms, now_us);
        waiting += set.queued();
    });
    if (world_.neighbours != nullptr) world_.neighbours->proposed();
    if (entries + waiting > 0) show_hanging();
    if (planted(K4)) {
        if (auto finished = finish_sets(); !finished) return finished;
    }
    if (auto synced = sync(); !synced && !planted(K5)) return synced.error();
    return finish_sets();
}

Result<void> Node::finish_sets() {
    const model::LogIndex names_before = names_set_->applied();
    const std::int64_t now_us = world_.clock.steady_us();
    TurnEffects of_names;
    if (auto finished = names_set_->finish(of_names, now_us); !finished) return finished.error();
    if (names_set_->applied() != names_before) publish_keys();
    led_ = world_.neighbours == nullptr || names_set_->leader().value != 0;
    for (const auto& [number, desk] : open_->desks) {
        TurnEffects effects;
        if (auto done = desk->set().finish(effects, now_us); !done) return done.error();
        desk->take(effects);
        desk->look_at_leadership(init_of_set());
    }
    return {};
}

// A row that could not be read looked absent: nothing that rests on it may be proposed or answered.
Result<void> Node::check_rows() {
    std::optional<Error> failure;
    each_set([&](HostedSet& set) {
        auto health = set.row_store().health();
        if (!health && !failure) failure = health.error();
    });
    if (failure) return *failure;
    return {};
}

void Node::sweep(std::int64_t now_us) {
    if (world_.neighbours != nullptr && now_us >= recovered_us_ + recover_pause_us) {
        recovered_us_ = now_us;
        for (const auto& [set, desk] : open_->desks) desk->recover();
    }
    if (now_us < swept_us_ + sweep_pause_us) return;
    swept_us_ = now_us;
    for (const auto& [set, desk] : open_->desks) desk->sweep();
}

Result<bool> Node::step() {
    const std::int64_t now_us = world_.clock.steady_us();
    turn_began_us_ = now_us;
    open_->background.look_at_space();
    open_letters();
    if (world_.neighbours != nullptr) world_.neighbours->begin_turn(*this, now_us);
    for (const auto& [set, desk] : open_->desks) {
        desk->handout().submit_settles();
        desk->receiving().expire(now_us);
        desk->checking().expire(now_us);
    }
    expire_calls(now_us);
    sweep(now_us);
    each_set([&](HostedSet& set) { tick(set, now_us); });
    // Rows of one set decide on changes of another, which applies them all the same.
    if (auto healthy = check_rows(); !healthy) return healthy.error();
    if (auto committed = commit(); !committed) return committed.error();
    if (auto healthy = check_rows(); !healthy) return healthy.error();
    if (world_.neighbours != nullptr) {
        if (auto ended = world_.neighbours->end_turn(*this, now_us); !ended) return ended.error();
    }
    completions_.flush();
    bool more = false;
    for (const auto& [set, desk] : open_->desks) {
        more = desk->handout().run(now_us) || more;
        desk->outbox().step();
    }
    open_->backups.tend(*this, now_us);
    auto working = open_->background.run();
    if (!working) return working.error();
    for (const auto& [set, index] : open_->background.take_damaged()) mend(set, index, {});
    completions_.flush();
    turn_began_us_ = 0;
    each_set([&](HostedSet& set) { more = more || set.waiting() || tick_due_us(set) == 0; });
    more_ = more || *working;
    return more_ || !mailbox_->empty();
}

std::int64_t Node::next_wake_us() const {
    if (more_ || !mailbox_->empty()) return 0;
    std::int64_t next_us = std::min(open_->background.next_us(), swept_us_ + sweep_pause_us);
    const auto look_at = [&](const HostedSet& set) {
        next_us = std::min(next_us, tick_due_us(set));
        if (const auto until_us = set.gathers_until_us()) next_us = std::min(next_us, *until_us);
    };
    look_at(*names_set_);
    for (const auto& [set, desk] : open_->desks) {
        look_at(desk->set());
        if (const auto send_us = desk->outbox().next_us()) next_us = std::min(next_us, *send_us);
        if (const auto look_us = desk->handout().next_us()) next_us = std::min(next_us, *look_us);
        if (const auto poll_us = desk->receiving().next_us()) {
            next_us = std::min(next_us, *poll_us);
        }
        if (const auto poll_us = desk->checking().next_deadline_us()) {
            next_us = std::min(next_us, *poll_us);
        }
    }
    if (world_.neighbours != nullptr) {
        next_us = std::min(next_us, world_.neighbours->next_wake_us());
    }
    if (!calls_.empty()) next_us = std::min(next_us, calls_.front()->deadline_us);
    next_us = std::min(next_us, open_->backups.next_us());
    return next_us;
}

void Node::wait(std::int64_t at_most_us) {
    const std::int64_t until_us = next_wake_us() - world_.clock.steady_us();
    mailbox_->wait(std::chrono::microseconds(std::min(at_most_us, until_us)));
}

}  // namespace penstock::node

#include "broker/node/node.h"

#include "broker/base/log.h"
#include "broker/node/entry_bodies.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

namespace penstock::node {

namespace {

constexpr std::int64_t us_per_ms = 1'000;
constexpr std::int64_t tick_pause_us = 10'000;  // timers due within it share a Tick
constexpr std::int64_t sweep_pause_us = 60'000'000;
constexpr std::int64_t never_us = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t queued_max = 20'000;  // commands that wait for an entry
constexpr std::size_t call_overhead_bytes = 1'024;

PreparedBodies prepare(std::vector<model::NewMessage>& messages) {
    PreparedBodies bodies;
    for (model::NewMessage& message : messages) {
        bodies.bytes.push_back(model::encode_body(message));
        bodies.infos.push_back(model::BodyInfo{std::move(message.meta),
                                               static_cast<std::uint32_t>(message.payload.size())});
    }
    messages.clear();
    return bodies;
}

PreparedBodies prepare(api::Request& request) {
    if (auto* send = std::get_if<api::SendMessages>(&request)) return prepare(send->messages);
    if (auto* publish = std::get_if<api::PublishMessages>(&request)) {
        return prepare(publish->messages);
    }
    return {};
}

bool brings_new(const api::Request& request) {
    return std::holds_alternative<api::SendMessages>(request) ||
           std::holds_alternative<api::PublishMessages>(request) ||
           std::holds_alternative<api::CreateQueue>(request) ||
           std::holds_alternative<api::CreateTopic>(request) ||
           std::holds_alternative<api::Subscribe>(request) ||
           std::holds_alternative<api::DeployScript>(request);
}

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
      bodies(*node.store_, node.world_.offload, node.completions_),
      lifecycle(*node.names_set_, *node.data_set_, node.options_, node.completions_),
      receiving(*node.data_set_,
                bodies,
                node.completions_,
                node.mailbox_,
                node.world_.clock,
                node.options_,
                [&node](const CallPtr& call) { node.watch(call); }),
      handout(*node.data_set_,
              bodies,
              HandlerEffects(names, *node.data_set_, [this] { return operations.check_space(); }),
              node.mailbox_,
              node.options_),
      background({node.names_set_.get(), node.data_set_.get()},
                 *node.store_,
                 node.world_.clock,
                 node.options_),
      desk{*node.names_set_,
           *node.data_set_,
           names,
           lifecycle,
           receiving,
           bodies,
           node.completions_,
           *node.store_,
           background,
           node.world_.clock,
           node.options_,
           [&node] {
               return node.status();
           }},
      operations(desk) {}

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
        std::move(executor), std::move(answer), refuse_of(request), mailbox_, principal.root);
    if (!ready_ || stopping_) {
        refuse_now(call, model::Reason::unavailable, "the server starts or stops");
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

void Node::begin(const CallPtr& call, api::Request request, PreparedBodies bodies) {
    if (call->answered()) return;
    if (call->cancelled() && std::holds_alternative<api::ReceiveMessages>(request)) {
        completions_.refuse(call, {model::Reason::unavailable, {}, "its caller has gone"});
        return;
    }
    const bool stalling = data_set_->row_store().pressured();
    if ((stalling && brings_new(request)) || data_set_->queued() >= queued_max) {
        completions_.refuse(call, {model::Reason::overloaded, {}, "the server is overloaded"});
        return;
    }
    watch(call);
    open_->operations.start(call, std::move(request), std::move(bodies));
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
    open_->receiving.forget(call);
}

void Node::open_letters() {
    for (const auto& letter : mailbox_->take_all()) letter->open(*this);
}

void Node::attach(api::DeliveryListener& listener) {
    mailbox_->post([&listener](Node& node) { node.handout().attach(listener); });
}

void Node::grant(model::SubscriptionNo subscription, std::uint32_t more) {
    mailbox_->post([subscription, more](Node& node) { node.handout().grant(subscription, more); });
}

void Node::settle(Settlement settlement, std::function<void(Moved)> done) {
    mailbox_->post(
        [settlement = std::move(settlement), done = std::move(done)](Node& node) mutable {
            node.handout().settle(std::move(settlement), std::move(done));
        });
}

void Node::read_kv(model::SubscriptionNo subscription,
                   std::string key,
                   std::function<void(api::KvRow)> answer) {
    mailbox_->post([=, key = std::move(key), answer = std::move(answer)](Node& node) {
        const HostedSet& data = node.data_set();
        auto row = core::kv_value(data.rows(), subscription, key, data.time_ms());
        answer(api::KvRow{row.version, std::move(row.value)});
    });
}

void Node::disable(model::SubscriptionNo subscription, std::string reason) {
    mailbox_->post([subscription, reason = std::move(reason)](Node& node) mutable {
        node.handout().disable(subscription, std::move(reason));
    });
}

void Node::feed(model::SubscriptionNo subscription,
                model::Sequence sequence,
                model::Generation generation,
                std::function<void(model::Failure)> answer) {
    mailbox_->post([=, answer = std::move(answer)](Node& node) mutable {
        node.handout().feed(subscription, sequence, generation, std::move(answer));
    });
}

void Node::quarantine_delivery(model::SubscriptionNo subscription,
                               model::Sequence sequence,
                               model::MessageId message) {
    receiving().quarantine(subscription, sequence, message);
    handout().give_back(subscription, sequence);
}

void Node::tick(HostedSet& set, std::int64_t now_us) {
    if (tick_due_us(set) <= now_us) set.submit_tick(now_us);
}

std::int64_t Node::tick_due_us(const HostedSet& set) const {
    const auto wake = set.wake_ms();
    if (!wake) return never_us;
    if (*wake == 0) return 0;
    const model::TimeMs time_ms = std::max(world_.clock.wall_ms(), set.time_ms());
    const std::int64_t earliest_us = set.ticked_us() + tick_pause_us;
    const std::int64_t wait_ms = std::min<std::int64_t>(*wake - time_ms, 86'400'000);
    return std::max(earliest_us, world_.clock.steady_us() + wait_ms * us_per_ms);
}

Result<void> Node::commit() {
    const model::TimeMs wall_ms = world_.clock.wall_ms();
    const std::size_t entries = names_set_->propose(wall_ms) + data_set_->propose(wall_ms);
    if (entries == 0) return {};
    show_hanging();
    if (auto synced = store_->sync(); !synced) return synced.error();
    TurnEffects effects;
    for (HostedSet* set : {names_set_.get(), data_set_.get()}) {
        if (auto applied = set->apply_committed(effects); !applied) return applied.error();
    }
    take_effects(effects);
    return {};
}

void Node::take_effects(const TurnEffects& effects) {
    if (std::exchange(names_seen_, names_set_->applied()) != names_set_->applied()) publish_keys();
    if (!open_) return;
    for (const model::QueueNo queue : std::set(effects.visible.begin(), effects.visible.end())) {
        open_->receiving.wake(queue);
    }
    for (const model::SubscriptionNo subscription :
         std::set(effects.changed.begin(), effects.changed.end())) {
        open_->handout.changed(subscription);
    }
    for (const model::SubscriptionNo subscription : effects.ready) {
        open_->handout.ready(subscription);
    }
    open_->background.release(*data_set_, effects.releases);
}

Result<bool> Node::step() {
    const std::int64_t now_us = world_.clock.steady_us();
    turn_began_us_ = now_us;
    open_->background.look_at_space();
    open_letters();
    open_->handout.submit_settles();
    open_->receiving.expire(now_us);
    expire_calls(now_us);
    if (now_us >= swept_us_ + sweep_pause_us) {
        swept_us_ = now_us;
        open_->operations.sweep_dead_letter_queues();
    }
    tick(*names_set_, now_us);
    tick(*data_set_, now_us);
    if (auto committed = commit(); !committed) return committed.error();
    // A row that could not be read looked absent: no answer that rests on it may leave.
    for (const HostedSet* set : {names_set_.get(), data_set_.get()}) {
        if (auto health = set->row_store().health(); !health) return health.error();
    }
    completions_.flush();
    const bool handing = open_->handout.run();
    auto working = open_->background.run();
    if (!working) return working.error();
    completions_.flush();
    turn_began_us_ = 0;
    more_ = handing || *working || names_set_->waiting() || data_set_->waiting() ||
            names_set_->wake_ms() == 0 || data_set_->wake_ms() == 0;
    return more_ || !mailbox_->empty();
}

std::int64_t Node::next_wake_us() const {
    if (more_ || !mailbox_->empty()) return 0;
    std::int64_t next_us = std::min(open_->background.next_us(), swept_us_ + sweep_pause_us);
    next_us = std::min({next_us, tick_due_us(*names_set_), tick_due_us(*data_set_)});
    if (!calls_.empty()) next_us = std::min(next_us, calls_.front()->deadline_us);
    if (const auto poll_us = open_->receiving.waiters().next_deadline_us()) {
        next_us = std::min(next_us, *poll_us);
    }
    return next_us;
}

void Node::wait(std::int64_t at_most_us) {
    const std::int64_t until_us = next_wake_us() - world_.clock.steady_us();
    mailbox_->wait(std::chrono::microseconds(std::min(at_most_us, until_us)));
}

}  // namespace penstock::node

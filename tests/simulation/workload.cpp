#include "tests/simulation/workload.h"

#include "broker/base/check.h"
#include "broker/base/hash.h"

#include <algorithm>
#include <utility>

namespace penstock::simulation {

namespace {

constexpr std::size_t alive_max = 120;  // then nothing new is sent until some are consumed
constexpr std::uint32_t credit = 8;
constexpr std::uint32_t extra_queues = 4;
constexpr std::size_t held_max = 60;
constexpr std::uint32_t message_bytes_max = 4'096;

const std::string plain = "plain";
const std::string rewindable = "rewindable";
const std::string strict = "strict";  // dead letters after two receives
const std::string strict_dead = "strict-dead";
const std::string fed = "fed";  // a subscriber
const std::string topic = "events";

model::NewMessage message_of(Token token) {
    model::NewMessage message;
    message.payload = payload_of(token);
    if (token % 2 == 0) message.meta.tags = {"even"};
    return message;
}

api::CreateQueue queue(const std::string& name) {
    api::CreateQueue request;
    request.name = name;
    request.change.visibility_s = 3;
    request.change.message_bytes_max = message_bytes_max;
    return request;
}

api::Subscribe subscription(const std::string& name, const std::vector<std::uint32_t>& pauses_ms) {
    api::Subscribe request;
    request.topic = topic;
    request.name = name;
    request.spec.endpoint = "http://127.0.0.1/";
    request.spec.retry = model::custom_retry(pauses_ms);
    return request;
}

template <class R>
typename R::Reply must(Machine& machine, R request) {
    auto outcome = machine.ask_now(std::move(request));
    check(outcome.has_value(), "the objects of a simulation can be made");
    return std::move(*outcome);
}

}  // namespace

void Workload::set_up(Machine& machine) {
    must(machine, queue(plain));
    auto with_rewind = queue(rewindable);
    with_rewind.change.rewind_s = 86'400;
    must(machine, with_rewind);
    must(machine, queue(strict_dead));
    auto with_policy = queue(strict);
    with_policy.change.dead_letter.emplace();
    with_policy.change.dead_letter->queue = strict_dead;
    with_policy.change.dead_letter->max_receives = 2;
    must(machine, with_policy);
    must(machine, queue(fed));
    api::CreateTopic create;
    create.name = topic;
    must(machine, create);
    const auto all = must(machine, subscription("all", {500, 1000}));
    auto even = subscription("even", {300});
    even.spec.filter_tags = {"even"};
    const auto some = must(machine, even);
    auto into = subscription("into", {});
    into.spec.sink = model::SinkKind::queue;
    into.spec.endpoint = fed;
    into.dead_letter = api::DeadLetterChoice::none;
    must(machine, into);
    dead_queues_ = {strict_dead, all.dead_letter_queue, some.dead_letter_queue};
    queues_ = {plain, rewindable, strict, fed};
    queues_.insert(queues_.end(), dead_queues_.begin(), dead_queues_.end());
    for (const std::string& name : queues_) {
        referee_.add_place(name, name == strict ? strict_dead : std::string());
    }
    referee_.add_place(topic + "/all", all.dead_letter_queue);
    referee_.add_place(topic + "/even", some.dead_letter_queue);
    for (std::uint32_t at = 0; at < extra_queues; ++at) {
        extras_["extra-" + std::to_string(at)] = Existence::absent;
    }
}

void Workload::attach(Machine& machine) {
    machine_ = &machine;
    machine.node().attach(*this);
}

void Workload::died() {
    for (const auto& [id, ended] : std::exchange(under_way_, {})) ended(Ending::unknown);
    targets_.clear();
    deliveries_.clear();
    machine_ = nullptr;
}

void Workload::note(std::uint64_t value) {
    trace_ = mix64(trace_ ^ mix64(value));
}

const std::string& Workload::any_of(const std::vector<std::string>& names) {
    return names[random_.below(names.size())];
}

void Workload::meet(const std::string& name, Ending ending) {
    static const std::map<Ending, std::string> suffixes{
        {Ending::done, ""}, {Ending::refused, " refused"}, {Ending::unknown, " unknown"}};
    ++met_[name + suffixes.at(ending)];
}

// Runs `ended` once: when called, or as unknown when the machine dies before.
std::function<void()> Workload::once(const std::string& name, std::function<void(Ending)> ended) {
    const std::uint64_t id = next_++;
    under_way_.emplace(id, [this, name, ended = std::move(ended)](Ending ending) {
        meet(name, ending);
        ended(ending);
    });
    return [this, id] {
        const auto found = under_way_.find(id);
        if (found == under_way_.end()) return;
        const auto run = std::move(found->second);
        under_way_.erase(found);
        ++answers_;
        note(id);
        run(Ending::done);
    };
}

template <class R>
void Workload::ask(const std::string& name, R request, Ended<R> ended) {
    const std::uint64_t id = next_++;
    const auto end = [this, name, ended](Ending ending, const typename R::Reply* reply) {
        meet(name, ending);
        ended(ending, reply);
    };
    under_way_.emplace(id, [end](Ending ending) { end(ending, nullptr); });
    machine_->ask<R>(std::move(request), [this, id, end](api::Outcome<typename R::Reply> outcome) {
        if (under_way_.erase(id) == 0) return;  // the last word of a machine that died
        ++answers_;
        note(id * 256 + (outcome ? 0 : static_cast<std::uint64_t>(outcome.error().reason)));
        if (outcome) return end(Ending::done, &*outcome);
        const bool unknown = outcome.error().reason == model::Reason::unknown_outcome;
        end(unknown ? Ending::unknown : Ending::refused, nullptr);
    });
}

void Workload::act() {
    const std::uint64_t dice = random_.below(1000);
    if (dice < 150) return send();
    if (dice < 190) return random_.below(3) == 0 ? send_again() : send_once();
    if (dice < 300) return publish();
    if (dice < 520) return receive();
    if (dice < 720) return remove();
    if (dice < 750) return change_visibility();
    if (dice < 755) return rewind();
    if (dice < 758) return clear();
    if (dice < 764) return redrive();
    if (dice < 780) return change_existence();
    settle();
}

void Workload::send() {
    if (referee_.alive() > alive_max) return remove();
    static const std::vector<std::string> targets{plain, rewindable, strict};
    api::SendMessages request;
    request.queue = any_of(targets);
    request.delay_s = random_.below(5) == 0 ? static_cast<std::uint32_t>(random_.below(3)) : 0;
    std::vector<Token> tokens;
    for (std::uint64_t count = 1 + random_.below(4); count > 0; --count) {
        tokens.push_back(
            referee_.begin_send({request.queue}, clock_.wall_ms() + request.delay_s * 1000LL));
        request.messages.push_back(message_of(tokens.back()));
    }
    // One too large refuses the whole batch: none of it may ever turn up.
    if (random_.below(20) == 0) {
        request.messages.push_back({{}, std::string(message_bytes_max + 1, 'x')});
    }
    ask<api::SendMessages>(
        "send", std::move(request), [this, tokens](Ending ending, const api::SentMessages* reply) {
            for (std::size_t at = 0; at < tokens.size(); ++at) {
                std::optional<model::MessageId> id;
                if (reply) id = reply->ids.at(at);
                referee_.end_send(tokens[at], ending, id);
            }
        });
}

void Workload::send_once() {
    if (referee_.alive() > alive_max) return remove();
    const Token token = referee_.begin_send({plain}, 0);
    resends_.push_back({token, "key-" + std::to_string(token)});
    send_again();
}

// The first time, or again with the same key: the message is there once, whatever happened before.
void Workload::send_again() {
    if (resends_.empty()) return send_once();
    const Resend resend = resends_.back();
    resends_.pop_back();
    api::SendMessages request;
    request.queue = plain;
    request.dedup_key = resend.key;
    request.messages.push_back(message_of(resend.token));
    ask<api::SendMessages>("send once",
                           std::move(request),
                           [this, resend](Ending ending, const api::SentMessages* reply) {
                               if (reply)
                                   return referee_.end_send(resend.token, ending, reply->ids.at(0));
                               // Not `refused`: an earlier try with this key may have taken effect.
                               referee_.end_send(resend.token, Ending::unknown, {});
                               resends_.push_back(resend);
                           });
}

void Workload::publish() {
    if (referee_.alive() > alive_max) return settle();
    api::PublishMessages request;
    request.topic = topic;
    request.delay_s = random_.below(8) == 0 ? 1 : 0;
    std::vector<Token> tokens;
    for (std::uint64_t count = 1 + random_.below(3); count > 0; --count) {
        const Token next = referee_.next();
        std::vector<std::string> places{topic + "/all", fed};
        if (next % 2 == 0) places.push_back(topic + "/even");
        tokens.push_back(referee_.begin_send(places, clock_.wall_ms() + request.delay_s * 1000LL));
        request.messages.push_back(message_of(tokens.back()));
    }
    ask<api::PublishMessages>("publish",
                              std::move(request),
                              [this, tokens](Ending ending, const api::SentMessages* reply) {
                                  for (std::size_t at = 0; at < tokens.size(); ++at) {
                                      std::optional<model::MessageId> id;
                                      if (reply) id = reply->ids.at(at);
                                      referee_.end_send(tokens[at], ending, id);
                                  }
                              });
}

void Workload::receive() {
    api::ReceiveMessages request;
    request.queue = any_of(queues_);
    request.messages_max = static_cast<std::uint32_t>(1 + random_.below(16));
    request.wait_s = static_cast<std::uint32_t>(random_.below(3));
    request.visibility_s = static_cast<std::uint32_t>(random_.below(3));
    const std::string queue_name = request.queue;
    ask<api::ReceiveMessages>("receive",
                              std::move(request),
                              [this, queue_name](Ending, const api::ReceivedMessages* reply) {
                                  if (reply) take(queue_name, *reply);
                              });
}

void Workload::take(const std::string& queue_name, const api::ReceivedMessages& reply) {
    for (const api::ReceivedMessage& message : reply.messages) {
        note(message.id.value ^ message.receipt.value ^ message.receives);
        referee_.seen(
            {queue_name, message.payload, message.id, message.receives, clock_.wall_ms()});
        if (message.receives > 1) ++met_["received again"];
        const auto token = token_of(message.payload);
        if (token) {
            ++met_["from " + queue_name];
            held_.push_back({queue_name, *token, message.receipt});
        }
    }
    if (held_.size() > held_max) held_.erase(held_.begin(), held_.end() - held_max);
}

void Workload::remove() {
    if (held_.empty()) return receive();
    const std::string queue_name = held_[random_.below(held_.size())].queue;
    api::DeleteMessages request;
    request.queue = queue_name;
    std::vector<Token> tokens;
    for (std::size_t at = 0; at < held_.size() && tokens.size() < 16;) {
        if (held_[at].queue != queue_name || random_.below(4) == 0) {
            ++at;
            continue;
        }
        request.receipts.push_back(held_[at].receipt);
        tokens.push_back(held_[at].token);
        // Some receipts are used a second time.
        if (random_.below(8) != 0)
            held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(at));
        else
            ++at;
    }
    if (tokens.empty()) return;
    for (const Token token : tokens) referee_.begin_remove(queue_name, token);
    ask<api::DeleteMessages>(
        "delete",
        std::move(request),
        [this, queue_name, tokens](Ending ending, const api::DeletedMessages* reply) {
            for (std::size_t at = 0; at < tokens.size(); ++at) {
                Ending one = ending;
                if (reply && !reply->removed.at(at)) one = Ending::refused;
                referee_.end_remove(queue_name, tokens[at], one);
            }
        });
}

void Workload::change_visibility() {
    if (held_.empty()) return receive();
    const Held& held = held_[random_.below(held_.size())];
    api::ChangeVisibility request;
    request.queue = held.queue;
    request.receipt = held.receipt;
    request.visibility_s = static_cast<std::uint32_t>(random_.below(5));
    ask<api::ChangeVisibility>(
        "change visibility", std::move(request), [](Ending, const api::Nothing*) {});
}

void Workload::rewind() {
    api::RewindQueue request;
    request.name = rewindable;
    request.to_ms = clock_.wall_ms() - static_cast<model::TimeMs>(random_.below(3'000));
    referee_.begin_rewind(rewindable);
    ask<api::RewindQueue>("rewind", std::move(request), [this](Ending ending, const api::Nothing*) {
        referee_.end_rewind(rewindable, ending);
    });
}

void Workload::clear() {
    api::ClearQueue request;
    request.name = plain;
    referee_.begin_clear(plain);
    ask<api::ClearQueue>("clear", std::move(request), [this](Ending ending, const api::Nothing*) {
        referee_.end_clear(plain, ending);
    });
}

void Workload::redrive() {
    api::RedriveDeadLetters request;
    request.queue = any_of(dead_queues_);
    const std::string queue_name = request.queue;
    referee_.redriven(queue_name);
    ask<api::RedriveDeadLetters>(
        "redrive", std::move(request), [this, queue_name](Ending, const api::JobStarted*) {
            referee_.redriven(queue_name);
        });
}

void Workload::change_existence() {
    const std::string name = "extra-" + std::to_string(random_.below(extra_queues));
    Existence& existence = extras_.at(name);
    if (existence == Existence::changing) return;
    const Existence before = std::exchange(existence, Existence::changing);
    const auto ended = [this, name, before](Existence after) {
        return [this, name, before, after](Ending ending, const auto*) {
            Existence& now = extras_.at(name);
            now = ending == Ending::done      ? after
                  : ending == Ending::unknown ? Existence::unknown
                                              : before;
        };
    };
    if (random_.below(2) == 0) {
        return ask<api::CreateQueue>("create", queue(name), ended(Existence::present));
    }
    api::DeleteQueue request;
    request.name = name;
    ask<api::DeleteQueue>("remove", std::move(request), ended(Existence::absent));
}

std::map<std::string, bool> Workload::certain_queues() const {
    std::map<std::string, bool> certain;
    for (const auto& [name, existence] : extras_) {
        if (existence == Existence::present) certain[name] = true;
        if (existence == Existence::absent) certain[name] = false;
    }
    return certain;
}

void Workload::on_target(api::Target target) {
    const model::SubscriptionNo number = target.subscription;
    const bool fresh = targets_.insert_or_assign(number, std::move(target)).second;
    if (fresh && machine_) machine_->node().grant(number, credit);
}

void Workload::on_target_gone(model::SubscriptionNo subscription) {
    targets_.erase(subscription);
}

void Workload::on_deliveries(std::vector<api::Delivery> deliveries) {
    for (api::Delivery& delivery : deliveries) {
        note(delivery.message.value ^ delivery.attempt);
        const api::Target& target = targets_.at(delivery.subscription);
        ++met_[delivery.attempt > 1 ? "hand-out again" : "hand-out"];
        if (target.spec.sink == model::SinkKind::http) {
            referee_.seen({target.topic + "/" + target.name,
                           delivery.payload,
                           delivery.message,
                           delivery.attempt,
                           clock_.wall_ms()});
        }
        deliveries_.push_back(std::move(delivery));
    }
}

void Workload::settle() {
    for (std::uint64_t count = 1 + random_.below(6); count > 0 && !deliveries_.empty(); --count) {
        const auto at = static_cast<std::ptrdiff_t>(random_.below(deliveries_.size()));
        const api::Delivery delivery = deliveries_[static_cast<std::size_t>(at)];
        deliveries_.erase(deliveries_.begin() + at);
        settle_one(delivery);
    }
}

void Workload::settle_one(const api::Delivery& delivery) {
    const api::Target& target = targets_.at(delivery.subscription);
    const model::SubscriptionNo number = delivery.subscription;
    machine_->node().grant(number, 1);
    model::SettleItem item;
    item.sequence = delivery.sequence;
    item.generation = delivery.generation;
    const std::string place = target.topic + "/" + target.name;
    const auto token = token_of(delivery.payload);
    check(token.has_value(), "the referee has complained about foreign bytes before");
    const std::uint64_t dice = random_.below(10);
    item.verdict = dice < 5   ? model::Verdict::accepted
                   : dice < 8 ? model::Verdict::retry
                   : dice < 9 ? model::Verdict::not_attempted
                              : model::Verdict::rejected;
    if (target.spec.sink == model::SinkKind::queue) {
        // The queue takes it in one entry, as the real sink does.
        return machine_->node().feed(
            number, delivery.sequence, delivery.generation, [](model::Failure) {});
    }
    model::Attempt attempt;
    attempt.sequence = item.sequence;
    attempt.message = delivery.message;
    attempt.number = delivery.attempt;
    attempt.at_ms = clock_.wall_ms();
    attempt.verdict = item.verdict;
    std::vector<model::Attempt> attempts;
    if (item.verdict != model::Verdict::not_attempted) attempts.push_back(attempt);
    if (item.verdict == model::Verdict::accepted) referee_.begin_remove(place, *token);
    auto done =
        once("settle " + std::string(to_text(item.verdict)),
             [this, place, token, item, tried = delivery.attempt](Ending ending) {
                 if (item.verdict == model::Verdict::accepted) {
                     referee_.end_remove(place, *token, ending);
                 } else if (item.verdict == model::Verdict::retry && ending == Ending::done) {
                     referee_.failed(place, *token, tried);
                 }
             });
    machine_->node().settle({number, {}, {item}, std::move(attempts), {}},
                            [done = std::move(done)](const api::Dispatch::Settled&) { done(); });
}

}  // namespace penstock::simulation

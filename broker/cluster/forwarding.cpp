#include "broker/cluster/forwarding.h"

#include "broker/api/refusing.h"
#include "broker/api/wire.h"
#include "broker/model/wire.h"
#include "broker/node/entry_bodies.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>
#include <variant>

namespace penstock::cluster {

namespace {

namespace transport = replication::transport;

constexpr std::int64_t try_pause_us = 20'000;   // before a node that did not lead is asked again
constexpr std::int64_t look_pause_us = 20'000;  // while nobody is known to lead
constexpr std::int64_t names_wait_us = 1'000'000;

std::uint64_t schema() {
    static const std::uint64_t known = api::schema_of_requests();
    return known;
}

bool has_dedup_key(const api::Request& request) {
    if (const auto* send = std::get_if<api::SendMessages>(&request)) {
        return !send->dedup_key.empty();
    }
    const auto* publish = std::get_if<api::PublishMessages>(&request);
    return publish != nullptr && !publish->dedup_key.empty();
}

HandedAnswer not_leading(NodeId leader) {
    HandedAnswer answer;
    answer.heard = Heard::not_leading;
    answer.leader = leader.value;
    return answer;
}

model::Refusal unreadable_reply() {
    return {model::Reason::unknown_outcome, {}, "another node's reply cannot be read"};
}

model::Refusal too_much() {
    return {model::Reason::overloaded, {}, "too much waits for other nodes"};
}

HandedAnswer misunderstood() {
    HandedAnswer answer;
    answer.heard = Heard::misunderstood;
    return answer;
}

NodeId leader_of(node::Node& node, SetId set) {
    node::HostedSet* hosted = node.hosted(set);
    return hosted == nullptr ? NodeId{} : hosted->leader();
}

bool leads(node::Node& node, SetId set) {
    if (set == model::names_set) return node.names_set().leading();
    node::DataDesk* desk = node.desk(set);
    return desk != nullptr && desk->serving();
}

std::vector<model::Command> commands_of(const node::Submission& submission) {
    std::vector<model::Command> commands{submission.command};
    for (const auto& one : submission.followers) commands.push_back(one.command);
    return commands;
}

// What a leader said to one command, or to several.
void take_replies(const node::Submission& submission, const std::string& answer) {
    if (submission.followers.empty()) {
        auto reply = model::reply_from_wire(answer);
        if (!reply) return node::refuse(submission, unreadable_reply());
        if (submission.done) submission.done(std::move(*reply));
        return;
    }
    const auto list = decode_replies(answer);
    std::vector<model::Reply> replies;
    for (std::size_t at = 0; list && at < list->replies.size(); ++at) {
        auto reply = model::reply_from_wire(list->replies[at]);
        if (reply) replies.push_back(std::move(*reply));
    }
    if (replies.size() != 1 + submission.followers.size()) {
        return node::refuse(submission, unreadable_reply());
    }
    if (submission.done) submission.done(std::move(replies.front()));
    for (std::size_t at = 0; at < submission.followers.size(); ++at) {
        const auto& done = submission.followers[at].done;
        if (done) done(std::move(replies[at + 1]));
    }
}

// One command, or several Transfers; whose bodies are there.
bool may_be_submitted(const std::vector<model::Command>& commands, std::size_t bodies) {
    return !commands.empty() && commands.size() <= node::commands_per_entry_max &&
           std::all_of(commands.begin(), commands.end(), [&](const model::Command& command) {
               const auto* transfer = std::get_if<model::Transfer>(&command);
               return transfer != nullptr ? transfer->ordinal < bodies : commands.size() == 1;
           });
}

// The replies to several commands: one answer, when the last is there.
class Gathered {
  public:
    Gathered(std::size_t count, std::function<void(std::string)> all)
        : replies_{std::vector<std::string>(count)}, left_(count), all_(std::move(all)) {}

    void take(std::size_t at, const model::Reply& reply) {
        replies_.replies[at] = model::reply_to_wire(reply);
        if (--left_ == 0) all_(encode_answer(replies_));
    }

  private:
    ReplyList replies_;
    std::size_t left_;
    std::function<void(std::string)> all_;
};

}  // namespace

bool Forwarding::has_room(std::uint64_t bytes) const {
    return parcels_.size() < parcels_max && bytes_ + bytes <= parcel_bytes_max;
}

void Forwarding::add(Parcel parcel) {
    if (!has_room(parcel.question.size())) return parcel.refused(too_much());
    bytes_ += parcel.question.size();
    parcels_.emplace(next_id_++, std::move(parcel));
    look_now_ = true;
}

void Forwarding::request(node::Node& node,
                         SetId set,
                         const node::CallPtr& call,
                         const api::Request& request,
                         node::PreparedBodies bodies,
                         bool repeatable) {
    if (served_polls_.give_back(call, encode_answer(not_leading(leader_of(node, set))))) return;
    ForwardQuestion question;
    question.schema = schema();
    question.set = set.value;
    question.principal = api::encode_principal(call->principal());
    question.request = api::encode_request(request);
    question.bodies = bodies.bytes;
    Parcel parcel;
    parcel.set = set;
    parcel.question = encode_question(question);
    parcel.deadline_us = clock_.steady_us() + request_timeout_us_ + poll_us(request);
    parcel.repeatable = repeatable || has_dedup_key(request);
    parcel.call = call;
    call->polling = true;  // this parcel's deadline counts
    if (poll_us(request) > 0) {
        parcel.anew = [question, request, answer_us = request_timeout_us_](std::int64_t left_us) {
            ForwardQuestion again = question;
            api::Request rest = request;
            shorten(rest, left_us, answer_us);
            again.request = api::encode_request(rest);
            return encode_question(again);
        };
    }
    parcel.here =
        [this, call, request, bodies = std::move(bodies), set, until_us = parcel.deadline_us](
            node::Node& here) {
            call->polling = false;
            api::Request rest = request;
            shorten(rest, until_us - clock_.steady_us(), request_timeout_us_);
            here.begin_forwarded(call, std::move(rest), bodies, set);
        };
    parcel.answered = [&node, call, index = request.index()](const HandedAnswer& answer) {
        auto outcome = api::decode_outcome(index, answer.answer);
        if (!outcome) {
            return node.completions().refuse(
                call, {model::Reason::unknown_outcome, {}, "another node's answer cannot be read"});
        }
        node.completions().answer(call, std::move(*outcome));
    };
    parcel.refused = [&node, call](model::Refusal why) {
        node.completions().refuse(call, std::move(why));
    };
    add(std::move(parcel));
}

void Forwarding::command(SetId set, node::Submission submission) {
    if (!has_room(node::body_bytes(submission.bodies))) {
        return node::refuse(submission, too_much());
    }
    SubmitQuestion question;
    question.schema = schema();
    question.set = set.value;
    question.command = model::encode_commands(commands_of(submission));
    question.bodies = submission.bodies.bytes;
    Parcel parcel;
    parcel.set = set;
    parcel.question = encode_question(question);
    parcel.deadline_us = clock_.steady_us() + request_timeout_us_;
    parcel.call = submission.call;
    auto shared = std::make_shared<node::Submission>(std::move(submission));
    parcel.here = [shared, set](node::Node& here) {
        here.submit(set, std::move(*shared));
    };
    parcel.answered = [shared](const HandedAnswer& answer) {
        take_replies(*shared, answer.answer);
    };
    parcel.refused = [shared](const model::Refusal& why) {
        node::refuse(*shared, why);
    };
    if (!shared->followers.empty()) {
        parcel.apart = [this, shared, set] {
            node::take_apart(std::move(*shared),
                             [this, set](node::Submission one) { command(set, std::move(one)); });
        };
    }
    add(std::move(parcel));
}

void Forwarding::names_current(std::function<void(bool)> then) {
    Parcel parcel;
    parcel.set = model::names_set;
    parcel.question = encode_question(NamesQuestion{});
    parcel.deadline_us = clock_.steady_us() + names_wait_us;
    parcel.repeatable = true;
    auto shared = std::make_shared<std::function<void(bool)>>(std::move(then));
    parcel.here = [shared](node::Node& here) {
        here.names_set().confirm([shared](bool leading) { (*shared)(leading); });
    };
    parcel.answered = [shared](const HandedAnswer&) {
        (*shared)(true);
    };
    parcel.refused = [shared](const model::Refusal&) {
        (*shared)(false);
    };
    add(std::move(parcel));
}

void Forwarding::send(std::uint64_t id, Parcel& parcel, NodeId to, std::int64_t now_us) {
    if (parcel.tries > 0 && parcel.anew) {
        bytes_ -= parcel.question.size();
        parcel.question = parcel.anew(parcel.deadline_us - now_us);
        bytes_ += parcel.question.size();
    }
    // From here on it may take effect, whatever becomes of the answer.
    if (parcel.call && !parcel.call->mark_proposed()) return refuse(id);
    parcel.under_way = true;
    ++parcel.tries;
    ++counters_.forwarded;
    if (parcel.tries > 1) ++counters_.repeated;
    const auto left = std::chrono::milliseconds((parcel.deadline_us - now_us) / 1'000 + 1);
    auto take = [mailbox = mailbox_, this, id](transport::Answer answer) {
        mailbox->post(
            [this, id, answer = std::move(answer)](node::Node& node) { back(node, id, answer); });
    };
    peers_->ask(to, transport::Lane::requests, parcel.question, left, std::move(take));
}

void Forwarding::try_again(std::uint64_t id, Parcel& parcel, std::int64_t pause_us) {
    if (!parcel.repeatable && parcel.maybe_delivered) return refuse(id);
    parcel.under_way = false;
    parcel.next_try_us = clock_.steady_us() + pause_us;
}

void Forwarding::refuse(std::uint64_t id) {
    auto found = parcels_.extract(id);
    if (found.empty()) return;
    Parcel& parcel = found.mapped();
    bytes_ -= parcel.question.size();
    if (parcel.maybe_delivered) {
        ++counters_.unknown;
        parcel.refused({model::Reason::unknown_outcome,
                        {},
                        "the link to the leader broke: it may or may not have taken effect"});
    } else {
        parcel.refused({model::Reason::unavailable,
                        {},
                        "no leader of the set is known: nothing happened, try again"});
    }
}

void Forwarding::back(node::Node& node, std::uint64_t id, const transport::Answer& answer) {
    const auto found = parcels_.find(id);
    if (found == parcels_.end()) return;
    Parcel& parcel = found->second;
    parcel.hint = {};
    if (!answer) {
        parcel.maybe_delivered = parcel.maybe_delivered || answer.error().maybe_delivered;
        return try_again(id, parcel, try_pause_us);
    }
    auto handed = decode_handed(*answer);
    if (!handed || handed->heard == Heard::misunderstood) {
        // Of another build: clients are to ask the leader themselves until all are of one.
        if (!parcel.apart) return refuse(id);
        auto together = parcels_.extract(id);
        bytes_ -= together.mapped().question.size();
        return together.mapped().apart();
    }
    if (handed->heard == Heard::not_leading) {
        parcel.hint = NodeId{handed->leader};
        return try_again(id, parcel, parcel.hint.value == 0 ? try_pause_us : 0);
    }
    finish(node, id, std::move(*handed));
}

void Forwarding::finish(node::Node& node, std::uint64_t id, HandedAnswer answer) {
    auto found = parcels_.extract(id);
    bytes_ -= found.mapped().question.size();
    auto deliver = [answered = std::move(found.mapped().answered), answer = std::move(answer)] {
        answered(answer);
    };
    // Whoever is told that something was made finds its name by this node at once.
    const std::uint64_t index = answer.names_index;
    if (index <= node.names_set().applied()) return deliver();
    held_.push_back({index, clock_.steady_us() + names_wait_us, std::move(deliver)});
}

bool Forwarding::look_at(node::Node& node, std::uint64_t id, Parcel& parcel, std::int64_t now_us) {
    if (parcel.call && parcel.call->answered()) {
        bytes_ -= parcel.question.size();
        return true;
    }
    if (parcel.under_way || parcel.next_try_us > now_us) return false;
    if (leads(node, parcel.set)) {
        bytes_ -= parcel.question.size();
        parcel.here(node);
        return true;
    }
    const NodeId guess = parcel.hint.value != 0 ? parcel.hint : guess_(parcel.set, parcel.tries);
    if (guess.value == 0 || guess == self_ || peers_ == nullptr) {
        parcel.hint = {};
        parcel.next_try_us = now_us + look_pause_us;
        return false;
    }
    send(id, parcel, guess, now_us);
    return false;
}

void Forwarding::run(node::Node& node, std::int64_t now_us) {
    look_now_ = false;
    std::vector<std::uint64_t> ids;
    ids.reserve(parcels_.size());
    for (const auto& [id, parcel] : parcels_) ids.push_back(id);
    for (const std::uint64_t id : ids) {
        const auto found = parcels_.find(id);
        if (found == parcels_.end()) continue;
        if (!found->second.under_way && found->second.deadline_us <= now_us) {
            refuse(id);
        } else if (look_at(node, id, found->second, now_us)) {
            parcels_.erase(id);
        }
    }
    const std::uint64_t applied = node.names_set().applied();
    names_applied(applied);
    std::vector<Held> held = std::exchange(held_, {});
    for (Held& one : held) {
        if (one.names_index <= applied || one.until_us <= now_us) {
            one.deliver();
        } else {
            held_.push_back(std::move(one));
        }
    }
}

std::int64_t Forwarding::next_wake_us() const {
    if (look_now_) return 0;
    std::int64_t next_us = std::numeric_limits<std::int64_t>::max();
    for (const auto& [id, parcel] : parcels_) {
        if (!parcel.under_way) next_us = std::min(next_us, parcel.next_try_us);
    }
    for (const Held& held : held_) next_us = std::min(next_us, held.until_us);
    return next_us;
}

bool Forwarding::serve(node::Node& node,
                       const std::string& question,
                       const transport::Respond& respond) {
    if (question.empty()) return false;
    const std::string_view rest = std::string_view(question).substr(1);
    switch (static_cast<Word>(question.front())) {
        case Word::forward:
            serve_request(node, rest, respond);
            return true;
        case Word::submit:
            serve_command(node, rest, respond);
            return true;
        case Word::names:
            serve_names(node, respond);
            return true;
        case Word::found:
        case Word::chunk:
        case Word::view:
        case Word::record:
        case Word::agree:
        case Word::unfit:
            break;
    }
    return false;
}

void Forwarding::serve_request(node::Node& node,
                               std::string_view bytes,
                               const transport::Respond& respond) {
    auto question = decode_forward(bytes);
    if (!question || question->schema != schema()) return respond(encode_answer(misunderstood()));
    auto request = api::decode_request(question->request);
    auto principal = api::decode_principal(question->principal);
    if (!request || !principal) return respond(encode_answer(misunderstood()));
    const SetId set{question->set};
    if (!leads(node, set)) return respond(encode_answer(not_leading(leader_of(node, set))));
    if (auto why = quotas_ == nullptr ? std::nullopt : quotas_->admit_forwarded(*request)) {
        HandedAnswer answer;
        answer.answer =
            api::encode_outcome(request->index(), api::refusal_of(*request, std::move(*why)));
        answer.names_index = names_applied_->load();
        return respond(encode_answer(answer));
    }
    ++counters_.served;
    node::PreparedBodies bodies;
    for (std::string& body : question->bodies) {
        bodies.infos.push_back(node::info_of(body));
        bodies.bytes.push_back(std::move(body));
    }
    api::Broker::Answer answered =
        [applied = names_applied_, respond, index = request->index()](const std::any& outcome) {
            HandedAnswer answer;
            answer.answer = api::encode_outcome(index, outcome);
            answer.names_index = applied->load();
            respond(encode_answer(answer));
        };
    if (quotas_ != nullptr) answered = quotas_->counting(*request, std::move(answered));
    auto call = std::make_shared<node::Call>(answers_,
                                             std::move(answered),
                                             node::refuse_of(*request),
                                             node.mailbox(),
                                             std::move(*principal));
    const auto* receive = std::get_if<api::ReceiveMessages>(&*request);
    if (receive != nullptr && receive->wait_s != 0U) served_polls_.add(call, respond);
    node.begin_forwarded(call, std::move(*request), std::move(bodies), set);
}

void Forwarding::serve_command(node::Node& node,
                               std::string_view bytes,
                               const transport::Respond& respond) {
    auto question = decode_submit(bytes);
    if (!question || question->schema != schema()) return respond(encode_answer(misunderstood()));
    auto commands = model::decode_commands(question->command);
    if (!commands || !may_be_submitted(*commands, question->bodies.size())) {
        return respond(encode_answer(misunderstood()));
    }
    const SetId set{question->set};
    if (!leads(node, set)) return respond(encode_answer(not_leading(leader_of(node, set))));
    ++counters_.served;
    node::Submission submission;
    submission.command = std::move(commands->front());
    for (std::string& body : question->bodies) {
        submission.bodies.infos.push_back(node::info_of(body));
        submission.bodies.bytes.push_back(std::move(body));
    }
    const auto hand_back = [&node, respond](std::string reply) {
        HandedAnswer answer;
        answer.answer = std::move(reply);
        answer.names_index = node.names_set().applied();
        respond(encode_answer(answer));
    };
    if (commands->size() == 1) {
        submission.done = [hand_back](const model::Reply& reply) {
            hand_back(model::reply_to_wire(reply));
        };
        return node.submit(set, std::move(submission));
    }
    auto gathered = std::make_shared<Gathered>(commands->size(), hand_back);
    submission.done = [gathered](const model::Reply& reply) {
        gathered->take(0, reply);
    };
    for (std::size_t at = 1; at < commands->size(); ++at) {
        submission.followers.push_back(
            {std::move((*commands)[at]), [gathered, at](const model::Reply& reply) {
                 gathered->take(at, reply);
             }});
    }
    node.submit(set, std::move(submission));
}

void Forwarding::serve_names(node::Node& node, const transport::Respond& respond) {
    node::HostedSet* names = node.hosted(model::names_set);
    if (!names->leading()) return respond(encode_answer(not_leading(names->leader())));
    names->confirm([&node, respond, names](bool leading) {
        if (!leading) return respond(encode_answer(not_leading(names->leader())));
        HandedAnswer answer;
        answer.names_index = node.names_set().applied();
        respond(encode_answer(answer));
    });
}

}  // namespace penstock::cluster

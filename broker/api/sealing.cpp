#include "broker/api/sealing.h"

#include "broker/api/refusing.h"
#include "broker/base/hash.h"
#include "broker/model/account_name.h"

#include <boost/asio/post.hpp>

#include <any>
#include <utility>
#include <variant>

namespace penstock::api {

namespace {

// What a request brings and for whom; no name: it brings nothing.
struct Brought {
    Addressee to;
    std::vector<model::NewMessage>* messages = nullptr;
};

Brought brought_by(Request& request) {
    if (auto* send = std::get_if<SendMessages>(&request)) {
        return {{false, send->queue}, &send->messages};
    }
    if (auto* publish = std::get_if<PublishMessages>(&request)) {
        return {{true, publish->topic}, &publish->messages};
    }
    auto* edit = std::get_if<EditDeadLetter>(&request);
    if (edit == nullptr) return {};
    // TOPIC/NAME: the letter goes back to a subscription of that topic.
    const std::size_t slash = edit->queue.find('/');
    return {{slash != std::string::npos, edit->queue.substr(0, slash)}, &edit->messages};
}

model::Refusal unavailable(std::string detail) {
    return {model::Reason::unavailable, {}, std::move(detail)};
}

std::uint64_t bytes_of(const std::vector<model::NewMessage>& messages) {
    std::uint64_t bytes = 0;
    for (const model::NewMessage& message : messages) bytes += message.payload.size();
    return bytes;
}

Addressee addressee_of(const std::string& account, const HandlerOutput& output) {
    if (!output.queue.empty()) return {false, model::stored_name(account, output.queue)};
    return {true, model::stored_name(account, output.topic)};
}

// The receiver's own words: an answer's body, what a handler said it failed of.
template <class Ended>
void leave_words_out(Ended& ended) {
    using model::Failure;
    const bool of_receiver = ended.status != 0 || ended.failure == Failure::handler ||
                             ended.failure == Failure::crash || ended.failure == Failure::budget ||
                             ended.failure == Failure::none;
    if (of_receiver && !ended.excerpt.empty()) ended.excerpt = words_not_kept;
    if (!ended.log.empty()) ended.log = words_not_kept;
}

}  // namespace

std::atomic<Packer::NumbersPtr>& Packer::shard_of(const Addressee& to) {
    return numbers_[hash64(to.name) % shards];
}

std::optional<model::ObjectNo> Packer::number_of(const Addressee& to) const {
    const NumbersPtr numbers = numbers_[hash64(to.name) % shards].load();
    if (!numbers) return std::nullopt;
    const auto found = numbers->find(to);
    if (found == numbers->end() || clock_.steady_us() >= found->second.until_us)
        return std::nullopt;
    return found->second.object;
}

// Two at once: one of them is asked for again some time.
void Packer::remember(const Addressee& to, model::ObjectNo object) {
    std::atomic<NumbersPtr>& place = shard_of(to);
    const NumbersPtr before = place.load();
    auto after = before && before->size() < names_per_shard_max ? std::make_shared<Numbers>(*before)
                                                                : std::make_shared<Numbers>();
    (*after)[to] = {object, clock_.steady_us() + number_us};
    place.store(std::move(after));
}

std::optional<SealFor> Packer::known(const Addressee& to) {
    const auto number = number_of(to);
    if (!number) return std::nullopt;
    auto key = keys_->current(*number);
    if (!key) return std::nullopt;
    return SealFor{*number, std::move(key)};
}

template <class R>
void Packer::ask(R request,
                 const Addressee& to,
                 const asio::any_io_executor& executor,
                 Answered<SealFor> answer) {
    inner_.call({},
                Request{std::move(request)},
                executor,
                [this, to, executor, answer = std::move(answer)](std::any outcome) {
                    const auto& view = std::any_cast<const Outcome<typename R::Reply>&>(outcome);
                    if (!view) return answer(view.error());
                    const model::ObjectNo object{view->number};
                    remember(to, object);
                    find_key(to, object, executor, answer);
                });
}

void Packer::find(const Addressee& to,
                  const asio::any_io_executor& executor,
                  Answered<SealFor> answer) {
    if (const auto number = number_of(to))
        return find_key(to, *number, executor, std::move(answer));
    if (to.topic) return ask(GetTopic{to.name}, to, executor, std::move(answer));
    ask(GetQueue{to.name}, to, executor, std::move(answer));
}

void Packer::find_key(const Addressee& to,
                      model::ObjectNo object,
                      const asio::any_io_executor& executor,
                      Answered<SealFor> answer) {
    auto made = [object, executor, answer = std::move(answer)](Result<DataKeyPtr> key) {
        asio::post(executor, [object, answer, key = std::move(key)]() mutable {
            if (!key) return answer(unavailable(key.error().detail));
            answer(SealFor{object, std::move(*key)});
        });
    };
    keys_->make(object, std::move(made), std::string(model::account_of(to.name)));
}

void Packer::compress(model::NewMessage& message) const {
    if (compress_) compress_payload(message);
}

void Packer::seal(model::NewMessage& message, const SealFor& with) {
    seal_payload(message, with.key->account(), with.object, *with.key, keys_->random());
}

bool Packer::reserve(std::uint64_t bytes) {
    if (waiting_bytes_.fetch_add(bytes) + bytes <= waiting_bytes_max) return true;
    release(bytes);
    return false;
}

std::shared_ptr<Cancellation> SealingBroker::call(const Principal& principal,
                                                  Request request,
                                                  asio::any_io_executor executor,
                                                  Answer answer) {
    Brought brought = brought_by(request);
    if (brought.messages == nullptr || !ready()) {
        return inner_.call(principal, std::move(request), std::move(executor), std::move(answer));
    }
    for (model::NewMessage& message : *brought.messages) packer_.compress(message);
    if (!packer_.seals()) {
        return inner_.call(principal, std::move(request), std::move(executor), std::move(answer));
    }
    if (const auto with = packer_.known(brought.to)) {
        for (model::NewMessage& message : *brought.messages) packer_.seal(message, *with);
        return inner_.call(principal, std::move(request), std::move(executor), std::move(answer));
    }
    const std::uint64_t bytes = bytes_of(*brought.messages);
    if (!packer_.reserve(bytes)) {
        refuse(request,
               {model::Reason::overloaded, {}, "too many messages wait for the key service"},
               executor,
               std::move(answer));
        return nullptr;
    }
    // Answers are copied about; the request is one.
    auto waiting = std::make_shared<Request>(std::move(request));
    auto found = [this, principal, waiting, executor, answer = std::move(answer), bytes](
                     Outcome<SealFor> with) mutable {
        packer_.release(bytes);
        if (!with) return answer(refusal_of(*waiting, with.error()));
        for (model::NewMessage& message : *brought_by(*waiting).messages) {
            packer_.seal(message, *with);
        }
        inner_.call(principal, std::move(*waiting), executor, std::move(answer));
    };
    packer_.find(brought.to, executor, std::move(found));
    return nullptr;
}

// A settlement whose outputs are being sealed, one after the other.
struct SealingDispatch::Sealing {
    Settlement settlement;
    std::function<void(Settled)> done;
    std::size_t effects = 0;
    std::size_t output = 0;

    // The next one to be sealed; null: none is left. What is refused needs no seals.
    HandlerOutput* next() {
        for (; effects < settlement.effects.size(); ++effects, output = 0) {
            HandlerEffects& current = settlement.effects[effects];
            if (!current.refused && output < current.outputs.size())
                return &current.outputs[output];
        }
        return nullptr;
    }

    void refuse(model::Refusal why) {
        HandlerEffects& current = settlement.effects[effects];
        current.refused = std::move(why);
        current.outputs.clear();
    }
};

void SealingDispatch::settle(Settlement settlement, std::function<void(Settled)> done) {
    if (packer_.seals()) {
        for (model::SettleItem& item : settlement.items) leave_words_out(item);
        for (model::Attempt& attempt : settlement.attempts) leave_words_out(attempt);
    }
    bool outputs = false;
    for (HandlerEffects& effects : settlement.effects) {
        for (HandlerOutput& output : effects.outputs) {
            packer_.compress(output.message);
            outputs = true;
        }
    }
    if (!outputs || !packer_.seals()) {
        return inner_.settle(std::move(settlement), std::move(done));
    }
    seal_next(std::make_shared<Sealing>(Sealing{std::move(settlement), std::move(done), 0, 0}));
}

void SealingDispatch::seal_next(const std::shared_ptr<Sealing>& sealing) {
    while (HandlerOutput* output = sealing->next()) {
        const Addressee to = addressee_of(sealing->settlement.account, *output);
        const auto with = packer_.known(to);
        if (!with) {
            return packer_.find(to, executor_, [this, sealing](Outcome<SealFor> found) {
                if (!found) {
                    sealing->refuse(found.error());
                } else {
                    packer_.seal(sealing->next()->message, *found);
                    ++sealing->output;
                }
                seal_next(sealing);
            });
        }
        packer_.seal(output->message, *with);
        ++sealing->output;
    }
    inner_.settle(std::move(sealing->settlement), std::move(sealing->done));
}

}  // namespace penstock::api

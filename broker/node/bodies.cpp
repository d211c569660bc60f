#include "broker/node/bodies.h"

#include "broker/base/log.h"
#include "broker/node/options.h"
#include "broker/storage/log/body_reader.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace penstock::node {

namespace {

// Bodies of 1 MiB of a passage that are in memory together.
constexpr std::uint32_t piece_bodies_usual = 32;

using Opened = Result<std::string>;

// What a reader hears: where the server keeps its files is not for everybody.
Error told(const Error& why) {
    if (why.code != Errc::unavailable) return why;
    log_line(LogLevel::warn, "node", "event=body_not_read detail=" + why.detail);
    return error(Errc::unavailable, "the body cannot be read at this moment");
}

// A packed body as one that is not; `key` is null where it is not sealed.
Opened opened(const model::StoredBody& stored, const api::DataKey* key) {
    auto payload = api::open_payload(*stored.packing, stored.payload, key);
    if (!payload) return payload.error();
    return model::encode_body(model::NewMessage{stored.meta, std::move(*payload)});
}

}  // namespace

struct Bodies::Reading {
    std::vector<model::MessageId> messages;
    std::vector<Result<storage::BodySource>> sources;
    std::vector<std::optional<FetchedBody>> bodies;
    Fetched fetched;
    BodyForm form = BodyForm::opened;
    Waiting waiting;
    // What the key service said, by wrapped key.
    std::map<std::string, Result<api::DataKeyPtr>, std::less<>> keys;

    // True when every body is read or known to be unreadable.
    bool read(storage::BodySource::Wait wait) {
        bool complete = true;
        storage::BodyReader reader(wait);
        for (std::size_t at = 0; at < sources.size(); ++at) {
            if (bodies[at]) continue;
            if (!sources[at]) {
                bodies[at] = told(sources[at].error());
                continue;
            }
            FetchedBody body = reader.read(*sources[at], next_of(at));
            if (!body && wait == storage::BodySource::Wait::no &&
                body.error().code == Errc::unavailable) {
                complete = false;
                continue;
            }
            bodies[at] = body ? std::move(body) : told(body.error());
        }
        return complete;
    }

    [[nodiscard]] storage::BodyReader::Next next_of(std::size_t at) const {
        using Next = storage::BodyReader::Next;
        if (at + 1 == messages.size()) return Next::elsewhere;
        const model::MessageId here = messages[at];
        const model::MessageId next = messages[at + 1];
        const bool near = next.set() == here.set() &&
                          (next.index() == here.index() || next.index() == here.index() + 1);
        return near ? Next::neighbour : Next::elsewhere;
    }

    [[nodiscard]] bool is_damaged(std::size_t at) const {
        return bodies[at] && !*bodies[at] && bodies[at]->error().code == Errc::damaged;
    }

    using Places = std::set<std::pair<model::SetId, model::LogIndex>>;

    [[nodiscard]] Places damaged() const {
        Places places;
        for (std::size_t at = 0; at < bodies.size(); ++at) {
            if (is_damaged(at)) places.emplace(messages[at].set(), messages[at].index());
        }
        return places;
    }

    void take(const storage::EntryRecord& copy) {
        for (std::size_t at = 0; at < bodies.size(); ++at) {
            const model::MessageId message = messages[at];
            const std::uint32_t ordinal = message.ordinal();
            const bool wanted = is_damaged(at) && message.set() == copy.set &&
                                message.index() == copy.index && ordinal < copy.bodies.size();
            if (!wanted || std::binary_search(copy.absent.begin(), copy.absent.end(), ordinal)) {
                continue;
            }
            bodies[at] = storage::BodySource::Body{copy.bodies[ordinal], copy.time_ms};
        }
    }

    // Opens what is packed. Seals whose keys nobody has asked for yet are left, one of each.
    std::vector<model::Seal> open(const api::DataKeys* known) {
        std::vector<model::Seal> missing;
        if (form == BodyForm::stored) return missing;
        for (std::optional<FetchedBody>& body : bodies) {
            if (!body || !*body || !model::is_packed((*body)->bytes)) continue;
            const auto stored = model::decode_body((*body)->bytes);
            // Bytes that are no message are their readers' to judge.
            if (!stored) continue;
            api::DataKeyPtr key;
            if (stored->packing->seal) {
                auto had = key_of(*stored->packing->seal, known, missing);
                if (!had) {
                    body = had.error();
                    continue;
                }
                if (*had == nullptr) continue;
                key = std::move(*had);
            }
            auto plain = opened(*stored, key.get());
            if (plain) {
                (*body)->bytes = std::move(*plain);
            } else {
                body = plain.error();
            }
        }
        return missing;
    }

    // Null: it is among those that are missing.
    Result<api::DataKeyPtr> key_of(const model::Seal& seal,
                                   const api::DataKeys* known,
                                   std::vector<model::Seal>& missing) const {
        if (known == nullptr) {
            return error(Errc::unavailable,
                         "the body is sealed, and this server has no key: see [encryption]");
        }
        const auto told = keys.find(seal.wrapped_key);
        if (told != keys.end()) return told->second;
        if (auto key = known->known(seal)) return key;
        const auto same = [&seal](const model::Seal& one) {
            return one.wrapped_key == seal.wrapped_key;
        };
        if (std::none_of(missing.begin(), missing.end(), same)) missing.push_back(seal);
        return api::DataKeyPtr();
    }

    void finish() {
        std::vector<FetchedBody> all;
        all.reserve(bodies.size());
        for (auto& body : bodies) all.push_back(std::move(*body));
        fetched(std::move(all));
    }
};

struct Bodies::Passage {
    std::deque<ReadingPtr> pieces;
    std::size_t at = 0;
    boost::asio::any_io_executor executor;
    Take take;
    std::function<void()> done;
};

Bodies::ReadingPtr Bodies::find(const std::vector<model::MessageId>& messages,
                                Fetched fetched,
                                BodyForm form) const {
    auto reading = std::make_shared<Reading>();
    reading->form = form;
    reading->messages = messages;
    for (const model::MessageId message : messages) {
        reading->sources.push_back(store_.find(message));
    }
    reading->bodies.resize(messages.size());
    reading->fetched = std::move(fetched);
    return reading;
}

void Bodies::mend_or_finish(const ReadingPtr& reading, Back back) {
    if (!mend_ || reading->damaged().empty()) return open_and_finish(reading, back);
    mailbox_->post(
        [this, reading, back = std::move(back)](Node& /*node*/) { mend(reading, back); });
}

void Bodies::mend(const ReadingPtr& reading, const Back& back) {
    const Reading::Places places = reading->damaged();
    const auto left = std::make_shared<std::size_t>(places.size());
    for (const auto& [set, index] : places) {
        mend_(set, index, [this, reading, back, left](const storage::EntryRecord* copy) {
            if (copy != nullptr) reading->take(*copy);
            if (--*left == 0) back([this, reading, back] { open_and_finish(reading, back); });
        });
    }
}

// Where the reading was wanted. The key service is asked for the keys that are not known, all of
// them, before the rest is opened.
void Bodies::open_and_finish(const ReadingPtr& reading, const Back& back) {
    const std::vector<model::Seal> missing = reading->open(keys_);
    if (missing.empty()) return reading->finish();
    if (reading->waiting) std::exchange(reading->waiting, nullptr)();
    // Answers come one after the other, on the thread of the key service.
    const auto left = std::make_shared<std::size_t>(missing.size());
    for (const model::Seal& seal : missing) {
        keys_->obtain(seal, [this, reading, back, left, wrapped = seal.wrapped_key](auto key) {
            reading->keys.emplace(wrapped, std::move(key));
            if (--*left > 0) return;
            mailbox_->post([this, reading, back](Node& /*node*/) {
                back([this, reading, back] { open_and_finish(reading, back); });
            });
        });
    }
}

void Bodies::fetch(const std::vector<model::MessageId>& messages,
                   const boost::asio::any_io_executor& executor,
                   Fetched fetched,
                   BodyForm form,
                   Waiting waiting) {
    auto reading = find(messages, std::move(fetched), form);
    reading->waiting = std::move(waiting);
    Back back = [this, executor](Completions::Job job) {
        completions_.add(executor, std::move(job));
    };
    if (offload_.stepped()) {
        reading->read(storage::BodySource::Wait::yes);
        completions_.add(executor, [this, reading, back] { mend_or_finish(reading, back); });
        return;
    }
    completions_.add(executor, [this, reading, executor, back] { read(reading, executor, back); });
}

void Bodies::read(const ReadingPtr& reading,
                  const boost::asio::any_io_executor& executor,
                  const Back& back) {
    const auto wait =
        offload_.stepped() ? storage::BodySource::Wait::yes : storage::BodySource::Wait::no;
    if (reading->read(wait)) return mend_or_finish(reading, back);
    offload_.cold([this, reading, executor, back] {
        reading->read(storage::BodySource::Wait::yes);
        boost::asio::post(executor, [this, reading, back] { mend_or_finish(reading, back); });
    });
}

void Bodies::go_through(const std::vector<model::MessageId>& messages,
                        const boost::asio::any_io_executor& executor,
                        Take take,
                        std::function<void()> done) {
    auto passage = std::make_shared<Passage>();
    passage->executor = executor;
    passage->take = std::move(take);
    passage->done = std::move(done);
    const std::size_t piece_bodies_max = bodies_at_a_time(piece_bodies_usual, body_bytes_max_);
    // All are found now: what is deleted meanwhile can still be read.
    for (std::size_t first = 0; first < messages.size(); first += piece_bodies_max) {
        const std::size_t end = std::min(first + piece_bodies_max, messages.size());
        const auto from = messages.begin() + static_cast<std::ptrdiff_t>(first);
        const auto to = messages.begin() + static_cast<std::ptrdiff_t>(end);
        passage->pieces.push_back(find({from, to}, {}, BodyForm::opened));
    }
    completions_.add(executor, [this, passage] { next_piece(passage); });
}

void Bodies::next_piece(const PassagePtr& passage) {
    if (passage->pieces.empty()) return passage->done();
    const ReadingPtr reading = std::move(passage->pieces.front());
    passage->pieces.pop_front();
    reading->fetched = [this, passage](std::vector<FetchedBody> bodies) {
        for (FetchedBody& body : bodies) {
            if (!passage->take(passage->at++, std::move(body))) return passage->done();
        }
        next_piece(passage);
    };
    const Back back = [this, passage](Completions::Job job) {
        completions_.add(passage->executor, std::move(job));
    };
    read(reading, passage->executor, back);
}

void Bodies::fetch_for_hand_out(const std::vector<model::MessageId>& messages,
                                Fetched fetched,
                                BodyForm form) {
    auto reading = find(messages, std::move(fetched), form);
    Back back = [this](Completions::Job job) {
        offload_.hand_out(std::move(job));
    };
    offload_.hand_out([this, reading, back] {
        if (!offload_.stepped() && reading->read(storage::BodySource::Wait::no)) {
            return mend_or_finish(reading, back);
        }
        offload_.cold([this, reading, back] {
            reading->read(storage::BodySource::Wait::yes);
            mend_or_finish(reading, back);
        });
    });
}

std::optional<model::NewMessage> message_of(const FetchedBody& body) {
    if (!body) return {};
    auto stored = model::decode_body(body->bytes);
    if (!stored || stored->packing) return {};
    return model::NewMessage{std::move(stored->meta), std::string(stored->payload)};
}

bool is_closed(const FetchedBody& body) {
    return !body && body.error().code == Errc::unavailable;
}

}  // namespace penstock::node

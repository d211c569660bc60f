#include "broker/node/bodies.h"

#include <boost/asio/post.hpp>

#include <string>
#include <utility>

namespace penstock::node {

struct Bodies::Reading {
    std::vector<Result<storage::BodySource>> sources;
    std::vector<std::optional<FetchedBody>> bodies;
    Fetched fetched;

    // True when every body is read or known to be unreadable.
    bool read(storage::BodySource::Wait wait) {
        bool complete = true;
        for (std::size_t at = 0; at < sources.size(); ++at) {
            if (bodies[at]) continue;
            if (!sources[at]) {
                bodies[at] = sources[at].error();
                continue;
            }
            FetchedBody body = sources[at]->read(wait);
            if (!body && wait == storage::BodySource::Wait::no &&
                body.error().code == Errc::unavailable) {
                complete = false;
                continue;
            }
            bodies[at] = std::move(body);
        }
        return complete;
    }

    void finish() {
        std::vector<FetchedBody> all;
        all.reserve(bodies.size());
        for (auto& body : bodies) all.push_back(std::move(*body));
        fetched(std::move(all));
    }
};

std::shared_ptr<Bodies::Reading> Bodies::find(const std::vector<model::MessageId>& messages,
                                              Fetched fetched) const {
    auto reading = std::make_shared<Reading>();
    for (const model::MessageId message : messages) {
        reading->sources.push_back(store_.find(message));
    }
    reading->bodies.resize(messages.size());
    reading->fetched = std::move(fetched);
    return reading;
}

void Bodies::fetch(const std::vector<model::MessageId>& messages,
                   const boost::asio::any_io_executor& executor,
                   Fetched fetched) {
    auto reading = find(messages, std::move(fetched));
    if (offload_.stepped()) {
        reading->read(storage::BodySource::Wait::yes);
        completions_.add(executor, [reading] { reading->finish(); });
        return;
    }
    completions_.add(executor, [reading, executor, &offload = offload_] {
        if (reading->read(storage::BodySource::Wait::no)) return reading->finish();
        offload.cold([reading, executor] {
            reading->read(storage::BodySource::Wait::yes);
            boost::asio::post(executor, [reading] { reading->finish(); });
        });
    });
}

void Bodies::fetch_for_hand_out(const std::vector<model::MessageId>& messages, Fetched fetched) {
    auto reading = find(messages, std::move(fetched));
    offload_.hand_out([reading, &offload = offload_] {
        if (!offload.stepped() && reading->read(storage::BodySource::Wait::no)) {
            return reading->finish();
        }
        offload.cold([reading] {
            reading->read(storage::BodySource::Wait::yes);
            reading->finish();
        });
    });
}

std::optional<model::NewMessage> message_of(const FetchedBody& body) {
    if (!body) return {};
    auto stored = model::decode_body(body->bytes);
    if (!stored) return {};
    return model::NewMessage{std::move(stored->meta), std::string(stored->payload)};
}

}  // namespace penstock::node

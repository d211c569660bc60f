#include "broker/api/redaction.h"

#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace penstock::api {

namespace {

// That there was something, and no more.
void redact(std::string& text) {
    if (!text.empty()) text = redacted_text;
}

void redact(DeliveryView& view) {
    redact(view.excerpt);
    redact(view.log);
}

void redact(DeliveryPage& page) {
    for (DeliveryView& view : page.items) redact(view);
}

void redact(MessageTrack& track) {
    track.meta.attributes.clear();
    for (TrackPlace& place : track.places) {
        for (DeliveryView& view : place.attempts) redact(view);
    }
}

void redact(DeadLetterView& view) {
    redact(view.payload);
    view.meta.attributes.clear();
    redact(view.excerpt);
    redact(view.log);
}

void redact(DeadLetterPage& page) {
    for (DeadLetterView& view : page.items) redact(view);
}

void redact(PeekedPage& page) {
    for (PeekedMessage& message : page.items) {
        redact(message.payload);
        message.meta.attributes.clear();
    }
}

void redact(ScriptList& list) {
    for (ScriptView& view : list.items) view.script.code.clear();
}

template <class Reply>
concept Redactable = requires(Reply& reply) {
    redact(reply);
};

}  // namespace

Broker::Answer redacted(const Request& request, Broker::Answer answer) {
    return std::visit(
        [&answer]<class R>(const R&) -> Broker::Answer {
            using Reply = typename R::Reply;
            if constexpr (Redactable<Reply>) {
                return [answer = std::move(answer)](std::any outcome) {
                    auto* typed = std::any_cast<Outcome<Reply>>(&outcome);
                    if (typed != nullptr && *typed) redact(**typed);
                    answer(std::move(outcome));
                };
            } else {
                return std::move(answer);
            }
        },
        request);
}

bool asks_for_content(const Request& request) {
    return std::visit(
        []<class R>(const R& one) {
            if constexpr (requires { one.filter.text.empty(); }) {
                return !one.filter.text.empty();
            } else {
                return false;
            }
        },
        request);
}

}  // namespace penstock::api

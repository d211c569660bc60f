// Operations that look at messages without touching them, and those on delayed ones.
#include "broker/core/peek_query.h"
#include "broker/node/operations.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace penstock::node {

namespace {

constexpr std::uint32_t page_limit_max = 1'000;
constexpr std::uint64_t page_body_bytes_max = 8U << 20;
constexpr std::int64_t ms_per_s = 1'000;
constexpr std::int64_t moved_ms_max = 1'296'000'000;  // 15 days, as long as anything is kept

std::optional<core::PeekState> queue_state(std::string_view text) {
    if (text.empty() || text == "visible") return core::PeekState::visible;
    if (text == "in_flight") return core::PeekState::in_flight;
    if (text == "delayed") return core::PeekState::delayed;
    if (text == "deleted") return core::PeekState::deleted;
    if (text == "prepared") return core::PeekState::prepared;
    return {};
}

std::optional<core::PeekState> topic_state(std::string_view text) {
    if (text.empty() || text == "retained") return core::PeekState::retained;
    if (text == "delayed") return core::PeekState::delayed;
    return {};
}

std::string text_of(core::PeekState state) {
    switch (state) {
        case core::PeekState::visible:
            return "visible";
        case core::PeekState::in_flight:
            return "in_flight";
        case core::PeekState::delayed:
            return "delayed";
        case core::PeekState::deleted:
            return "deleted";
        case core::PeekState::retained:
            return "retained";
        case core::PeekState::prepared:
            return "prepared";
    }
    return "unknown";
}

api::PeekedMessage view_of(const core::PeekedMessage& message, core::PeekState state) {
    api::PeekedMessage view;
    view.position = message.position;
    view.id = message.message;
    view.state = message.moving ? "moving" : text_of(state);
    view.receives = message.receives;
    view.sent_ms = message.sent_ms;
    view.due_ms = message.due_ms;
    view.checks = message.checks;
    return view;
}

bool in_time(const api::PeekedMessage& message, const model::MessageFilter& filter) {
    if (message.sent_ms < filter.from_ms) return false;
    return filter.before_ms == 0 || message.sent_ms < filter.before_ms;
}

// Lays the bodies over the views, one after the other, and keeps those that are meant; ends the
// page early when it grows too large.
struct PageOfBodies {
    std::vector<api::PeekedMessage> found;
    model::MessageFilter filter;
    api::PeekedPage page;
    std::uint64_t bytes = 0;

    // False: the page is full.
    bool take(std::size_t at, const FetchedBody& body) {
        api::PeekedMessage& view = found[at];
        auto message = message_of(body);
        if (!message) {
            view.state = is_closed(body) ? "sealed" : "damaged";
            if (!model::asks_for_bodies(filter)) page.items.push_back(std::move(view));
            return true;
        }
        if (!model::takes_body(filter, message->meta, message->payload)) return true;
        bytes += message->payload.size();
        if (bytes > page_body_bytes_max && !page.items.empty()) {
            page.next = view.position;
            return false;
        }
        view.meta = std::move(message->meta);
        view.payload = std::move(message->payload);
        page.items.push_back(std::move(view));
        return true;
    }
};

}  // namespace

void Operations::run(const CallPtr& call, api::PeekMessages request) {
    if (request.limit == 0 || request.limit > page_limit_max) {
        return refuse(call, out_of_range("limit", 1, page_limit_max));
    }
    if (auto refused = check_job(request.filter, 0)) return refuse(call, std::move(*refused));
    const bool of_topic = !request.topic.empty();
    const auto state = of_topic ? topic_state(request.state) : queue_state(request.state);
    if (!state) {
        return refuse(call,
                      {model::Reason::invalid_parameter,
                       "state",
                       of_topic ? "allowed: retained, delayed"
                                : "allowed: visible, in_flight, delayed, deleted, prepared"});
    }
    auto object = of_topic ? desk_.names.topic(request.topic) : desk_.names.queue(request.queue);
    if (!object) return refuse(call, object.error());
    const model::Rows& rows = desk_.data.rows();
    const auto& filter = request.filter;
    std::uint64_t first = request.first;
    // A topic's log is in the order of time: what is too early need not be gone through.
    if (first == 0 && *state == core::PeekState::retained && filter.from_ms > 0) {
        first = core::position_at(rows, object->number, filter.from_ms);
    }
    const auto found = core::peek_messages(rows, object->number, *state, first, request.limit);
    const auto built = std::make_shared<PageOfBodies>();
    built->filter = filter;
    built->page.next = found.next;
    std::vector<model::MessageId> bodies;
    for (const core::PeekedMessage& message : found.items) {
        api::PeekedMessage view = view_of(message, *state);
        if (!in_time(view, filter)) continue;
        built->found.push_back(std::move(view));
        bodies.push_back(message.body);
    }
    auto take = [call, built](std::size_t at, const FetchedBody& body) {
        return !call->answered() && built->take(at, body);
    };
    auto done = [call, built] {
        if (!call->claim()) return;
        call->answer(std::any(Outcome<api::PeekedPage>(std::move(built->page))));
    };
    desk_.bodies.go_through(bodies, call->executor(), std::move(take), std::move(done));
}

void Operations::run(const CallPtr& call, const api::ChangeDelayed& request) {
    auto object =
        request.topic.empty() ? desk_.names.queue(request.queue) : desk_.names.topic(request.topic);
    if (!object) return refuse(call, object.error());
    // Delays are over by the time of the log, which a clock that was set only comes nearer to.
    const std::int64_t now_ms = std::max(desk_.time.still_ms(desk_.clock), desk_.data.time_ms());
    const std::int64_t due_ms =
        request.due_ms != 0 ? request.due_ms : now_ms + std::int64_t{request.delay_s} * ms_per_s;
    if (!request.cancel && due_ms > now_ms + moved_ms_max) {
        return refuse(call, out_of_range("delay", 0, moved_ms_max / ms_per_s, "seconds"));
    }
    const model::ChangeDelayed command{object->number, request.id, request.cancel, due_ms};
    submit(call, command, [this, call] { answer<api::Nothing>(call, api::Nothing{}); });
}

}  // namespace penstock::node

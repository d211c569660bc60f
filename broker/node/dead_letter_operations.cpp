// Operations on dead letters: listing with bodies and reasons, redriving.
#include "broker/node/operations.h"

#include <map>
#include <utility>
#include <variant>

namespace penstock::node {

namespace {

constexpr std::uint32_t page_limit_max = 1'000;
constexpr std::size_t redrive_named_max = 1'000;
constexpr std::size_t redrive_pages_max = 100;  // of page_limit_max letters, looked through by id
constexpr std::uint64_t page_body_bytes_max = 8U << 20;

api::DeadLetterView view_of(const core::DeadLetter& letter) {
    api::DeadLetterView view;
    view.sequence = letter.sequence;
    view.id = letter.message;
    view.state = letter.state;
    view.sent_ms = letter.logged_ms;
    view.died_ms = letter.logged_ms;
    if (!letter.dead) return view;
    view.source = letter.dead->source_name;
    view.reason = model::to_text(letter.dead->failure);
    view.status = letter.dead->status;
    view.attempts = letter.dead->attempts;
    view.excerpt = letter.dead->excerpt;
    view.log = letter.dead->log;
    view.died_ms = letter.dead->died_ms;
    view.sent_ms = letter.dead->first_logged_ms;
    return view;
}

// Lays the bodies over the views; ends the page early when it grows too large.
void add_bodies(api::DeadLetterPage& page, const std::vector<FetchedBody>& bodies) {
    std::uint64_t bytes = 0;
    for (std::size_t at = 0; at < bodies.size(); ++at) {
        auto message = message_of(bodies[at]);
        api::DeadLetterView& view = page.items[at];
        if (!message) {
            view.state = "damaged";
            continue;
        }
        bytes += message->payload.size();
        if (bytes > page_body_bytes_max && at > 0) {
            page.next = view.sequence;
            page.items.resize(at);
            return;
        }
        view.meta = std::move(message->meta);
        view.payload = std::move(message->payload);
    }
}

// Sequences of the named messages in the queue, as far as they are there.
std::vector<model::Sequence> find_sequences(const model::Rows& rows,
                                            model::QueueNo queue,
                                            const std::vector<model::MessageId>& messages) {
    std::map<model::MessageId, bool> wanted;
    for (const model::MessageId message : messages) wanted.emplace(message, true);
    std::vector<model::Sequence> sequences;
    model::Sequence first = 0;
    for (std::size_t page_no = 0; page_no < redrive_pages_max; ++page_no) {
        const auto page = core::dead_letters(rows, queue, first, page_limit_max);
        for (const core::DeadLetter& letter : page.items) {
            if (wanted.contains(letter.message)) sequences.push_back(letter.sequence);
        }
        first = page.next;
        if (first == 0 || sequences.size() >= wanted.size()) break;
    }
    return sequences;
}

}  // namespace

void Operations::run(const CallPtr& call, const api::ListDeadLetters& request) {
    if (request.limit == 0 || request.limit > page_limit_max) {
        return refuse(call, out_of_range("limit", 1, page_limit_max));
    }
    auto queue = desk_.names.dead_letter_queue(request.queue);
    if (!queue) return refuse(call, queue.error());
    const auto found =
        core::dead_letters(desk_.data.rows(), queue->number, request.first, request.limit);
    api::DeadLetterPage page;
    page.queue = queue->name;
    page.next = found.next;
    std::vector<model::MessageId> messages;
    for (const core::DeadLetter& letter : found.items) {
        page.items.push_back(view_of(letter));
        messages.push_back(letter.body);
    }
    auto fetched = [call, page = std::move(page)](std::vector<FetchedBody> bodies) mutable {
        add_bodies(page, bodies);
        if (!call->claim()) return;
        call->answer(std::any(Outcome<api::DeadLetterPage>(std::move(page))));
    };
    desk_.bodies.fetch(messages, call->executor(), std::move(fetched));
}

void Operations::run(const CallPtr& call, const api::RedriveDeadLetters& request) {
    if (request.messages.size() > redrive_named_max) {
        return refuse(call, out_of_range("messages", 0, redrive_named_max));
    }
    auto queue = desk_.names.dead_letter_queue(request.queue);
    if (!queue) return refuse(call, queue.error());
    const model::Rows& rows = desk_.data.rows();
    model::Redrive command{queue->number, {}};
    if (!request.messages.empty()) {
        command.sequences = find_sequences(rows, queue->number, request.messages);
        if (command.sequences.empty()) {
            return refuse(call,
                          {model::Reason::message_not_found,
                           model::to_text(request.messages.front()),
                           "it is not in this queue"});
        }
    }
    if (request.preview) {
        api::RedriveStarted started{command.sequences.size()};
        if (request.messages.empty()) {
            const auto info = core::queue_info(rows, queue->number);
            if (info) started.messages = info->counts.active;
        }
        return answer<api::RedriveStarted>(call, started);
    }
    const auto done = [this, call](model::Reply reply) {
        if (auto* refusal = std::get_if<model::Refusal>(&reply)) {
            refuse(call, std::move(*refusal));
            return;
        }
        answer<api::RedriveStarted>(call,
                                    api::RedriveStarted{std::get<model::Started>(reply).items});
    };
    desk_.data.submit(Submission{std::move(command), {}, call, done});
}

}  // namespace penstock::node

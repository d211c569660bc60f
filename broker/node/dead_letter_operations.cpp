// Operations on dead letters: listing with bodies and reasons, redriving.
#include "broker/core/jobs.h"
#include "broker/node/operations.h"

#include <functional>
#include <optional>
#include <set>
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
    view.redrives = letter.dead->redrives;
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

// Drops what the bodies say is not meant.
void keep_meant(api::DeadLetterPage& page, const model::MessageFilter& filter) {
    std::erase_if(page.items, [&](const api::DeadLetterView& view) {
        return view.state == "damaged" || !model::takes_body(filter, view.meta, view.payload);
    });
}

core::TakesLetter letters_of(const model::MessageFilter& filter) {
    model::MessageFilter rows = filter;
    rows.tags.clear();
    rows.key.clear();
    rows.text.clear();
    if (rows == model::MessageFilter{}) return {};
    return [rows](const core::DeadLetter& letter) {
        return letter.dead && core::takes_letter(rows, *letter.dead);
    };
}

model::Refusal not_here(model::MessageId message) {
    return {model::Reason::message_not_found,
            model::to_text(message),
            "it is not among the first " + std::to_string(redrive_pages_max * page_limit_max) +
                " letters of this queue"};
}

// Goes through the letters, a bounded number, until `visit` says false.
void visit_letters(const model::Rows& rows,
                   model::QueueNo queue,
                   const std::function<bool(const core::DeadLetter&)>& visit) {
    model::Sequence first = 0;
    for (std::size_t page_no = 0; page_no < redrive_pages_max; ++page_no) {
        const auto page = core::dead_letters(rows, queue, first, page_limit_max);
        for (const core::DeadLetter& letter : page.items) {
            if (!visit(letter)) return;
        }
        first = page.next;
        if (first == 0) return;
    }
}

std::optional<core::DeadLetter> find_letter(const model::Rows& rows,
                                            model::QueueNo queue,
                                            model::MessageId message) {
    std::optional<core::DeadLetter> found;
    visit_letters(rows, queue, [&](const core::DeadLetter& letter) {
        if (letter.message == message) found = letter;
        return !found;
    });
    return found;
}

// Sequences of the named messages in the queue, as far as they are there.
std::vector<model::Sequence> find_sequences(const model::Rows& rows,
                                            model::QueueNo queue,
                                            const std::vector<model::MessageId>& messages) {
    const std::set<model::MessageId> wanted(messages.begin(), messages.end());
    std::vector<model::Sequence> sequences;
    visit_letters(rows, queue, [&](const core::DeadLetter& letter) {
        if (wanted.contains(letter.message)) sequences.push_back(letter.sequence);
        return sequences.size() < wanted.size();
    });
    return sequences;
}

}  // namespace

void Operations::run(const CallPtr& call, const api::ListDeadLetters& request) {
    if (request.limit == 0 || request.limit > page_limit_max) {
        return refuse(call, out_of_range("limit", 1, page_limit_max));
    }
    if (auto refused = check_job(request.filter, 0)) return refuse(call, std::move(*refused));
    auto queue = desk_.names.dead_letter_queue(request.queue);
    if (!queue) return refuse(call, queue.error());
    const core::TakesLetter takes = letters_of(request.filter);
    const auto found =
        core::dead_letters(desk_.data.rows(), queue->number, request.first, request.limit, takes);
    api::DeadLetterPage page;
    page.queue = queue->name;
    page.next = found.next;
    std::vector<model::MessageId> messages;
    for (const core::DeadLetter& letter : found.items) {
        page.items.push_back(view_of(letter));
        messages.push_back(letter.body);
    }
    const bool searched = model::asks_for_bodies(request.filter);
    if (!request.bodies && !searched) return answer<api::DeadLetterPage>(call, std::move(page));
    auto fetched = [call, page = std::move(page), filter = request.filter, searched](
                       std::vector<FetchedBody> bodies) mutable {
        add_bodies(page, bodies);
        if (searched) keep_meant(page, filter);
        if (!call->claim()) return;
        call->answer(std::any(Outcome<api::DeadLetterPage>(std::move(page))));
    };
    desk_.bodies.fetch(messages, call->executor(), std::move(fetched));
}

void Operations::run(const CallPtr& call, const api::FindDeadLetter& request) {
    auto queue = desk_.names.dead_letter_queue(request.queue);
    if (!queue) return refuse(call, queue.error());
    const auto letter = find_letter(desk_.data.rows(), queue->number, request.id);
    if (!letter) return refuse(call, not_here(request.id));
    api::DeadLetterPage page;
    page.items.push_back(view_of(*letter));
    auto fetched = [call, page = std::move(page)](std::vector<FetchedBody> bodies) mutable {
        add_bodies(page, bodies);
        if (!call->claim()) return;
        call->answer(std::any(Outcome<api::DeadLetterView>(std::move(page.items.front()))));
    };
    desk_.bodies.fetch({letter->body}, call->executor(), std::move(fetched));
}

void Operations::run(const CallPtr& call, api::RedriveDeadLetters request) {
    if (request.messages.size() > redrive_named_max) {
        return refuse(call, out_of_range("messages", 0, redrive_named_max));
    }
    if (auto refused = check_job(request.filter, request.rate_per_s)) {
        return refuse(call, std::move(*refused));
    }
    auto queue = desk_.names.dead_letter_queue(request.queue);
    if (!queue) return refuse(call, queue.error());
    const model::Rows& rows = desk_.data.rows();
    model::Redrive command{queue->number, {}};
    if (!request.messages.empty()) {
        command.sequences = find_sequences(rows, queue->number, request.messages);
        if (command.sequences.empty()) return refuse(call, not_here(request.messages.front()));
    }
    if (request.preview) {
        api::JobStarted started{command.sequences.size(), 0};
        if (request.messages.empty()) {
            const auto info = core::queue_info(rows, queue->number);
            if (info) started.messages = info->counts.active;
        }
        return answer<api::JobStarted>(call, started);
    }
    if (request.messages.empty()) {
        command.filter = std::move(request.filter);
        command.rate_per_s = request.rate_per_s;
    }
    start_job(call, std::move(command));
}

void Operations::run(const CallPtr& call,
                     const api::EditDeadLetter& request,
                     PreparedBodies bodies) {
    if (auto refused = check_space()) return refuse(call, std::move(*refused));
    if (bodies.bytes.size() != 1) return refuse(call, out_of_range("messages", 1, 1));
    if (auto refused = check_batch(bodies.infos, 0, {})) return refuse(call, std::move(*refused));
    auto queue = desk_.names.dead_letter_queue(request.queue);
    if (!queue) return refuse(call, queue.error());
    const auto letter = find_letter(desk_.data.rows(), queue->number, request.id);
    if (!letter) return refuse(call, not_here(request.id));
    const auto done = [this, call](model::Reply reply) {
        if (auto* refusal = std::get_if<model::Refusal>(&reply)) {
            refuse(call, std::move(*refusal));
            return;
        }
        answer<api::EditedLetter>(call,
                                  api::EditedLetter{std::get<model::Sent>(reply).ids.front()});
    };
    model::EditLetter command{queue->number, letter->sequence, 0};
    desk_.data.submit(Submission{command, std::move(bodies), call, done});
}

}  // namespace penstock::node

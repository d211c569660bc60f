// Operations on dead letters: listing with bodies and reasons, redriving.
#include "broker/core/jobs.h"
#include "broker/node/letter_search.h"
#include "broker/node/operations.h"

#include <functional>
#include <memory>
#include <utility>
#include <variant>

namespace penstock::node {

namespace {

constexpr std::uint32_t page_limit_max = 1'000;
constexpr std::size_t redrive_named_max = 1'000;
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

void add_body(api::DeadLetterView& view, const FetchedBody& body) {
    auto message = message_of(body);
    if (!message) {
        view.state = is_closed(body) ? "sealed" : "damaged";
        return;
    }
    view.meta = std::move(message->meta);
    view.payload = std::move(message->payload);
}

// Lays the bodies over the views, one after the other, and keeps those that are meant; ends the
// page early when it grows too large.
struct PageOfLetters {
    std::vector<api::DeadLetterView> found;
    model::MessageFilter filter;
    bool searched = false;  // the filter asks for bodies
    api::DeadLetterPage page;
    std::uint64_t bytes = 0;

    // False: the page is full.
    bool take(std::size_t at, const FetchedBody& body) {
        api::DeadLetterView& view = found[at];
        add_body(view, body);
        const bool unread = view.state == "damaged" || view.state == "sealed";
        const bool meant =
            !searched || (!unread && model::takes_body(filter, view.meta, view.payload));
        if (!meant) return true;
        bytes += view.payload.size();
        if (bytes > page_body_bytes_max && !page.items.empty()) {
            page.next = view.sequence;
            return false;
        }
        page.items.push_back(std::move(view));
        return true;
    }
};

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
            "it is not among the letters of this queue"};
}

// Refuses the call when none is there.
void search_letters(const Desk& desk,
                    const CallPtr& call,
                    model::QueueNo queue,
                    const std::vector<model::MessageId>& messages,
                    std::function<void(LetterSearch::Letters)> found) {
    auto when_found = [&desk, call, first = messages.front(), found = std::move(found)](
                          LetterSearch::Letters letters) {
        if (letters.empty()) return desk.completions.refuse(call, not_here(first));
        found(std::move(letters));
    };
    std::make_shared<LetterSearch>(
        desk.data, desk.completions, call, queue, messages, std::move(when_found))
        ->go_on();
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
    const auto built = std::make_shared<PageOfLetters>();
    built->found = std::exchange(page.items, {});
    built->filter = request.filter;
    built->searched = searched;
    built->page = std::move(page);
    auto take = [call, built](std::size_t at, const FetchedBody& body) {
        return !call->answered() && built->take(at, body);
    };
    auto done = [call, built] {
        if (!call->claim()) return;
        call->answer(std::any(Outcome<api::DeadLetterPage>(std::move(built->page))));
    };
    desk_.bodies.go_through(messages, call->executor(), std::move(take), std::move(done));
}

void Operations::run(const CallPtr& call, const api::FindDeadLetter& request) {
    auto queue = desk_.names.dead_letter_queue(request.queue);
    if (!queue) return refuse(call, queue.error());
    const auto show = [this, call](const LetterSearch::Letters& letters) {
        const core::DeadLetter& letter = letters.front();
        auto fetched = [call, view = view_of(letter)](std::vector<FetchedBody> bodies) mutable {
            add_body(view, bodies.front());
            if (!call->claim()) return;
            call->answer(std::any(Outcome<api::DeadLetterView>(std::move(view))));
        };
        desk_.bodies.fetch({letter.body}, call->executor(), std::move(fetched));
    };
    search_letters(desk_, call, queue->number, {request.id}, show);
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
    if (!request.messages.empty()) {
        const auto redrive = [this, call, number = queue->number, preview = request.preview](
                                 const LetterSearch::Letters& letters) {
            if (preview) return answer<api::JobStarted>(call, api::JobStarted{letters.size(), 0});
            model::Redrive command{number, {}};
            for (const core::DeadLetter& one : letters) command.sequences.push_back(one.sequence);
            start_job(call, std::move(command));
        };
        return search_letters(desk_, call, queue->number, request.messages, redrive);
    }
    if (request.preview) {
        api::JobStarted started;
        const auto info = core::queue_info(desk_.data.rows(), queue->number);
        if (info) started.messages = info->counts.active;
        return answer<api::JobStarted>(call, started);
    }
    model::Redrive command{queue->number, {}};
    command.filter = std::move(request.filter);
    command.rate_per_s = request.rate_per_s;
    start_job(call, std::move(command));
}

void Operations::run(const CallPtr& call,
                     const api::EditDeadLetter& request,
                     PreparedBodies bodies) {
    if (auto refused = check_space()) return refuse(call, std::move(*refused));
    if (bodies.bytes.size() != 1) return refuse(call, out_of_range("messages", 1, 1));
    if (auto refused = check_batch(bodies.infos, 0, {}, model::edited_bytes_max)) {
        return refuse(call, std::move(*refused));
    }
    auto queue = desk_.names.dead_letter_queue(request.queue);
    if (!queue) return refuse(call, queue.error());
    const auto done = [this, call](model::Reply reply) {
        if (auto* refusal = std::get_if<model::Refusal>(&reply)) {
            refuse(call, std::move(*refusal));
            return;
        }
        answer<api::EditedLetter>(call,
                                  api::EditedLetter{std::get<model::Sent>(reply).ids.front()});
    };
    auto edit = [this, call, done, number = queue->number, bodies = std::move(bodies)](
                    const LetterSearch::Letters& letters) {
        const model::EditLetter command{number, letters.front().sequence, 0};
        desk_.data.submit(Submission{command, bodies, call, done});
    };
    search_letters(desk_, call, queue->number, {request.id}, std::move(edit));
}

}  // namespace penstock::node

#include "broker/node/job_feeder.h"

#include "broker/core/matcher.h"

#include <memory>
#include <utility>

namespace penstock::node {

namespace {

// What the subscription of a replay takes by its own filter; nothing: it takes everything.
std::unique_ptr<core::Matcher> matcher_of(const model::Rows& rows, model::ObjectNo object) {
    const auto subscription = core::subscription_info(rows, object);
    if (!subscription || !core::filters_topic(subscription->spec)) return nullptr;
    const auto topic = core::topic_info(rows, subscription->topic);
    if (!topic) return nullptr;
    auto matcher = core::make_matcher(topic->attributes.filter);
    matcher->add(object, subscription->spec);
    return matcher;
}

bool matches(const core::Matcher* matcher, const model::MessageMeta& meta) {
    if (matcher == nullptr) return true;
    std::vector<core::SubscriptionNo> found;
    matcher->match(meta, found);
    return !found.empty();
}

}  // namespace

void JobFeeder::wake(model::ObjectNo object) {
    if (busy_.contains(object)) return;
    const model::Rows& rows = data_.rows();
    auto row = core::job_of(rows, object);
    if (!row || row->state != model::JobState::running) return;
    if (!core::reads_bodies(rows, object, *row)) return;
    if (row->next >= row->end) return end(object);
    Look look;
    look.object = object;
    look.allowed = core::job_allowance(rows, object, *row, core::progress(rows).time_ms);
    if (look.allowed == 0) return;
    look.page = core::job_page(rows, object, *row, page_max_);
    look.row = std::move(*row);
    look.lead = lead_;
    std::vector<model::MessageId> bodies;
    for (const core::JobPage::Item& item : look.page.items) bodies.push_back(item.body);
    busy_.insert(object);
    fetch_(bodies, [this, look = std::move(look)](const std::vector<FetchedBody>& read) {
        if (look.lead == lead_) pick(look, read);
    });
}

void JobFeeder::rest() {
    busy_.clear();
    ++lead_;
}

// A StepJob moves a job by at least one message, so it cannot end one that had none to look at.
void JobFeeder::end(model::ObjectNo object) {
    busy_.insert(object);
    const auto done = [this, object, lead = lead_](const model::Reply&) {
        if (lead == lead_) busy_.erase(object);
    };
    data_.submit(Submission{model::ChangeJob{object, model::JobAction::cancel}, {}, nullptr, done});
}

bool JobFeeder::moved(const Look& look) const {
    const auto row = core::job_of(data_.rows(), look.object);
    return row && (row->number != look.row.number || row->next != look.row.next);
}

void JobFeeder::pick(const Look& look, const std::vector<FetchedBody>& bodies) {
    const bool replay = look.row.kind == model::JobKind::replay;
    const auto matcher = replay ? matcher_of(data_.rows(), look.object) : nullptr;
    model::StepJob step{look.object, look.row.number, look.row.next, look.page.through, {}};
    for (std::size_t at = 0; at < bodies.size(); ++at) {
        const model::Sequence sequence = look.page.items[at].sequence;
        // What it holds is not known before its key can be had: the job waits there.
        if (is_closed(bodies[at])) {
            step.through = sequence;
            // The core signals the job again in a while.
            if (sequence == step.from) return void(busy_.erase(look.object));
            break;
        }
        const auto message = message_of(bodies[at]);
        if (!message || !matches(matcher.get(), message->meta)) continue;
        if (!model::takes_body(look.row.filter, message->meta, message->payload)) continue;
        if (step.chosen.size() == look.allowed) {
            step.through = sequence;
            break;
        }
        step.chosen.push_back(sequence);
    }
    const auto done = [this, look](const model::Reply&) {
        if (look.lead != lead_) return;
        busy_.erase(look.object);
        // It may have been signalled meanwhile. One that stands still waits for the next signal.
        if (moved(look)) wake(look.object);
    };
    data_.submit(Submission{std::move(step), {}, nullptr, done});
}

}  // namespace penstock::node

// The part of the random workload that concerns jobs and delayed messages.
#include "broker/core/jobs.h"
#include "broker/core/peek_query.h"
#include "tests/core/set_workload.h"

namespace penstock::testing {

// A step of the job there is: from its place, with some of what it could take.
model::StepJob SetWorkload::any_step(model::ObjectNo object) {
    model::StepJob step;
    step.object = object;
    const auto row = core::job_of(driver_.rows(), object);
    if (!row) return step;
    step.job = row->number;
    step.from = row->next;
    const auto page = core::job_page(driver_.rows(), object, *row, 16);
    step.through = page.through;
    for (const auto& item : page.items) {
        if (chance(2)) step.chosen.push_back(item.sequence);
    }
    return step;
}

model::MessageFilter SetWorkload::any_filter() {
    model::MessageFilter filter;
    if (chance(3)) filter.from_ms = driver_.now_ms() - static_cast<model::TimeMs>(below(60'000));
    if (chance(4)) filter.text = "needle";
    if (chance(4)) filter.failures = {model::Failure::status};
    return filter;
}

void SetWorkload::add_job_command(Batch& batch) {
    const bool replaying = chance(2);
    const model::ObjectNo object =
        replaying ? model::ObjectNo{any_subscription()} : model::ObjectNo{any_queue()};
    const auto rate = static_cast<std::uint32_t>(chance(2) ? 0 : 1 + below(500));
    switch (below(6)) {
        case 0:
            if (replaying) {
                batch.commands.emplace_back(model::Replay{object, any_filter(), rate});
            } else {
                batch.commands.emplace_back(model::Redrive{object, {}, any_filter(), rate});
            }
            return;
        case 1:
        case 2:
            batch.commands.emplace_back(any_step(object));
            return;
        case 3:
            batch.commands.emplace_back(
                model::ChangeJob{object, static_cast<model::JobAction>(1 + below(3))});
            return;
        case 4: {
            model::EditLetter edit{any_queue(), below(60), 0};
            edit.ordinal = add_bodies(batch, 1);
            batch.commands.emplace_back(edit);
            return;
        }
        default: {
            const model::ObjectNo holder =
                chance(2) ? model::ObjectNo{any_queue()} : model::ObjectNo{any_topic()};
            const auto page =
                core::peek_messages(driver_.rows(), holder, core::PeekState::delayed, 0, 8);
            if (page.items.empty()) return;
            const model::TimeMs due = driver_.now_ms() + static_cast<model::TimeMs>(below(30'000));
            batch.commands.emplace_back(model::ChangeDelayed{
                holder, page.items[below(page.items.size())].message, chance(3), due});
        }
    }
}

}  // namespace penstock::testing

#include "broker/node/data_desk.h"

#include "broker/base/log.h"
#include "broker/node/node.h"

#include <map>
#include <set>
#include <utility>

namespace penstock::node {

namespace {

// Bodies that come back on the broker thread.
OutboxSender::FetchBodies fetching(Shared& shared, BodyForm form) {
    return [&shared, form](const std::vector<model::MessageId>& bodies, Bodies::Fetched fetched) {
        auto back = [mailbox = shared.mailbox,
                     fetched = std::move(fetched)](std::vector<FetchedBody> read) {
            mailbox->post(
                [fetched, read = std::move(read)](Node&) mutable { fetched(std::move(read)); });
        };
        shared.bodies.fetch_for_hand_out(bodies, std::move(back), form);
    };
}

}  // namespace

DataDesk::DataDesk(Shared& shared, std::unique_ptr<HostedSet> set)
    : shared_(shared),
      set_(std::move(set)),
      lifecycle_(shared.names_set.rows(), *set_, shared.submit, shared.options, shared.completions),
      changes_(std::make_shared<Changes>(shared.mailbox)),
      rates_(*set_, shared.options.own_rates),
      receiving_(*set_,
                 shared.bodies,
                 shared.completions,
                 shared.mailbox,
                 shared.clock,
                 shared.options,
                 shared.resumed),
      checking_(*set_, shared.completions, shared.clock, shared.options, shared.resumed),
      handout_(*set_,
               shared.bodies,
               HandlerEffects(
                   shared.names,
                   *set_,
                   [this] { return operations_.check_space(); },
                   shared.options.sealed_only),
               shared.mailbox,
               shared.options),
      desk_{*set_,
            shared.submit,
            shared.names,
            lifecycle_,
            *changes_,
            rates_,
            receiving_,
            checking_,
            shared.bodies,
            handout_,
            shared.completions,
            shared.store,
            shared.background,
            shared.clock,
            shared.time,
            shared.options},
      operations_(desk_),
      outbox_(set_->set(),
              set_->rows(),
              shared.clock,
              shared.submit,
              bodies_at_a_time(transfer_fetch_messages, shared.options.message_bytes_max),
              fetching(shared, BodyForm::stored)),
      feeder_(*set_,
              bodies_at_a_time(job_page_usual, shared.options.message_bytes_max),
              fetching(shared, BodyForm::opened)) {
    set_->on_gathered([this](const model::Command& command) { receiving_.expect(command); });
}

void DataDesk::attach(api::DeliveryListener& listener) {
    listener_ = &listener;
    if (serving_) handout_.attach(listener);
}

void DataDesk::take(const TurnEffects& effects) {
    shared_.background.release(*set_, effects.releases);
    if (!serving_) return;
    for (const model::QueueNo queue : std::set(effects.visible.begin(), effects.visible.end())) {
        receiving_.wake(queue);
    }
    for (const model::SubscriptionNo subscription :
         std::set(effects.changed.begin(), effects.changed.end())) {
        handout_.changed(subscription);
    }
    for (const model::SubscriptionNo subscription : effects.ready) {
        handout_.ready(subscription);
    }
    for (const model::SetId target : effects.outbox) outbox_.wake(target);
    for (const model::ObjectNo object : effects.jobs) feeder_.wake(object);
    for (const model::QueueNo queue : std::set(effects.checks.begin(), effects.checks.end())) {
        checking_.wake(queue);
    }
    tell_of(effects.unconfirmed);
}

// A line a queue and turn: a producer that is gone may leave thousands.
void DataDesk::tell_of(const std::vector<model::Unconfirmed>& ended) {
    std::map<model::QueueNo, std::pair<std::size_t, model::MessageId>> queues;
    for (const model::Unconfirmed& one : ended) {
        ++queues.try_emplace(one.queue, 0, one.message).first->second.first;
    }
    for (const auto& [queue, count] : queues) {
        log_line(LogLevel::warn,
                 "transactions",
                 "event=unconfirmed queue=" + shared_.names.name_of(queue) + " rolled_back=" +
                     std::to_string(count.first) + " first=" + model::to_text(count.second));
    }
}

void DataDesk::look_at_leadership(const model::InitSet& init) {
    const bool leading = set_->leading();
    if (std::exchange(serving_, leading) == leading) return;
    if (!leading) {
        receiving_.hand_over();
        checking_.stop();
        handout_.detach();
        outbox_.rest();
        feeder_.rest();
        rates_.rest();
        return;
    }
    set_->lead();
    set_->submit(Submission{init, {}, nullptr, {}});
    lifecycle_.recover();
    if (listener_ != nullptr) handout_.attach(*listener_);
    outbox_.lead();
}

void DataDesk::recover() {
    if (serving_) lifecycle_.recover();
}

void DataDesk::sweep() {
    if (!serving_) return;
    operations_.sweep_dead_letter_queues();
    operations_.sweep_bindings();
    operations_.sweep_fed_queues();
    lifecycle_.recover();
}

}  // namespace penstock::node

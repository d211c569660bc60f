// Operations: what each api::Request does: names become numbers, ranges are checked, commands are
// submitted, views are read from rows. Nothing here waits. Owned by the Node, broker thread only.
#pragma once

#include "broker/api/requests.h"
#include "broker/base/clock.h"
#include "broker/base/even_time.h"
#include "broker/core/data_query.h"
#include "broker/core/outbox_query.h"
#include "broker/node/background.h"
#include "broker/node/bodies.h"
#include "broker/node/changes.h"
#include "broker/node/checking.h"
#include "broker/node/completions.h"
#include "broker/node/handout.h"
#include "broker/node/hosted_set.h"
#include "broker/node/lifecycle.h"
#include "broker/node/names.h"
#include "broker/node/options.h"
#include "broker/node/rates.h"
#include "broker/node/receiving.h"
#include "broker/node/validation.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace penstock::node {

// What the operations work with; owned by the Node, outlives them.
struct Desk {
    HostedSet& data;
    SubmitTo submit_to;
    Names& names;
    Lifecycle& lifecycle;
    Changes& changes;
    Rates& rates;
    Receiving& receiving;
    Checking& checking;
    Bodies& bodies;
    const Handout& handout;
    Completions& completions;
    storage::LogStore& store;
    const Background& background;
    const Clock& clock;
    const EvenTime& time;
    const NodeOptions& options;
};

class Operations {
  public:
    explicit Operations(Desk& desk) : desk_(desk) {}

    // Starts a request. `bodies` belongs to sends and publishes.
    void start(const CallPtr& call, api::Request request, PreparedBodies bodies);

    // Deletes automatic dead-letter queues that are empty and whose subscription is gone; looks at
    // a bounded number, in turn.
    void sweep_dead_letter_queues();

    // Lets go of dead-letter queues whose sources are gone; looks at a bounded number, in turn.
    void sweep_bindings();

    // Subscriptions of queues that are gone go on with those that have their names now; looks at a
    // bounded number, in turn.
    void sweep_fed_queues();

    // Below the disk reserve nothing new comes in.
    [[nodiscard]] Refused check_space() const;

  private:
    void run(const CallPtr& call, api::CreateQueue request);
    void run(const CallPtr& call, const api::ListQueues& request);
    void run(const CallPtr& call, const api::GetQueue& request);
    void run(const CallPtr& call, const api::SetQueue& request, const Changes::Turn& turn);
    void run(const CallPtr& call, const api::DeleteQueue& request, const Changes::Turn& turn);
    void run(const CallPtr& call, const api::ClearQueue& request);
    void run(const CallPtr& call, const api::RewindQueue& request);
    void run(const CallPtr& call, const api::ListDeadLetterSources& request);
    void run(const CallPtr& call, api::SendMessages request, PreparedBodies bodies);
    void run(const CallPtr& call, const api::ReceiveMessages& request);
    void run(const CallPtr& call, api::ConfirmTransactions request);
    void run(const CallPtr& call, const api::TakeChecks& request);
    void run(const CallPtr& call, api::DeleteMessages request);
    void run(const CallPtr& call, const api::ChangeVisibility& request);
    void run(const CallPtr& call, const api::CreateTopic& request);
    void run(const CallPtr& call, const api::ListTopics& request);
    void run(const CallPtr& call, const api::GetTopic& request);
    void run(const CallPtr& call, const api::SetTopic& request, const Changes::Turn& turn);
    void run(const CallPtr& call, const api::DeleteTopic& request, const Changes::Turn& turn);
    void run(const CallPtr& call, api::PublishMessages request, PreparedBodies bodies);
    void run(const CallPtr& call, api::Subscribe request);
    void run(const CallPtr& call, const api::ListSubscriptions& request);
    void run(const CallPtr& call, const api::GetSubscription& request);
    void run(const CallPtr& call, const api::SetSubscription& request, const Changes::Turn& turn);
    void run(const CallPtr& call, const api::Unsubscribe& request, const Changes::Turn& turn);
    void run(const CallPtr& call, const api::ListScripts& request);
    void run(const CallPtr& call, api::DeployScript request);
    void run(const CallPtr& call, const api::ActivateScript& request);
    void run(const CallPtr& call, const api::ListDeadLetters& request);
    void run(const CallPtr& call, const api::FindDeadLetter& request);
    void run(const CallPtr& call, api::RedriveDeadLetters request);
    void run(const CallPtr& call, const api::EditDeadLetter& request, PreparedBodies bodies);
    void run(const CallPtr& call, api::ReplayMessages request);
    void run(const CallPtr& call, const api::GetJob& request);
    void run(const CallPtr& call, const api::ChangeJob& request);
    void run(const CallPtr& call, api::PeekMessages request);
    void run(const CallPtr& call, const api::ChangeDelayed& request);
    void run(const CallPtr& call, const api::ListDeliveries& request);
    void run(const CallPtr& call, const api::ReleaseDelivery& request);
    void run(const CallPtr& call, const api::TrackMessage& request);

    // A change or delete of an object runs when its turn has come, on the object as it is then, if
    // that is as expected.
    template <class Change>
    void in_turn(const CallPtr& call, Change change);
    template <class Change>
    Outcome<core::NameInfo> object_of(const Change& change);
    [[nodiscard]] Refused check_expected(const core::NameInfo& object,
                                         const api::Expected& expected) const;

    // The object whose job is asked for.
    Outcome<core::NameInfo> job_owner(model::JobKind kind, const std::string& name);
    [[nodiscard]] Outcome<api::JobView> view_job(const core::NameInfo& owner) const;
    void start_job(const CallPtr& call, model::Command command);

    [[nodiscard]] Refused check_publish(model::TopicNo topic,
                                        const std::vector<model::BodyInfo>& messages);
    Outcome<model::QueueAttributes> queue_attributes(const api::QueueChange& change,
                                                     model::QueueAttributes base);
    void send(const CallPtr& call, model::Command command, PreparedBodies bodies);
    // Functions and scripts are an administrator's; makes the command of `spec` absolute.
    Refused check_functions(const Call& call,
                            const api::Subscribe& request,
                            model::SubscriptionSpec& spec) const;
    Refused resolve_queues(const api::Subscribe& request, model::SubscriptionSpec& spec);
    void remove_dead_letter_queue(const std::string& topic, const std::string& name);
    // Of the rows as they are, once somebody asks.
    using Letters = std::optional<core::LettersOnTheWay>;
    // Nothing is in the queue, nor may come back to it.
    [[nodiscard]] bool is_spent(model::QueueNo queue, Letters& letters) const;
    void submit(const CallPtr& call, model::Command command, std::function<void()> done);

    // What a dead-letter queue in another set must be told of its source; nothing for one of ours.
    [[nodiscard]] std::vector<Lifecycle::Binding> binding(const model::Place& dead_letter,
                                                          model::ObjectNo source,
                                                          bool from_queue) const;

    // Makes a change of a queue's dead-letter queue known to the sets of both: the new one is told
    // before, and again if the change is refused, the old one once nothing names it any more.
    void rebind(const CallPtr& call,
                std::vector<Lifecycle::Binding> before,
                std::vector<Lifecycle::Binding> after,
                model::Command change,
                std::function<void()> done);
    void unbind(const std::vector<Lifecycle::Binding>& bindings);
    // The queue that has the name by now, if the one that the subscription feeds is gone.
    [[nodiscard]] std::optional<core::NameInfo> made_again(const core::FedQueue& fed) const;
    void feed_again(model::SubscriptionNo subscription);
    void deploy(const CallPtr& call, model::Command command);

    [[nodiscard]] Outcome<api::QueueView> view_queue(model::QueueNo queue) const;
    [[nodiscard]] Outcome<api::TopicView> view_topic(model::TopicNo topic) const;
    [[nodiscard]] Outcome<api::SubscriptionView> view_subscription(
        model::SubscriptionNo subscription) const;

    template <class Reply>
    void answer(const CallPtr& call, Outcome<Reply> outcome) {
        desk_.completions.answer(call, std::any(std::move(outcome)));
    }

    void refuse(const CallPtr& call, model::Refusal why) {
        desk_.completions.refuse(call, std::move(why));
    }

    Desk& desk_;
    std::uint64_t sweep_from_ = 0;
    core::DeadLetterBinding bindings_from_;
    model::SubscriptionNo fed_from_;
    std::map<model::TopicNo, model::FilterKind> filters_;  // never change
};

}  // namespace penstock::node

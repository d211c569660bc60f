// Where the names of objects stand in requests and in their answers: one function for each type, by
// which all of them are found and changed. A request or an answer without one here does not
// compile, so that none is forgotten where accounts are kept apart. Pure functions, any thread; for
// .cpp files only.
#pragma once

#include "broker/api/actions.h"
#include "broker/api/requests.h"

#include <string>
#include <string_view>
#include <utility>

namespace penstock::api {

// Of the server as a whole: these name no object.
template <class R>
constexpr bool is_of_server = is_one_of<R,
                                        GetStatus,
                                        GetCluster,
                                        InitCluster,
                                        ChangeCluster,
                                        ListBackupSets,
                                        ChangeBackup,
                                        GetBackup,
                                        ReadBackup>;

// Lists of all there are, unless they name a topic or a subscription.
template <class R>
constexpr bool is_list_of_all =
    is_one_of<R, ListQueues, ListTopics, ListSubscriptions, ListDeliveries>;

// A URL, or the name of a queue: what an endpoint is depends on a sink that is not known here.
inline bool is_url(std::string_view endpoint) {
    return endpoint.starts_with("http://") || endpoint.starts_with("https://");
}

// Calls `see(std::string&)` with each name of a queue, a topic or TOPIC/NAME; an empty one names
// nothing. A subscription's own name is none: it stands within its topic.
template <class See>
class EachName {
  public:
    explicit EachName(See see) : see_(std::move(see)) {}

    // ---- requests ------------------------------------------------------------------------------

    template <class R>

    requires(is_of_server<R> || is_one_of<R, ListQueues, ListTopics, TrackMessage>) void operator()(
        R& /*request*/) {}

    template <class R>

    requires(is_one_of<R,
                       GetQueue,
                       DeleteQueue,
                       ClearQueue,
                       RewindQueue,
                       CreateTopic,
                       GetTopic,
                       SetTopic,
                       DeleteTopic,
                       GetJob,
                       ChangeJob>) void
    operator()(R& request) {
        see_(request.name);
    }

    template <class R>

    requires(is_one_of<R, CreateQueue, SetQueue>) void operator()(R& request) {
        see_(request.name);
        if (request.change.dead_letter) see_(request.change.dead_letter->queue);
    }

    template <class R>

    requires(is_one_of<R,
                       ListDeadLetterSources,
                       SendMessages,
                       ReceiveMessages,
                       DeleteMessages,
                       ChangeVisibility,
                       ListDeadLetters,
                       FindDeadLetter,
                       RedriveDeadLetters,
                       EditDeadLetter,
                       ConfirmTransactions,
                       TakeChecks>) void
    operator()(R& request) {
        see_(request.queue);
    }

    template <class R>

    requires(is_one_of<R,
                       PublishMessages,
                       ListSubscriptions,
                       GetSubscription,
                       Unsubscribe,
                       ListScripts,
                       DeployScript,
                       ActivateScript,
                       ReplayMessages>) void
    operator()(R& request) {
        see_(request.topic);
    }

    template <class R>

    requires(is_one_of<R, PeekMessages, ChangeDelayed>) void operator()(R& request) {
        see_(request.queue);
        see_(request.topic);
    }

    template <class R>

    requires(is_one_of<R, ListDeliveries, ReleaseDelivery>) void operator()(R& request) {
        see_(request.subscription);
    }

    void operator()(Subscribe& request) {
        see_(request.topic);
        see_(request.dead_letter_queue);
        if (request.spec.sink == model::SinkKind::queue) see_(request.spec.endpoint);
    }

    void operator()(SetSubscription& request) {
        see_(request.topic);
        if (request.endpoint && !is_url(*request.endpoint)) see_(*request.endpoint);
    }

    // ---- answers -------------------------------------------------------------------------------

    template <class T>

    requires(is_one_of<T,
                       Nothing,
                       SentMessages,
                       ReceivedMessages,
                       DeletedMessages,
                       ScriptList,
                       DeployedScript,
                       PeekedPage,
                       JobStarted,
                       EditedLetter,
                       ConfirmedTransactions,
                       TakenChecks,
                       ServerStatus,
                       ClusterView,
                       BackupSets,
                       BackupView,
                       BackupPiece>) void
    operator()(T& /*reply*/) {}

    void operator()(QueueView& reply) {
        see_(reply.name);
        see_(reply.dead_letter_queue);
    }

    void operator()(TopicView& reply) { see_(reply.name); }

    void operator()(NamePage& reply) {
        for (NamedId& item : reply.items) see_(item.name);
    }

    void operator()(SubscriptionView& reply) {
        see_(reply.topic);
        see_(reply.dead_letter_queue);
        if (reply.spec.sink == model::SinkKind::queue) see_(reply.spec.endpoint);
    }

    void operator()(SubscriptionPage& reply) {
        for (SubscriptionView& item : reply.items) operator()(item);
    }

    void operator()(DeliveryView& reply) { see_(reply.topic); }

    void operator()(DeliveryPage& reply) {
        for (DeliveryView& item : reply.items) operator()(item);
    }

    void operator()(MessageTrack& reply) {
        see_(reply.sent_to);
        for (TrackPlace& place : reply.places) {
            if (place.kind != "gone") see_(place.object);  // else a number
            for (DeliveryView& attempt : place.attempts) operator()(attempt);
        }
    }

    void operator()(DeadLetterView& reply) { see_(reply.source); }

    void operator()(DeadLetterPage& reply) {
        see_(reply.queue);
        for (DeadLetterView& item : reply.items) operator()(item);
    }

    void operator()(JobView& reply) { see_(reply.object); }

  private:
    See see_;
};

}  // namespace penstock::api

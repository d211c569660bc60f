#include "broker/api/acts.h"

#include "broker/api/action_rights.h"
#include "broker/api/actions.h"
#include "broker/api/names.h"
#include "broker/api/policy.h"

#include <algorithm>
#include <variant>

namespace penstock::api {

namespace {

using model::Role;

template <class R>
constexpr bool looks = is_one_of<R,
                                 ListQueues,
                                 GetQueue,
                                 ListDeadLetterSources,
                                 ListTopics,
                                 GetTopic,
                                 ListSubscriptions,
                                 GetSubscription,
                                 ListScripts,
                                 ListDeadLetters,
                                 FindDeadLetter,
                                 GetJob,
                                 PeekMessages,
                                 ListDeliveries,
                                 TrackMessage,
                                 GetStatus,
                                 GetCluster>;

template <class R>
constexpr bool sends = is_one_of<R, SendMessages, PublishMessages, ConfirmTransactions, TakeChecks>;

template <class R>
constexpr bool receives = is_one_of<R, ReceiveMessages, DeleteMessages, ChangeVisibility>;

template <class R>
constexpr bool steers = is_one_of<R,
                                  SetQueue,
                                  ClearQueue,
                                  RewindQueue,
                                  SetTopic,
                                  SetSubscription,
                                  RedriveDeadLetters,
                                  EditDeadLetter,
                                  ReplayMessages,
                                  ChangeJob,
                                  ChangeDelayed,
                                  ReleaseDelivery>;

template <class R>
constexpr bool manages = is_one_of<R,
                                   CreateQueue,
                                   DeleteQueue,
                                   CreateTopic,
                                   DeleteTopic,
                                   Subscribe,
                                   Unsubscribe,
                                   DeployScript,
                                   ActivateScript>;

template <class R>
constexpr bool changes_server =
    is_one_of<R, InitCluster, ChangeCluster, ListBackupSets, ChangeBackup, GetBackup, ReadBackup>;

template <class R>
constexpr bool looks_at_server = is_one_of<R, GetStatus, GetCluster>;

template <class R>
consteval Right right_of() {
    static_assert(
        looks<R> + sends<R> + receives<R> + steers<R> + manages<R> + changes_server<R> == 1,
        "every request has one right");
    if (looks<R>) return Right::look;
    if (sends<R>) return Right::send;
    if (receives<R>) return Right::receive;
    if (steers<R>) return Right::steer;
    if (manages<R>) return Right::manage;
    return Right::server;
}

std::string queue_resource(const std::string& name) {
    const auto slash = name.find('/');
    if (slash == std::string::npos) return "queue/" + name;
    // A subscription stands for its automatic dead-letter queue.
    return "queue/" + automatic_dead_letter_name(name.substr(0, slash), name.substr(slash + 1));
}

std::string topic_resource(const std::string& name) {
    return "topic/" + name;
}

std::string subscription_resource(const std::string& full) {
    return "subscription/" + full;
}

// What a request is about. Lists of all of a kind are about KIND/*.
class Resource {
  public:
    std::string operator()(const ListQueues& /*request*/) const { return "queue/*"; }

    std::string operator()(const ListTopics& /*request*/) const { return "topic/*"; }

    std::string operator()(const ListSubscriptions& request) const {
        return subscription_resource((request.topic.empty() ? "*" : request.topic) + "/*");
    }

    std::string operator()(const ListDeliveries& request) const {
        return subscription_resource(request.subscription.empty() ? "*" : request.subscription);
    }

    std::string operator()(const ReleaseDelivery& request) const {
        return subscription_resource(request.subscription);
    }

    std::string operator()(const TrackMessage& /*request*/) const { return "message/*"; }

    std::string operator()(const GetJob& request) const {
        return of_job(request.kind, request.name);
    }

    std::string operator()(const ChangeJob& request) const {
        return of_job(request.kind, request.name);
    }

    std::string operator()(const PeekMessages& request) const {
        return request.topic.empty() ? queue_resource(request.queue)
                                     : topic_resource(request.topic);
    }

    std::string operator()(const ChangeDelayed& request) const {
        return request.topic.empty() ? queue_resource(request.queue)
                                     : topic_resource(request.topic);
    }

    std::string operator()(const PublishMessages& request) const {
        return topic_resource(request.topic);
    }

    template <class R>
    std::string operator()(const R& request) const {
        if constexpr (looks_at_server<R> || changes_server<R>) {
            return "server";
        } else if constexpr (is_one_of<R, CreateTopic, GetTopic, SetTopic, DeleteTopic>) {
            return topic_resource(request.name);
        } else if constexpr (requires { request.topic + request.name; }) {
            return subscription_resource(request.topic + "/" + request.name);
        } else if constexpr (requires { request.queue + std::string(); }) {
            return queue_resource(request.queue);
        } else {
            return queue_resource(request.name);
        }
    }

  private:
    static std::string of_job(model::JobKind kind, const std::string& name) {
        return kind == model::JobKind::redrive ? queue_resource(name) : subscription_resource(name);
    }
};

// What else a request has messages flow into: as if they were sent there.
class Flows {
  public:
    explicit Flows(std::vector<Act>& acts) : acts_(acts) {}

    void operator()(const CreateQueue& request) { into_letters(request.change); }

    void operator()(const SetQueue& request) { into_letters(request.change); }

    void operator()(const Subscribe& request) {
        if (request.dead_letter == DeadLetterChoice::named) into(request.dead_letter_queue);
        if (request.spec.sink == model::SinkKind::queue) into(request.spec.endpoint);
        if (request.spec.pace.outputs) anywhere();
    }

    // The kind of sink is not known here: the new endpoint might be a queue's name.
    void operator()(const SetSubscription& request) {
        if (request.endpoint && valid_name(*request.endpoint)) into(*request.endpoint);
        if (request.pace.outputs.value_or(false)) anywhere();
    }

    template <class R>
    void operator()(const R& /*request*/) {}

  private:
    void into_letters(const QueueChange& change) {
        if (change.dead_letter) into(change.dead_letter->queue);
    }

    // The endpoint's answers name where they publish.
    void anywhere() {
        acts_.push_back({Right::send, action_of<SendMessages>(), "queue/*"});
        acts_.push_back({Right::send, action_of<PublishMessages>(), "topic/*"});
    }

    void into(const std::string& queue) {
        acts_.push_back({Right::send, action_of<SendMessages>(), queue_resource(queue)});
    }

    std::vector<Act>& acts_;
};

template <class... Rs>
std::vector<std::string> names_of(const std::variant<Rs...>* /*type*/) {
    std::vector<std::string> names{action_of<Rs>()...};
    names.emplace_back(content_action);
    std::sort(names.begin(), names.end());
    return names;
}

template <class... Rs>
std::optional<Right> right_among(std::string_view action, const std::variant<Rs...>* /*type*/) {
    std::optional<Right> found;
    const auto look = [&]<class R>(const R* /*type*/) {
        if (action_of<R>() == action) found = right_of<R>();
    };
    (look(static_cast<const Rs*>(nullptr)), ...);
    return found;
}

}  // namespace

bool has(Role role, Right right) {
    switch (role) {
        case Role::root:
            return true;
        case Role::admin:
            return right != Right::server;
        case Role::operations:
            return right != Right::server && right != Right::keys && right != Right::manage;
        case Role::viewer:
            return right == Right::look;
        case Role::publisher:
            return right == Right::send;
        case Role::consumer:
            return right == Right::receive;
        case Role::none:
            return false;
    }
    return false;
}

std::vector<Act> acts_of(const Request& request) {
    std::vector<Act> acts;
    std::visit(
        [&acts]<class R>(const R& one) {
            acts.push_back({right_of<R>(), action_of<R>(), Resource()(one)});
            Flows{acts}(one);
        },
        request);
    return acts;
}

const std::vector<std::string>& action_names() {
    static const std::vector<std::string> names = names_of(static_cast<const Request*>(nullptr));
    return names;
}

std::optional<Right> right_for(std::string_view action) {
    if (action == content_action) return Right::content;
    return right_among(action, static_cast<const Request*>(nullptr));
}

bool allows(const model::Access& access, const Act& act) {
    const Verdict verdict = weigh(access.statements, act.action, act.resource);
    if (verdict == Verdict::denied) return false;
    if (has(access.role, act.right)) return true;
    const bool grantable = act.right != Right::keys && act.right != Right::server;
    return grantable && verdict == Verdict::allowed;
}

}  // namespace penstock::api

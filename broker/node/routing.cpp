#include "broker/node/routing.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

namespace penstock::node {

namespace {

using To = Route::To;

// What every overload needs to know.
class Finder {
  public:
    Finder(Names& names, const std::function<Placement()>& placement)
        : names_(names), placement_(placement) {}

    Route operator()(const api::CreateQueue& /*request*/) const { return next(); }

    Route operator()(const api::CreateTopic& /*request*/) const { return next(); }

    Route operator()(const api::ListQueues& /*request*/) const { return {}; }

    Route operator()(const api::ListTopics& /*request*/) const { return {}; }

    Route operator()(const api::GetStatus& /*request*/) const { return {}; }

    Route operator()(const api::GetCluster& /*request*/) const { return {}; }

    Route operator()(const api::InitCluster& /*request*/) const { return {}; }

    Route operator()(const api::ChangeCluster& /*request*/) const { return {}; }

    Route operator()(const api::ListBackupSets& /*request*/) const { return {}; }

    Route operator()(const api::ChangeBackup& request) const { return to_set(request.set); }

    Route operator()(const api::GetBackup& request) const { return to_set(request.set); }

    Route operator()(const api::ReadBackup& request) const { return to_set(request.set); }

    Route operator()(const api::GetQueue& request) { return read(names_.queue(request.name)); }

    Route operator()(const api::SetQueue& request) { return write(names_.queue(request.name)); }

    Route operator()(const api::DeleteQueue& request) { return write(names_.queue(request.name)); }

    Route operator()(const api::ClearQueue& request) { return write(names_.queue(request.name)); }

    Route operator()(const api::RewindQueue& request) { return write(names_.queue(request.name)); }

    Route operator()(const api::SendMessages& request) {
        return write(names_.queue(request.queue));
    }

    Route operator()(const api::ConfirmTransactions& request) {
        return write(names_.queue(request.queue));
    }

    Route operator()(const api::TakeChecks& request) { return write(names_.queue(request.queue)); }

    Route operator()(const api::ReceiveMessages& request) {
        return write(names_.queue(request.queue));
    }

    Route operator()(const api::DeleteMessages& request) {
        return write(names_.queue(request.queue));
    }

    Route operator()(const api::ChangeVisibility& request) {
        return write(names_.queue(request.queue));
    }

    Route operator()(const api::ListDeadLetterSources& /*request*/) const { return everywhere(); }

    Route operator()(const api::ListDeadLetters& request) {
        return read(names_.dead_letter_queue(request.queue));
    }

    Route operator()(const api::FindDeadLetter& request) {
        return read(names_.dead_letter_queue(request.queue));
    }

    Route operator()(const api::RedriveDeadLetters& request) {
        return write(names_.dead_letter_queue(request.queue));
    }

    Route operator()(const api::EditDeadLetter& request) {
        return write(names_.dead_letter_queue(request.queue));
    }

    Route operator()(const api::ReplayMessages& request) {
        return write(names_.subscription(request.topic, request.name));
    }

    Route operator()(const api::GetJob& request) {
        return read(owner_of_job(request.kind, request.name));
    }

    Route operator()(const api::ChangeJob& request) {
        return write(owner_of_job(request.kind, request.name));
    }

    Route operator()(const api::PeekMessages& request) {
        return read(queue_or_topic(request.queue, request.topic));
    }

    Route operator()(const api::ChangeDelayed& request) {
        return write(queue_or_topic(request.queue, request.topic));
    }

    Route operator()(const api::GetTopic& request) { return read(names_.topic(request.name)); }

    Route operator()(const api::SetTopic& request) { return write(names_.topic(request.name)); }

    Route operator()(const api::DeleteTopic& request) { return write(names_.topic(request.name)); }

    Route operator()(const api::PublishMessages& request) {
        return write(names_.topic(request.topic));
    }

    Route operator()(const api::Subscribe& request) { return write(names_.topic(request.topic)); }

    Route operator()(const api::Unsubscribe& request) {
        return write(names_.subscription(request.topic, request.name));
    }

    Route operator()(const api::GetSubscription& request) {
        return read(names_.subscription(request.topic, request.name));
    }

    Route operator()(const api::SetSubscription& request) {
        return write(names_.subscription(request.topic, request.name));
    }

    Route operator()(const api::ListSubscriptions& request) {
        if (request.topic.empty()) return {To::each_subscription, {}, true, false};
        return read(names_.topic(request.topic));
    }

    Route operator()(const api::ListScripts& request) {
        return read(names_.subscription(request.topic, request.name));
    }

    Route operator()(const api::DeployScript& request) {
        return write(names_.subscription(request.topic, request.name));
    }

    Route operator()(const api::ActivateScript& request) {
        return write(names_.subscription(request.topic, request.name));
    }

    Route operator()(const api::ListDeliveries& request) {
        if (request.subscription.empty()) return everywhere();
        const auto parts = split_subscription(request.subscription);
        return parts ? read(names_.subscription(parts->topic, parts->name)) : fallback();
    }

    Route operator()(const api::ReleaseDelivery& request) {
        const auto parts = split_subscription(request.subscription);
        return parts ? write(names_.subscription(parts->topic, parts->name)) : fallback();
    }

    Route operator()(const api::TrackMessage& request) const {
        const Placement placement = placement_();
        for (const model::SetId set : placement.sets) {
            if (set == request.id.set()) return {To::set, set, true, false};
        }
        return fallback();
    }

  private:
    Outcome<core::NameInfo> owner_of_job(model::JobKind kind, const std::string& name) {
        if (kind == model::JobKind::redrive) return names_.dead_letter_queue(name);
        const auto parts = split_subscription(name);
        return parts ? names_.subscription(parts->topic, parts->name)
                     : names_.subscription(name, {});
    }

    Outcome<core::NameInfo> queue_or_topic(const std::string& queue, const std::string& topic) {
        return topic.empty() ? names_.queue(queue) : names_.topic(topic);
    }

    // A number that no set can have stays one that there is not.
    [[nodiscard]] static Route to_set(std::uint32_t number) {
        const auto set = static_cast<std::uint16_t>(std::min(number, 1U << model::set_bits));
        return {To::set, model::SetId{set}, true, false};
    }

    [[nodiscard]] Route next() const { return {To::set, placement_().next, false, false}; }

    [[nodiscard]] Route fallback() const { return {To::set, placement_().next, false, true}; }

    [[nodiscard]] Route everywhere() const {
        const std::vector<model::SetId> sets = placement_().sets;
        if (sets.size() == 1) return {To::set, sets.front(), true, false};
        return {To::every_set, {}, true, false};
    }

    [[nodiscard]] Route read(const Outcome<core::NameInfo>& found) const {
        return found ? Route{To::set, found->set, true, false} : fallback();
    }

    [[nodiscard]] Route write(const Outcome<core::NameInfo>& found) const {
        return found ? Route{To::set, found->set, false, false} : fallback();
    }

    Names& names_;
    const std::function<Placement()>& placement_;
};

}  // namespace

Route route_of(const api::Request& request,
               Names& names,
               const std::function<Placement()>& placement) {
    return std::visit(Finder(names, placement), request);
}

}  // namespace penstock::node

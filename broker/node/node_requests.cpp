// Where a request of a client runs: here, where this node leads the set it belongs to; on another
// node; in several sets whose parts are put together.
#include "broker/base/check.h"
#include "broker/core/placement.h"
#include "broker/node/node.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace penstock::node {

namespace {

constexpr std::size_t queued_max = 20'000;  // commands that wait for an entry
constexpr std::uint32_t page_limit_max = 1'000;

bool brings_new(const api::Request& request) {
    return std::holds_alternative<api::SendMessages>(request) ||
           std::holds_alternative<api::PublishMessages>(request) ||
           std::holds_alternative<api::CreateQueue>(request) ||
           std::holds_alternative<api::CreateTopic>(request) ||
           std::holds_alternative<api::Subscribe>(request) ||
           std::holds_alternative<api::DeployScript>(request);
}

model::Refusal not_leading() {
    return {model::Reason::unavailable, {}, "another node leads the set: try again in a moment"};
}

template <class... Kinds>
bool is_any_of(const api::Request& request) {
    return (std::holds_alternative<Kinds>(request) || ...);
}

bool is_about_backups(const api::Request& request) {
    return is_any_of<api::ChangeBackup, api::GetBackup, api::ReadBackup>(request);
}

model::Refusal names_unknown() {
    return {model::Reason::unavailable, {}, "the leader of set 0 is not known: try again"};
}

// A node that has nothing of set 0 waits for a cluster, or for a copy of it, not for a leader.
model::Refusal without_leader(const HostedSet& names, model::Refusal usual) {
    if (names.applied() > 0) return usual;
    return {model::Reason::unavailable,
            {},
            "this node has no names yet: a new cluster is founded by 'penstock cluster init', one "
            "that is there gives them in a moment"};
}

// Answered from the rows of set 0 alone, wherever it is asked.
bool lists_names(const api::Request& request) {
    if (const auto* list = std::get_if<api::ListSubscriptions>(&request)) {
        return list->topic.empty();
    }
    return is_any_of<api::ListQueues, api::ListTopics>(request);
}

// About the object itself: the name may have been deleted and made again, in another set, since
// this node heard of it last. Messages need no such care: an object that is gone takes none.
bool is_about_a_name(const api::Request& request) {
    return is_any_of<api::GetQueue,
                     api::SetQueue,
                     api::DeleteQueue,
                     api::GetTopic,
                     api::SetTopic,
                     api::DeleteTopic,
                     api::Subscribe,
                     api::Unsubscribe,
                     api::GetSubscription,
                     api::SetSubscription>(request);
}

// The parts of one answer that come from several places.
template <class Reply>
struct Gathering {
    CallPtr call;
    std::vector<std::optional<Outcome<Reply>>> parts;
    std::size_t missing = 0;
    std::function<void(const CallPtr&, std::vector<std::optional<Outcome<Reply>>>&)> finished;
};

// On the caller's executor, as every answer.
template <class Reply>
void answer_whole(const CallPtr& call, Outcome<Reply> outcome) {
    if (call->claim()) call->answer(std::any(std::move(outcome)));
}

// A request of the node's own whose answer is part `at` of the gathering. It is answered where its
// caller is, so that the parts of one answer meet on one thread.
template <class Reply>
CallPtr part_of(const std::shared_ptr<Gathering<Reply>>& gathering,
                std::size_t at,
                const api::Request& request,
                std::shared_ptr<Mailbox> mailbox) {
    auto answer = [gathering, at](std::any outcome) {
        gathering->parts[at] = std::any_cast<Outcome<Reply>>(std::move(outcome));
        if (--gathering->missing == 0) gathering->finished(gathering->call, gathering->parts);
    };
    return std::make_shared<Call>(gathering->call->executor(),
                                  std::move(answer),
                                  refuse_of(request),
                                  std::move(mailbox),
                                  gathering->call->principal());
}

api::DeliveryPage merged(const api::ListDeliveries& request,
                         std::vector<std::optional<Outcome<api::DeliveryPage>>>& parts) {
    api::DeliveryPage page;
    for (auto& part : parts) {
        std::move((*part)->items.begin(), (*part)->items.end(), std::back_inserter(page.items));
    }
    std::stable_sort(page.items.begin(), page.items.end(), [](const auto& left, const auto& right) {
        return left.at_ms > right.at_ms;
    });
    if (page.items.size() > request.limit) page.items.resize(request.limit);
    return page;
}

api::NamePage merged(const api::ListDeadLetterSources& request,
                     std::vector<std::optional<Outcome<api::NamePage>>>& parts) {
    api::NamePage all;
    for (auto& part : parts) {
        all.total += (*part)->total;
        std::move((*part)->items.begin(), (*part)->items.end(), std::back_inserter(all.items));
    }
    const std::size_t offset = std::min<std::size_t>(request.page.offset, all.items.size());
    all.items.erase(all.items.begin(), all.items.begin() + static_cast<std::ptrdiff_t>(offset));
    if (all.items.size() > request.page.limit) all.items.resize(request.page.limit);
    return all;
}

// What a set is asked for so that pages can be cut from all of them.
api::ListDeliveries part_request(api::ListDeliveries request) {
    return request;
}

api::ListDeadLetterSources part_request(api::ListDeadLetterSources request) {
    request.page.limit = page_limit_max;
    request.page.offset = 0;
    return request;
}

}  // namespace

std::vector<model::SetId> Node::data_sets() const {
    std::vector<model::SetId> sets;
    for (const model::SetInfo& info : core::list_sets(names_set_->rows())) {
        // A set that nobody holds any more is asked for nothing.
        if (info.set != model::names_set && !info.replicas.empty()) sets.push_back(info.set);
    }
    if (!sets.empty()) return sets;
    for (const auto& [set, desk] : open_->desks) sets.push_back(set);
    return sets;
}

Placement Node::placement() const {
    Placement placement;
    std::uint32_t least = 0;
    for (const model::SetId set : data_sets()) {
        placement.sets.push_back(set);
        const std::uint32_t objects = core::objects_in(names_set_->rows(), set);
        if (placement.sets.size() > 1 && objects >= least) continue;
        least = objects;
        placement.next = set;
    }
    return placement;
}

Route Node::route(const api::Request& request) {
    return route_of(request, open_->names, [this] { return placement(); });
}

void Node::begin(const CallPtr& call, api::Request request, PreparedBodies bodies) {
    const Errand errand{route(request), false};
    const bool stale = errand.route.missing || lists_names(request) || is_about_a_name(request);
    if (!stale || world_.neighbours == nullptr) {
        return run(call, std::move(request), std::move(bodies), errand);
    }
    // The name may have been made by another node a moment ago.
    watch(call);
    auto again = [this, call, request = std::move(request), bodies = std::move(bodies)](bool is) {
        if (!is) {
            return completions_.refuse(call, without_leader(*names_set_, names_unknown()));
        }
        run(call, request, bodies, {route(request), false});
    };
    world_.neighbours->names_current(std::move(again));
}

void Node::begin_forwarded(const CallPtr& call,
                           api::Request request,
                           PreparedBodies bodies,
                           model::SetId set) {
    Errand errand{route(request), true};
    const bool stale = errand.route.missing || is_about_a_name(request);
    errand.route.to = Route::To::set;
    errand.route.set = set;
    if (!stale) return run(call, std::move(request), std::move(bodies), errand);
    // Whoever sent it knows of a name that is not here yet.
    watch(call);
    auto again = [this, call, request = std::move(request), bodies = std::move(bodies), errand](
                     bool is) {
        if (!is) return completions_.refuse(call, names_unknown());
        const Route now = route(request);
        const bool moved = now.to == Route::To::set && !now.missing && now.set != errand.route.set;
        // It was made again, elsewhere; here it would seem not to exist.
        if (moved) return completions_.refuse(call, not_leading());
        run(call, request, bodies, errand);
    };
    world_.neighbours->names_current(std::move(again));
}

void Node::run(const CallPtr& call, api::Request request, PreparedBodies bodies, Errand errand) {
    if (call->answered()) return;
    const bool poll = std::holds_alternative<api::ReceiveMessages>(request) ||
                      std::holds_alternative<api::TakeChecks>(request);
    if (call->cancelled() && poll) {
        completions_.refuse(call, {model::Reason::unavailable, {}, "its caller has gone"});
        return;
    }
    watch(call);
    switch (errand.route.to) {
        case Route::To::every_set:
            return run_everywhere(call, request);
        case Route::To::each_subscription:
            return list_subscriptions(call, std::get<api::ListSubscriptions>(request));
        case Route::To::any:
            if (std::holds_alternative<api::GetStatus>(request)) {
                return completions_.answer(call, std::any(Outcome<api::ServerStatus>(status())));
            }
            if (std::holds_alternative<api::ListBackupSets>(request)) {
                return list_backup_sets(call);
            }
            if (run_for_cluster(call, request)) return;
            if (open_->desks.empty()) {
                return completions_.refuse(call, without_leader(*names_set_, not_leading()));
            }
            return open_->desks.begin()->second->operations().start(
                call, std::move(request), std::move(bodies));
        case Route::To::set:
            break;
    }
    if (is_about_backups(request)) return run_backup(call, std::move(request), errand);
    if (errand.route.set == model::names_set) {
        return completions_.refuse(call, without_leader(*names_set_, not_leading()));
    }
    DataDesk* desk = this->desk(errand.route.set);
    if (desk != nullptr && desk->serving()) {
        return run_here(*desk, call, std::move(request), std::move(bodies), errand.route.reads);
    }
    if (world_.neighbours == nullptr || errand.forwarded) {
        return completions_.refuse(call, not_leading());
    }
    world_.neighbours->forward(
        errand.route.set, call, std::move(request), std::move(bodies), errand.route.reads);
}

void Node::run_here(
    DataDesk& desk, const CallPtr& call, api::Request request, PreparedBodies bodies, bool reads) {
    HostedSet& data = desk.set();
    const bool stalling = data.row_store().pressured();
    if ((stalling && brings_new(request)) || data.queued() >= queued_max) {
        completions_.refuse(call, {model::Reason::overloaded, {}, "the server is overloaded"});
        return;
    }
    if (!reads) return desk.operations().start(call, std::move(request), std::move(bodies));
    data.confirm([this, set = data.set(), call, request = std::move(request)](bool leads) {
        DataDesk* confirmed = this->desk(set);
        if (!leads || confirmed == nullptr) return completions_.refuse(call, not_leading());
        confirmed->operations().start(call, request, {});
    });
}

void Node::answer_cluster(const CallPtr& call, Refused refused) {
    if (refused) return completions_.refuse(call, std::move(*refused));
    const auto answer = [this, call](api::ClusterView view) {
        completions_.answer(call, std::any(Outcome<api::ClusterView>(std::move(view))));
    };
    if (world_.neighbours == nullptr) return answer({});
    world_.neighbours->survey(*this, answer);
}

bool Node::run_for_cluster(const CallPtr& call, const api::Request& request) {
    const bool get = std::holds_alternative<api::GetCluster>(request);
    const bool init = std::holds_alternative<api::InitCluster>(request);
    const auto* change = std::get_if<api::ChangeCluster>(&request);
    if (!get && !init && change == nullptr) return false;
    const auto done = [this, call](Refused refused) {
        answer_cluster(call, std::move(refused));
    };
    if (get) {
        done({});
    } else if (world_.neighbours == nullptr) {
        done(model::Refusal{
            model::Reason::invalid_parameter,
            "cluster",
            "this server is on its own: give it a [cluster] section and start it again"});
    } else if (!call->root()) {
        done(model::Refusal{
            model::Reason::denied, {}, "a cluster is changed with the root key only"});
    } else if (init) {
        world_.neighbours->init(*this, done);
    } else {
        world_.neighbours->change(*this, *change, done);
    }
    return true;
}

void Node::run_everywhere(const CallPtr& call, const api::Request& request) {
    const auto gather = [&](const auto& typed) {
        using Typed = std::decay_t<decltype(typed)>;
        using Reply = typename Typed::Reply;
        const std::vector<model::SetId> sets = placement().sets;
        auto gathering = std::make_shared<Gathering<Reply>>();
        gathering->call = call;
        gathering->parts.resize(sets.size());
        gathering->missing = sets.size();
        gathering->finished = [typed](const CallPtr& whole, auto& parts) {
            for (auto& part : parts) {
                if (!*part) return answer_whole<Reply>(whole, part->error());
            }
            answer_whole<Reply>(whole, merged(typed, parts));
        };
        for (std::size_t at = 0; at < sets.size(); ++at) {
            api::Request part = part_request(typed);
            CallPtr own = part_of(gathering, at, part, mailbox_);
            run(own, std::move(part), {}, {{Route::To::set, sets[at], true, false}, false});
        }
    };
    if (const auto* list = std::get_if<api::ListDeliveries>(&request)) return gather(*list);
    if (const auto* list = std::get_if<api::ListDeadLetterSources>(&request)) return gather(*list);
    check(false, "only lists are put together from all sets");
}

void Node::list_subscriptions(const CallPtr& call, const api::ListSubscriptions& request) {
    if (request.page.limit > page_limit_max) {
        return completions_.refuse(call, out_of_range("limit", 0, page_limit_max));
    }
    const auto found = core::list_names(names_set_->rows(),
                                        model::ObjectKind::subscription,
                                        request.search,
                                        request.page.offset,
                                        request.page.limit,
                                        request.account);
    auto gathering = std::make_shared<Gathering<api::SubscriptionView>>();
    gathering->call = call;
    gathering->parts.resize(found.items.size());
    gathering->missing = found.items.size();
    gathering->finished = [total = found.total](const CallPtr& whole, auto& parts) {
        api::SubscriptionPage page;
        page.total = total;
        for (auto& part : parts) {
            // Deleted since its name was read.
            const bool gone =
                !*part && part->error().reason == model::Reason::subscription_not_found;
            if (gone) continue;
            if (!*part) return answer_whole<api::SubscriptionPage>(whole, part->error());
            page.items.push_back(std::move(**part));
        }
        answer_whole<api::SubscriptionPage>(whole, std::move(page));
    };
    if (found.items.empty()) {
        api::SubscriptionPage none;
        none.total = found.total;
        return completions_.answer(call, std::any(Outcome<api::SubscriptionPage>(std::move(none))));
    }
    for (std::size_t at = 0; at < found.items.size(); ++at) {
        const auto parts = split_subscription(found.items[at].name);
        check(parts.has_value(), "a subscription's name has a topic");
        api::Request one = api::GetSubscription{parts->topic, parts->name};
        CallPtr own = part_of(gathering, at, one, mailbox_);
        run(own, std::move(one), {}, {{Route::To::set, found.items[at].set, true, false}, false});
    }
}

}  // namespace penstock::node

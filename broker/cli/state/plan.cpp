#include "broker/cli/state/plan.h"

#include "broker/cli/output.h"
#include "broker/cli/session.h"
#include "broker/cli/subscription_commands.h"

#include <boost/json.hpp>

#include <algorithm>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

// Where scripts stand: member of a subscription, role of /v1's scripts.
const std::map<std::string, std::string> script_roles = {
    {"lua", "handler"}, {"filter_lua", "filter"}, {"transform_lua", "transform"}};

const std::set<std::string, std::less<>> secret_members = {
    "authorization", "client_key", "headers"};
constexpr std::string_view masked = "***";

std::set<std::string> properties_of(const json::object& description, std::string_view schema) {
    std::set<std::string> names;
    boost::system::error_code missing;
    const json::value whole(description);
    const auto* found =
        whole.find_pointer("/components/schemas/" + std::string(schema) + "/properties", missing);
    if (missing || found == nullptr || !found->is_object()) return names;
    for (const auto& [name, value] : found->get_object()) names.emplace(name);
    return names;
}

bool same(const json::value& wanted, const json::value& there);

// The server shows more than was asked for: only what is wanted counts.
bool same_object(const json::object& wanted, const json::object& there) {
    return std::all_of(wanted.begin(), wanted.end(), [&](const auto& member) {
        const auto* value = there.if_contains(member.key());
        return value != nullptr ? same(member.value(), *value) : member.value().is_null();
    });
}

// Tags, patterns and hosts are sets.
bool same_list(const json::array& wanted, const json::array& there) {
    if (wanted.size() != there.size()) return false;
    const bool in_order = std::equal(wanted.begin(), wanted.end(), there.begin(), same);
    const bool texts = std::all_of(
        wanted.begin(), wanted.end(), [](const json::value& item) { return item.is_string(); });
    if (in_order || !texts) return in_order;
    return std::is_permutation(wanted.begin(), wanted.end(), there.begin(), same);
}

bool same(const json::value& wanted, const json::value& there) {
    if (wanted.is_object() && there.is_object()) {
        return same_object(wanted.get_object(), there.get_object());
    }
    if (wanted.is_array() && there.is_array()) {
        return same_list(wanted.get_array(), there.get_array());
    }
    if (wanted.is_number() && there.is_number()) {
        return wanted.to_number<double>() == there.to_number<double>();
    }
    return wanted == there;
}

// `retry` may be a name alone; a step's most is its least, and it is taken once, when not said.
json::value with_defaults(const json::value& retry) {
    json::object out;
    if (retry.is_string()) {
        out["name"] = retry;
        return out;
    }
    if (!retry.is_object()) return retry;
    out = retry.get_object();
    auto* steps = out.if_contains("steps");
    if (steps == nullptr || !steps->is_array()) return out;
    for (json::value& value : steps->get_array()) {
        if (!value.is_object()) continue;
        json::object& step = value.get_object();
        if (step.contains("min_ms") && !step.contains("max_ms")) {
            const json::value least = step["min_ms"];
            step["max_ms"] = least;
        }
        if (!step.contains("times")) step["times"] = 1;
    }
    return out;
}

std::string collection_path(const Resource& resource) {
    if (resource.kind == Kind::queue) return "/v1/queues";
    if (resource.kind == Kind::topic) return "/v1/topics";
    return "/v1/topics/" + encoded(resource.name.substr(0, resource.name.find('/'))) +
           "/subscriptions";
}

std::string path_of(Kind kind, const std::string& name) {
    if (kind == Kind::queue) return "/v1/queues/" + encoded(name);
    if (kind == Kind::topic) return "/v1/topics/" + encoded(name);
    return subscription_path(name);
}

Step create(const Resource& resource) {
    Step step{Action::create, resource.kind, resource.name, {}, {}, {}};
    json::object body = resource.members;
    body["name"] = resource.kind == Kind::subscription
                       ? resource.name.substr(resource.name.find('/') + 1)
                       : resource.name;
    step.requests.push_back({"POST", collection_path(resource), std::move(body)});
    return step;
}

Step remove(Kind kind, const std::string& name) {
    return {Action::remove, kind, name, {}, {{"DELETE", path_of(kind, name), {}}}, {}};
}

// One resource that is there already, member by member.
class Difference {
  public:
    Difference(const Resource& resource, const json::object& there, const Members& known)
        : resource_(resource), there_(there), known_(known) {
        step_.action = Action::change;
        step_.kind = resource.kind;
        step_.name = resource.name;
    }

    Step take() {
        for (const auto& [name, wanted] : resource_.members) look_at(name, wanted);
        const std::string path = path_of(resource_.kind, resource_.name);
        if (!patch_.empty()) {
            step_.requests.insert(step_.requests.begin(), Request{"PATCH", path, patch_});
        }
        if (!step_.why.empty()) {
            step_.action = Action::conflict;
            step_.requests.clear();
        }
        return std::move(step_);
    }

  private:
    void look_at(std::string_view name, const json::value& wanted) {
        if (name.ends_with("_file")) return;  // goes with its script
        if (name == "paused" && resource_.kind == Kind::subscription) return look_at_pause(wanted);
        const auto role = script_roles.find(std::string(name));
        json::value rest = wanted;
        if (role != script_roles.end()) {
            look_at_script(role->first, role->second, wanted);
            if (!rest.is_object()) return;
            rest.get_object().erase("code");
            rest.get_object().erase("file");
        }
        const json::value* there = there_.if_contains(name);
        const json::value nothing;
        if (there == nullptr) there = &nothing;
        if (same(name == "retry" ? with_defaults(rest) : rest, *there)) return;
        const bool secret = holds_secret(name, *there) || holds_secret(name, rest);
        note(name, *there, secret ? json::value(masked) : rest);
        if (known_.changeable.contains(std::string(name))) {
            patch_[name] = rest;
        } else if (step_.why.empty()) {
            step_.why = std::string(name) + " cannot be changed in place";
        }
    }

    void look_at_pause(const json::value& wanted) {
        const auto* state = there_.if_contains("state");
        const bool paused = state != nullptr && *state == "paused";
        if (!wanted.is_bool() || wanted.get_bool() == paused) return;
        note("paused", paused, wanted);
        step_.requests.push_back(
            {"POST",
             path_of(resource_.kind, resource_.name) + (paused ? "/resume" : "/pause"),
             {}});
    }

    void look_at_script(const std::string& member,
                        const std::string& role,
                        const json::value& wanted) {
        const json::value* code = &wanted;
        const json::value* file = nullptr;
        if (wanted.is_object()) {
            code = wanted.get_object().if_contains("code");
            file = wanted.get_object().if_contains("file");
        } else {
            file = resource_.members.if_contains(role + "_file");
        }
        if (code == nullptr || *code == in_use(role)) return;
        note(member + ".code", "another version", "this text");
        // A subscription that goes elsewhere has no place for it.
        if (!there_.contains(member)) {
            if (step_.why.empty()) step_.why = member + " cannot be added in place";
            return;
        }
        json::object body{{"role", role}, {"code", *code}};
        if (file != nullptr) body["file"] = *file;
        step_.requests.push_back(
            {"POST", path_of(resource_.kind, resource_.name) + "/scripts", std::move(body)});
    }

    // The text of the script in use; null when there is none.
    [[nodiscard]] json::value in_use(const std::string& role) const {
        const auto* scripts = there_.if_contains("scripts");
        if (scripts == nullptr) return nullptr;
        for (const json::value& script : scripts->get_array()) {
            const json::object& one = script.get_object();
            if (at_path(one, "role") == role) return one.at("code");
        }
        return nullptr;
    }

    void note(std::string_view member, json::value from, json::value to) {
        step_.changes.push_back({std::string(member), std::move(from), std::move(to)});
    }

    const Resource& resource_;
    const json::object& there_;
    const Members& known_;
    Step step_;
    json::object patch_;
};

// A member no server of this version takes.
std::string unknown_member(const Resource& resource, const Members& known) {
    for (const auto& [name, value] : resource.members) {
        if (!known.of_new.contains(std::string(name))) return std::string(name);
    }
    return {};
}

void plan_one(const Resource& resource,
              const Actual& actual,
              const Members& known,
              std::vector<Step>& steps) {
    const std::string unknown = unknown_member(resource, known);
    if (!unknown.empty()) {
        Step step{Action::conflict, resource.kind, resource.name, {}, {}, {}};
        step.why = "'" + unknown + "' is not known to the server";
        return steps.push_back(std::move(step));
    }
    const auto& there = actual.of(resource.kind);
    const auto found = there.find(resource.name);
    if (found == there.end()) return steps.push_back(create(resource));
    Step step = Difference(resource, found->second, known).take();
    if (!step.changes.empty()) steps.push_back(std::move(step));
}

}  // namespace

bool holds_secret(std::string_view member, const json::value& shown) {
    if (secret_members.contains(member)) return true;
    if (shown.is_string()) return shown.get_string() == masked;
    if (!shown.is_object()) return false;
    const json::object& object = shown.get_object();
    return std::any_of(object.begin(), object.end(), [](const auto& one) {
        return holds_secret(one.key(), one.value());
    });
}

Vocabulary vocabulary_of(const json::object& description) {
    Vocabulary all;
    all[Kind::queue] = {properties_of(description, "NewQueue"),
                        properties_of(description, "QueueAttributes")};
    all[Kind::topic] = {properties_of(description, "NewTopic"),
                        properties_of(description, "TopicAttributes")};
    all[Kind::subscription] = {properties_of(description, "NewSubscription"),
                               properties_of(description, "SubscriptionAttributes")};
    return all;
}

const std::map<std::string, json::object>& Actual::of(Kind kind) const {
    if (kind == Kind::queue) return queues;
    return kind == Kind::topic ? topics : subscriptions;
}

std::vector<Step> make_plan(const std::vector<Resource>& desired,
                            const Actual& actual,
                            const Vocabulary& vocabulary,
                            bool prune) {
    std::vector<Step> steps;
    std::map<Kind, std::set<std::string>> named;
    for (const Resource& resource : desired) {
        named[resource.kind].insert(resource.name);
        plan_one(resource, actual, vocabulary.at(resource.kind), steps);
    }
    if (!prune) return steps;
    // Last, when nothing that stays needs them any more: subscriptions before their topics and the
    // queues they feed, queues before those their dead letters go to.
    std::vector<Resource> queues;
    for (const auto& [name, members] : actual.queues)
        queues.push_back({Kind::queue, name, members});
    queues = in_order_of_making(queues);
    std::vector<std::pair<Kind, std::string>> there;
    for (const auto& [name, members] : actual.subscriptions) {
        there.emplace_back(Kind::subscription, name);
    }
    for (const auto& [name, members] : actual.topics) there.emplace_back(Kind::topic, name);
    for (auto queue = queues.rbegin(); queue != queues.rend(); ++queue) {
        there.emplace_back(Kind::queue, queue->name);
    }
    for (const auto& [kind, name] : there) {
        if (!named[kind].contains(name)) steps.push_back(remove(kind, name));
    }
    return steps;
}

}  // namespace penstock::cli

#include "broker/cli/context_commands.h"

#include <boost/json.hpp>

#include <filesystem>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

const Columns context_columns = {
    {"NAME", "name"}, {"SERVER", "server"}, {"KEY ID", "key_id"}, {"IN USE", "in_use"}};

}  // namespace

void ContextCommands::add_to(CLI::App& root) {
    CLI::App* noun = root.add_subcommand("context", "Named servers and keys");
    noun->require_subcommand(1);
    CLI::App* add = noun->add_subcommand(
        "add", "Remember --server, --key-id, --key-secret and --ca under a name");
    add->callback([this] {
        session_.chosen = [this] {
            return this->add();
        };
    });
    add->add_option("NAME", name_, "The context")->required();
    CLI::App* use = noun->add_subcommand("use", "Use a context from now on");
    use->callback([this] {
        session_.chosen = [this] {
            return this->use();
        };
    });
    use->add_option("NAME", name_, "The context")->required();
    CLI::App* remove = noun->add_subcommand("delete", "Forget a context and its secret");
    remove->callback([this] {
        session_.chosen = [this] {
            return this->remove();
        };
    });
    remove->add_option("NAME", name_, "The context")->required();
    remove->add_flag("--yes", session_.yes, "Do not ask");
    CLI::App* list = noun->add_subcommand("list", "The contexts; secrets are not shown");
    list->callback([this] {
        session_.chosen = [this] {
            return this->list();
        };
    });
}

int ContextCommands::store(const Contexts& contexts, const std::string& said) {
    const auto saved = save_contexts(contexts_file(session_.world()), contexts);
    if (!saved) {
        Failure failure;
        failure.what = saved.error().detail;
        return session_.fail(failure);
    }
    json::object shown;
    shown["name"] = name_;
    shown["in_use"] = contexts.current == name_;
    return session_.say(said, shown, "penstock doctor");
}

int ContextCommands::add() {
    auto contexts = load_contexts(contexts_file(session_.world()));
    if (!contexts) return session_.fail(usage_failure(contexts.error().detail));
    const auto target = session_.target();
    if (!target) return session_.fail(target.error());
    contexts->by_name[name_] = *target;
    // The context is used from other folders too.
    std::string& ca_file = contexts->by_name[name_].ca_file;
    if (!ca_file.empty()) ca_file = std::filesystem::absolute(ca_file).string();
    if (contexts->current.empty()) contexts->current = name_;
    return store(*contexts, "added " + name_);
}

std::optional<Failure> ContextCommands::find(const Contexts& contexts) const {
    if (contexts.by_name.count(name_) != 0) return {};
    Failure failure;
    failure.exit_code = exit_not_found;
    failure.what = "There is no context '" + name_ + "'.";
    failure.next = "'penstock context list' shows them.";
    return failure;
}

int ContextCommands::use() {
    auto contexts = load_contexts(contexts_file(session_.world()));
    if (!contexts) return session_.fail(usage_failure(contexts.error().detail));
    if (const auto failure = find(*contexts)) return session_.fail(*failure);
    contexts->current = name_;
    return store(*contexts, "using " + name_);
}

int ContextCommands::remove() {
    auto contexts = load_contexts(contexts_file(session_.world()));
    if (!contexts) return session_.fail(usage_failure(contexts.error().detail));
    if (const auto failure = find(*contexts)) return session_.fail(*failure);
    int code = exit_ok;
    if (!session_.confirmed("forget context " + name_ + " and its secret?", code)) return code;
    contexts->by_name.erase(name_);
    if (contexts->current == name_) contexts->current.clear();
    return store(*contexts, "deleted " + name_);
}

int ContextCommands::list() {
    const auto contexts = load_contexts(contexts_file(session_.world()));
    if (!contexts) return session_.fail(usage_failure(contexts.error().detail));
    json::array items;
    for (const auto& [name, target] : contexts->by_name) {
        json::object item;
        item["name"] = name;
        item["server"] = target.server;
        item["key_id"] = target.key_id;
        item["in_use"] = name == contexts->current;
        items.emplace_back(std::move(item));
    }
    return session_.show(items, context_columns);
}

}  // namespace penstock::cli

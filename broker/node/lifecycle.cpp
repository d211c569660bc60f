#include "broker/node/lifecycle.h"

#include "broker/base/check.h"
#include "broker/core/data_query.h"

#include <utility>
#include <variant>

namespace penstock::node {

namespace {

model::Command deletion(model::ObjectKind kind, model::ObjectNo number) {
    switch (kind) {
        case model::ObjectKind::topic:
            return model::DeleteTopic{number};
        case model::ObjectKind::subscription:
            return model::Unsubscribe{number};
        case model::ObjectKind::queue:
        case model::ObjectKind::dead_letter_queue:
            break;
    }
    return model::DeleteQueue{number};
}

bool is_missing(const model::Refusal& why) {
    return why.reason == model::Reason::queue_not_found ||
           why.reason == model::Reason::topic_not_found ||
           why.reason == model::Reason::subscription_not_found;
}

// The set's leader changed under way, or nobody could be asked. The object stays as it is, half
// done, and the next leader of its set finishes or undoes it.
bool cut_short(const model::Refusal& why) {
    return why.reason == model::Reason::unknown_outcome ||
           why.reason == model::Reason::unavailable || why.reason == model::Reason::overloaded;
}

// The object is gone, whoever saw to it: its rate is not that of a later one of its name.
void forget_rate(api::OwnRates& rates,
                 const model::Rows& names,
                 model::SetId set,
                 model::ObjectNo number) {
    const auto name = core::find_number(names, number);
    if (!name || name->kind == model::ObjectKind::subscription) return;
    rates.set(set, name->kind == model::ObjectKind::topic, name->name, 0);
}

model::Refusal left_half_done() {
    return {model::Reason::unknown_outcome,
            {},
            "a leader changed meanwhile: it will be finished or undone within moments"};
}

}  // namespace

struct Lifecycle::Making {
    Creation creation;
    std::vector<model::ObjectNo> numbers;
    std::vector<bool> fresh;  // reserved by this creation; false: the name existed and is shared
    std::vector<Binding> bindings;
    std::size_t bound = 0;
    std::vector<model::Command> commands;
    std::size_t made = 0;
};

// Only the first step belongs to the call: once names are reserved the rest must be done or undone,
// whether or not the caller still waits.
void Lifecycle::create(Creation creation) {
    model::ReserveNames reserve{creation.names,
                                data_.set(),
                                options_.queues_max,
                                options_.topics_max,
                                options_.subscriptions_max,
                                options_.name_reuse_ms};
    auto making = std::make_shared<Making>();
    making->creation = std::move(creation);
    ++makings_;
    const auto done = [this, making](model::Reply reply) {
        if (auto* refusal = std::get_if<model::Refusal>(&reply)) {
            --makings_;
            completions_.refuse(making->creation.call, std::move(*refusal));
            return;
        }
        reserved(making, std::get<model::Reserved>(std::move(reply)).numbers);
    };
    submit_name(std::move(reserve), making->creation.call, done);
}

void Lifecycle::reserved(const std::shared_ptr<Making>& making,
                         std::vector<model::ObjectNo> numbers) {
    for (const model::ObjectNo number : numbers) {
        const auto info = core::find_number(names_, number);
        making->fresh.push_back(info && info->state == core::NameState::reserved);
    }
    making->commands = making->creation.commands(numbers);
    if (making->creation.bindings) making->bindings = making->creation.bindings(numbers);
    making->numbers = std::move(numbers);
    check(making->commands.size() == making->numbers.size(), "one command per name");
    bind_next(making);
}

void Lifecycle::bind_next(const std::shared_ptr<Making>& making) {
    if (making->bound == making->bindings.size()) return make_next(making);
    const auto done = [this, making](model::Reply reply) {
        if (auto* refusal = std::get_if<model::Refusal>(&reply)) {
            return failed(making, std::move(*refusal));
        }
        ++making->bound;
        bind_next(making);
    };
    const Binding& binding = making->bindings[making->bound];
    submit_(binding.set, Submission{binding.command, {}, nullptr, done});
}

void Lifecycle::failed(const std::shared_ptr<Making>& making, model::Refusal why) {
    if (!cut_short(why)) return undo(making, std::move(why));
    --makings_;
    completions_.refuse(making->creation.call, left_half_done());
}

void Lifecycle::make_next(const std::shared_ptr<Making>& making) {
    if (making->made < making->commands.size()) {
        const auto done = [this, making](model::Reply reply) {
            if (auto* refusal = std::get_if<model::Refusal>(&reply)) {
                return failed(making, std::move(*refusal));
            }
            ++making->made;
            make_next(making);
        };
        data_.submit(Submission{making->commands[making->made], {}, nullptr, done});
        return;
    }
    const auto shown = [this, making](const model::Reply& reply) {
        --makings_;
        if (std::holds_alternative<model::Refusal>(reply)) {
            return completions_.refuse(making->creation.call, left_half_done());
        }
        making->creation.created();
    };
    submit_name(model::MarkReady{making->numbers}, nullptr, shown);
}

void Lifecycle::undo(const std::shared_ptr<Making>& making, model::Refusal why) {
    for (std::size_t at = 0; at < making->bound; ++at) {
        Binding binding = making->bindings[at];
        binding.command.bound = false;
        submit_(binding.set, Submission{binding.command, {}, nullptr, {}});
    }
    std::vector<model::ObjectNo> freed;
    for (std::size_t at = 0; at < making->numbers.size(); ++at) {
        if (!making->fresh[at]) continue;
        freed.push_back(making->numbers[at]);
        if (at >= making->made) continue;
        const auto kind = making->creation.names[at].kind;
        data_.submit(Submission{deletion(kind, making->numbers[at]), {}, nullptr, {}});
    }
    const auto undone = [this, making, why = std::move(why)](const model::Reply&) {
        --makings_;
        completions_.refuse(making->creation.call, why);
    };
    submit_name(model::ReleaseNames{std::move(freed), false}, nullptr, undone);
}

bool Lifecycle::remove(Removal removal) {
    if (!removing_.insert(removal.number).second) return false;
    const model::HideNames hide{{removal.number}};
    const CallPtr call = removal.call;
    auto done = [this, removal = std::move(removal)](model::Reply reply) mutable {
        if (auto* refusal = std::get_if<model::Refusal>(&reply)) {
            removing_.erase(removal.number);
            completions_.refuse(removal.call, std::move(*refusal));
            return;
        }
        delete_hidden(std::move(removal));
    };
    submit_name(hide, call, std::move(done));
    return true;
}

void Lifecycle::delete_hidden(Removal removal) {
    model::Command command = deletion(removal.kind, removal.number);
    auto done = [this, removal = std::move(removal)](model::Reply reply) mutable {
        auto* refusal = std::get_if<model::Refusal>(&reply);
        if (refusal == nullptr || is_missing(*refusal)) return release(std::move(removal));
        if (cut_short(*refusal)) {
            removing_.erase(removal.number);
            return completions_.refuse(removal.call, left_half_done());
        }
        // It is still needed: its name comes back.
        const model::MarkReady show{{removal.number}};
        const auto shown = [this, removal, why = *refusal](const model::Reply&) {
            removing_.erase(removal.number);
            completions_.refuse(removal.call, why);
        };
        submit_name(show, nullptr, shown);
    };
    data_.submit(Submission{std::move(command), {}, nullptr, std::move(done)});
}

void Lifecycle::release(Removal removal) {
    if (options_.own_rates != nullptr) {
        forget_rate(*options_.own_rates, names_, data_.set(), removal.number);
    }
    const model::ReleaseNames release{{removal.number}, true};
    const auto done = [this, removal = std::move(removal)](const model::Reply& reply) {
        removing_.erase(removal.number);
        if (std::holds_alternative<model::Refusal>(reply)) {
            return completions_.refuse(removal.call, left_half_done());
        }
        if (removal.removed) removal.removed();
    };
    submit_name(release, nullptr, done);
}

bool Lifecycle::exists(const core::NameInfo& name) const {
    switch (name.kind) {
        case model::ObjectKind::topic:
            return core::topic_info(data_.rows(), name.number).has_value();
        case model::ObjectKind::subscription:
            return core::subscription_info(data_.rows(), name.number).has_value();
        case model::ObjectKind::queue:
        case model::ObjectKind::dead_letter_queue:
            break;
    }
    return core::queue_info(data_.rows(), name.number).has_value();
}

void Lifecycle::recover() {
    // What looks half done may be what is being done.
    if (makings_ > 0) return;
    for (const core::NameInfo& name : core::unfinished_names(names_)) {
        if (name.set != data_.set()) continue;
        if (name.state == core::NameState::hidden) {
            if (removing_.insert(name.number).second) {
                delete_hidden(Removal{nullptr, name.number, name.kind, {}});
            }
        } else if (exists(name)) {
            submit_name(model::MarkReady{{name.number}}, nullptr, {});
        } else {
            submit_name(model::ReleaseNames{{name.number}, false}, nullptr, {});
        }
    }
}

}  // namespace penstock::node

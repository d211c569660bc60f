// Operations on queues as objects; what happens to their messages is in message_operations.cpp.
#include "broker/core/outbox_query.h"
#include "broker/node/level_check.h"
#include "broker/node/object_digest.h"
#include "broker/node/operations.h"

#include <algorithm>
#include <utility>

namespace penstock::node {

namespace {

constexpr std::uint32_t page_limit_max = 1'000;

// Case-insensitive search in a short list, paged.
api::NamePage page_of(std::vector<api::NamedId> all,
                      const std::string& search,
                      const api::Page& page) {
    const auto lower = [](std::string text) {
        std::transform(text.begin(), text.end(), text.begin(), [](char byte) {
            return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
        });
        return text;
    };
    const std::string wanted = lower(search);
    api::NamePage result;
    for (api::NamedId& item : all) {
        if (lower(item.name).find(wanted) == std::string::npos) continue;
        const bool inside = result.total >= page.offset && result.items.size() < page.limit;
        ++result.total;
        if (inside) result.items.push_back(std::move(item));
    }
    return result;
}

void append(api::NamePage& result, const core::NamePage& found) {
    result.total += found.total;
    for (const core::NameInfo& info : found.items) {
        result.items.push_back({info.number.value, info.name});
    }
}

model::Place dead_letter_of(const model::QueueAttributes& attributes) {
    return attributes.dead_letter ? attributes.dead_letter->queue : model::Place{};
}

Refused check_page(const api::Page& page) {
    if (page.limit <= page_limit_max) return {};
    return out_of_range("limit", 0, page_limit_max);
}

}  // namespace

Outcome<model::QueueAttributes> Operations::queue_attributes(const api::QueueChange& change,
                                                             model::QueueAttributes base) {
    // What it has it may keep: the ceiling may have been higher once.
    const std::uint32_t kept = change.message_bytes_max ? 0 : base.message_bytes_max;
    if (auto refused = apply_change(change, base)) return std::move(*refused);
    const std::uint32_t ceiling = std::max(desk_.options.message_bytes_max, kept);
    if (auto refused = check_queue(base, ceiling)) return std::move(*refused);
    if (auto refused = check_rate_level(desk_.data, change.messages_per_s.value_or(0))) {
        return std::move(*refused);
    }
    if (!change.dead_letter) {
        const bool outlived =
            base.dead_letter &&
            base.dead_letter->kind == model::DeadLetterPolicy::Kind::time_to_live &&
            base.dead_letter->time_to_live_s >= base.retention_s;
        if (outlived) {
            return model::Refusal{model::Reason::invalid_parameter,
                                  "retention_s",
                                  "must be above the dead-letter policy's time to live"};
        }
        return base;
    }
    const api::DeadLetterSpec& spec = *change.dead_letter;
    if (auto refused = check_dead_letter(spec, base)) return std::move(*refused);
    auto target = desk_.names.queue(spec.queue);
    if (!target) {
        return model::Refusal{
            model::Reason::dead_letter_not_found, spec.queue, "there is no such queue"};
    }
    const bool by_receives = spec.kind == model::DeadLetterPolicy::Kind::receives;
    base.dead_letter = model::DeadLetterPolicy{place_of(*target),
                                               spec.kind,
                                               by_receives ? spec.max_receives : 0,
                                               by_receives ? 0 : spec.time_to_live_s};
    return base;
}

Outcome<api::QueueView> Operations::view_queue(model::QueueNo queue) const {
    auto info = core::queue_info(desk_.data.rows(), queue);
    if (!info) return model::Refusal{model::Reason::queue_not_found, {}, "it was deleted"};
    api::QueueView view;
    view.number = queue.value;
    view.name = std::move(info->name);
    view.automatic_dead_letter = info->kind == model::QueueKind::automatic_dead_letter;
    if (info->attributes.dead_letter) {
        view.dead_letter_queue = desk_.names.name_of(info->attributes.dead_letter->queue.number);
    }
    view.digest = object_digest(queue, info->attributes);
    view.attributes = std::move(info->attributes);
    view.created_ms = info->created_ms;
    view.modified_ms = info->modified_ms;
    view.active = info->counts.active;
    view.inactive = info->counts.inactive;
    view.delayed = info->counts.delayed;
    view.parked = info->counts.parked;
    view.rewindable = info->counts.rewindable;
    view.oldest_ms = info->counts.oldest_ms;
    view.prepared = info->counts.prepared;
    view.committed = info->counts.committed;
    view.rolled_back = info->counts.rolled_back;
    view.unconfirmed = info->counts.unconfirmed;
    return view;
}

void Operations::run(const CallPtr& call, api::CreateQueue request) {
    if (auto refused = check_space()) return refuse(call, std::move(*refused));
    if (auto refused = check_stored_name("name", request.name))
        return refuse(call, std::move(*refused));
    auto attributes = queue_attributes(request.change, {});
    if (!attributes) return refuse(call, attributes.error());
    auto number = std::make_shared<model::QueueNo>();
    Lifecycle::Creation creation;
    creation.call = call;
    creation.names = {{model::ObjectKind::queue, request.name}};
    creation.commands = [number, name = request.name, attributes = *attributes](
                            const std::vector<model::ObjectNo>& numbers) {
        *number = numbers.front();
        return std::vector<model::Command>{
            model::CreateQueue{*number, name, model::QueueKind::user, attributes}};
    };
    creation.bindings = [this,
                         attributes = *attributes](const std::vector<model::ObjectNo>& numbers) {
        return binding(dead_letter_of(attributes), numbers.front(), true);
    };
    creation.created = [this, call, number, name = request.name] {
        desk_.rates.look({*number, model::ObjectKind::queue, desk_.data.set(), name});
        answer(call, view_queue(*number));
    };
    desk_.lifecycle.create(std::move(creation));
}

void Operations::run(const CallPtr& call, const api::ListQueues& request) {
    if (auto refused = check_page(request.page)) return refuse(call, std::move(*refused));
    const model::Rows& rows = desk_.names.rows();
    api::NamePage result;
    std::uint64_t offset = request.page.offset;
    if (!request.only_automatic) {
        append(result,
               core::list_names(rows,
                                model::ObjectKind::queue,
                                request.search,
                                offset,
                                request.page.limit,
                                request.account));
        offset -= std::min<std::uint64_t>(offset, result.total);
    }
    if (request.automatic || request.only_automatic) {
        append(result,
               core::list_names(rows,
                                model::ObjectKind::dead_letter_queue,
                                request.search,
                                offset,
                                request.page.limit - result.items.size(),
                                request.account));
    }
    answer<api::NamePage>(call, std::move(result));
}

void Operations::run(const CallPtr& call, const api::GetQueue& request) {
    auto queue = desk_.names.queue(request.name);
    if (!queue) return refuse(call, queue.error());
    answer(call, view_queue(queue->number));
}

void Operations::run(const CallPtr& call, const api::SetQueue& request, const Changes::Turn& turn) {
    auto queue = desk_.names.queue(request.name);
    if (!queue) return refuse(call, queue.error());
    auto info = core::queue_info(desk_.data.rows(), queue->number);
    if (!info) return refuse(call, {model::Reason::queue_not_found, request.name, "deleted"});
    const model::QueueNo number = queue->number;
    auto before = binding(dead_letter_of(info->attributes), number, true);
    auto attributes = queue_attributes(request.change, std::move(info->attributes));
    if (!attributes) return refuse(call, attributes.error());
    auto after = binding(dead_letter_of(*attributes), number, true);
    auto done = [this, call, turn, object = *queue] {
        desk_.rates.look(object);
        desk_.receiving.wake(object.number);
        answer(call, view_queue(object.number));
    };
    model::SetQueue change{number, std::move(*attributes)};
    rebind(call, std::move(before), std::move(after), std::move(change), std::move(done));
}

void Operations::run(const CallPtr& call,
                     const api::DeleteQueue& request,
                     const Changes::Turn& turn) {
    auto queue = desk_.names.queue(request.name);
    if (!queue) return refuse(call, queue.error());
    const bool needed = !core::dead_letter_sources(desk_.data.rows(), queue->number).empty();
    if (needed) {
        return refuse(call,
                      {model::Reason::dead_letter_in_use,
                       request.name,
                       "it is the dead-letter queue of another queue"});
    }
    const auto info = core::queue_info(desk_.data.rows(), queue->number);
    const auto bound = info ? binding(dead_letter_of(info->attributes), queue->number, true)
                            : std::vector<Lifecycle::Binding>();
    Lifecycle::Removal removal{call, queue->number, queue->kind, {}};
    removal.removed = [this, call, turn, bound, object = *queue] {
        unbind(bound);
        desk_.receiving.wake_all(object.number);
        answer<api::Nothing>(call, api::Nothing{});
    };
    if (!desk_.lifecycle.remove(std::move(removal))) {
        refuse(call, {model::Reason::queue_not_found, request.name, "it is being deleted"});
    }
}

void Operations::run(const CallPtr& call, const api::ClearQueue& request) {
    auto queue = desk_.names.queue(request.name);
    if (!queue) return refuse(call, queue.error());
    submit(call, model::ClearQueue{queue->number}, [this, call] {
        answer<api::Nothing>(call, api::Nothing{});
    });
}

void Operations::run(const CallPtr& call, const api::RewindQueue& request) {
    auto queue = desk_.names.queue(request.name);
    if (!queue) return refuse(call, queue.error());
    const model::QueueNo number = queue->number;
    submit(call, model::RewindQueue{number, request.to_ms}, [this, call, number] {
        desk_.receiving.wake(number);
        answer<api::Nothing>(call, api::Nothing{});
    });
}

void Operations::run(const CallPtr& call, const api::ListDeadLetterSources& request) {
    if (auto refused = check_page(request.page)) return refuse(call, std::move(*refused));
    auto queue = desk_.names.dead_letter_queue(request.queue);
    if (!queue) return refuse(call, queue.error());
    std::vector<api::NamedId> sources;
    for (const model::QueueNo source :
         core::dead_letter_sources(desk_.data.rows(), queue->number)) {
        sources.push_back({source.value, desk_.names.name_of(source)});
    }
    answer<api::NamePage>(call, page_of(std::move(sources), request.search, request.page));
}

bool Operations::is_spent(model::QueueNo queue, Letters& letters) const {
    const model::Rows& rows = desk_.data.rows();
    const auto info = core::queue_info(rows, queue);
    const bool empty =
        info && info->counts.active == 0 && info->counts.inactive == 0 && info->counts.delayed == 0;
    if (!empty) return false;
    if (!letters) letters = core::letters_on_the_way(rows);
    return !letters->may_be_of(queue);
}

void Operations::sweep_dead_letter_queues() {
    constexpr std::uint64_t names_per_sweep = 200;
    const auto page = core::list_names(
        desk_.names.rows(), model::ObjectKind::dead_letter_queue, {}, sweep_from_, names_per_sweep);
    Letters letters;
    for (const core::NameInfo& name : page.items) {
        if (name.set != desk_.data.set()) continue;
        // TOPIC.NAME.dlq: neither part has a dot.
        const std::size_t first = name.name.find('.');
        const std::size_t last = name.name.rfind('.');
        if (first == std::string::npos || last <= first) continue;
        const std::string topic = name.name.substr(0, first);
        const std::string own = name.name.substr(first + 1, last - first - 1);
        if (desk_.names.subscription(topic, own) || !is_spent(name.number, letters)) {
            continue;
        }
        desk_.lifecycle.remove({nullptr, name.number, name.kind, {}});
    }
    sweep_from_ = page.items.size() < names_per_sweep ? 0 : sweep_from_ + names_per_sweep;
}

}  // namespace penstock::node

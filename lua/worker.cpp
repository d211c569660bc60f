#include "lua/worker.h"

#include "lua/frames.h"
#include "lua/results.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace penstock::lua {
namespace {

using sinks::worker::Order;
using sinks::worker::Script;

Outcome failure(std::string text) {
    Outcome outcome;
    outcome.error = std::move(text);
    return outcome;
}

bool is_accepted(const Outcome& outcome) {
    return outcome.kind == Outcome::Kind::accepted || outcome.kind == Outcome::Kind::dropped;
}

// Effects commit with one message. Those of a batch would hang on a message whose commit may be
// refused while the others are settled.
bool wants_for_several(const Run& run) {
    const bool wants =
        !run.publishes.empty() || run.kv.writes_count() > 0 || run.kv.reads_count() > 0;
    return wants && run.inputs.size() > 1 &&
           std::any_of(run.outcomes.begin(), run.outcomes.end(), is_accepted);
}

}  // namespace

Worker::Worker(const Limits& limits, const Clock& clock, std::string& out, Flush flush)
    : limits_(limits), clock_(clock), out_(out), flush_(std::move(flush)) {}

void Worker::hear(std::string_view frame) {
    Order order = sinks::worker::decode_order(frame);
    const bool event = order.kind == Order::Kind::event;
    if (!order.problem.empty()) {
        if (event && !order.id.empty()) {
            const Run nothing;
            append_outcome(
                out_, order.id, nothing, failure("the event cannot be read: " + order.problem));
        } else {
            append_log(out_, order.id, "error", "a frame to penstock-lua: " + order.problem);
        }
        return;
    }
    switch (order.kind) {
        case Order::Kind::event:
            begin(std::move(order));
            break;
        case Order::Kind::result:
            go_on(std::move(order));
            break;
        case Order::Kind::script:
            load(std::move(order.script));
            break;
        case Order::Kind::ignored:
            break;
    }
}

void Worker::rest() {
    handle_gathered();
    give_up_unanswered();
}

// Runs wait in the order of their calls; looking at the oldest is enough to lose none for long.
void Worker::give_up_unanswered() {
    while (!runs_.empty()) {
        Flight& oldest = *runs_.begin()->second;
        const std::int64_t deadline_ms = oldest.run.inputs.front().deadline_ms;
        if (deadline_ms == 0 || clock_.wall_ms() < deadline_ms + unanswered_ms_max) return;
        settle_all(oldest.run, failure("the server has not answered a call of the script"));
        oldest.vm->abandon(oldest.run);
        answer(oldest.run);
        runs_.erase(runs_.begin());
    }
}

// Runs in flight keep the version they began with; a version that fails leaves the old one in use.
void Worker::load(Script script) {
    handle_gathered();
    auto vm = Vm::load(script, limits_, *this);
    append_loaded(out_, script, vm ? std::string_view{} : std::string_view(vm.error().detail));
    if (!vm) return;
    Role& role = roles_[script.role];
    role.vm = std::move(*vm);
    role.script = std::move(script);
    role.loaded_us = clock_.steady_us();
}

void Worker::begin(Order order) {
    const auto role = roles_.find(order.role);
    if (role == roles_.end()) {
        const Run nothing;
        append_outcome(out_, order.id, nothing, failure("no " + order.role + " script is loaded"));
        return;
    }
    Input input{std::move(order.id), std::move(order.event), order.deadline_ms};
    if (role->second.vm->takes_batches()) {
        gathered_.push_back(std::move(input));
        if (gathered_.size() >= batch_messages_max) handle_gathered();
        return;
    }
    std::vector<Input> inputs;
    inputs.push_back(std::move(input));
    begin_run(role->second, std::move(inputs));
}

void Worker::handle_gathered() {
    if (gathered_.empty()) return;
    begin_run(roles_["handler"], std::exchange(gathered_, {}));
}

void Worker::begin_run(Role& role, std::vector<Input> inputs) {
    renew_if_old(role);
    start(role.vm, role.script.role, std::move(inputs));
}

void Worker::start(const std::shared_ptr<Vm>& vm,
                   const std::string& role,
                   std::vector<Input> inputs) {
    auto flight = std::make_unique<Flight>();
    flight->vm = vm;
    flight->run.role = role;
    flight->run.batch = vm->takes_batches();
    flight->run.inputs = std::move(inputs);
    const Vm::Step step = flight->vm->start(flight->run);
    after(step, std::move(flight));
}

// Nothing of the batch has been told to the server, so nothing of it happens twice.
void Worker::handle_one_by_one(Flight& batch) {
    for (Input& input : batch.run.inputs) {
        std::vector<Input> alone;
        alone.push_back(std::move(input));
        start(batch.vm, batch.run.role, std::move(alone));
    }
}

void Worker::go_on(Order order) {
    auto found = runs_.extract(order.call);
    if (found.empty()) return;  // of a run that ended otherwise
    std::unique_ptr<Flight> flight = std::move(found.mapped());
    flight->run.reply = std::move(order);
    const Vm::Step step = flight->vm->resume(flight->run);
    after(step, std::move(flight));
}

void Worker::after(Vm::Step step, std::unique_ptr<Flight> flight) {
    if (step == Vm::Step::waiting) {
        const std::uint64_t call = ++calls_;
        append_call(out_, flight->run.inputs.front().id, call, flight->run.request);
        runs_.emplace(call, std::move(flight));
        return;
    }
    if (wants_for_several(flight->run)) return handle_one_by_one(*flight);
    answer(flight->run);
    const auto role = roles_.find(flight->run.role);
    const bool in_use = role != roles_.end() && role->second.vm == flight->vm;
    if (!flight->run.unsound || !in_use || flight->vm->is_sound()) return;
    auto fresh = Vm::load(role->second.script, limits_, *this);
    if (!fresh) return;
    role->second.vm = std::move(*fresh);
    role->second.loaded_us = clock_.steady_us();
}

void Worker::answer(const Run& run) {
    for (std::size_t at = 0; at < run.inputs.size(); ++at) {
        append_outcome(out_, run.inputs[at].id, run, run.outcomes[at]);
    }
}

void Worker::renew_if_old(Role& role) {
    if (role.vm->uses() < state_uses_min || role.vm->in_flight() > 0) return;
    if (clock_.steady_us() - role.loaded_us < state_age_max_us) return;
    role.loaded_us = clock_.steady_us();
    auto fresh = Vm::load(role.script, limits_, *this);
    if (fresh) role.vm = std::move(*fresh);
}

std::size_t Worker::memory_used() const {
    std::size_t bytes = 0;
    for (const auto& [name, role] : roles_) bytes += role.vm->memory_used();
    return bytes;
}

void Worker::collect_garbage() {
    for (auto& [name, role] : roles_) role.vm->collect_garbage();
}

void Worker::log(const Run* run, std::string_view level, std::string_view text) {
    append_log(out_, run == nullptr ? std::string_view{} : run->inputs.front().id, level, text);
}

void Worker::breathe() {
    flush_();
}

std::int64_t Worker::wall_ms() const {
    return clock_.wall_ms();
}

}  // namespace penstock::lua

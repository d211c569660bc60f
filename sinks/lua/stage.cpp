#include "sinks/lua/stage.h"

#include "sinks/lua/lua_outcome.h"

#include <iterator>
#include <string>
#include <utility>

namespace penstock::sinks::lua {
namespace {

using model::Failure;
using model::ScriptRole;
using model::Verdict;

bool has(const api::Target& target, ScriptRole role) {
    return target.scripts.count(role) > 0;
}

bool is_staged(const api::Target& target) {
    return has(target, ScriptRole::filter) || has(target, ScriptRole::transform);
}

template <class Value>
void move_all(std::vector<Value>& from, std::vector<Value>& to) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void add(api::HandlerEffects& to, std::optional<api::HandlerEffects>& from) {
    if (!from) return;
    move_all(from->outputs, to.outputs);
    move_all(from->writes, to.writes);
    move_all(from->reads, to.reads);
}

bool empty(const api::HandlerEffects& effects) {
    return effects.outputs.empty() && effects.writes.empty() && effects.reads.empty();
}

}  // namespace

void StagedSink::deliver(const api::Target& target, const api::Delivery& delivery, Done done) {
    if (!is_staged(target)) return inner_->deliver(target, delivery, std::move(done));
    enter(begin(target, delivery, std::move(done)));
}

void StagedSink::deliver_batch(const api::Target& target, Batch batch, BatchDone done) {
    if (!is_staged(target)) return inner_->deliver_batch(target, std::move(batch), std::move(done));
    auto group = std::make_shared<Group>();
    group->target = &target;
    group->results.resize(batch.size());
    group->in_scripts = group->unfinished = batch.size();
    group->done = std::move(done);
    std::vector<Number> numbers;
    for (std::size_t at = 0; at < batch.size(); ++at) {
        const Number number = begin(target, *batch[at], [group, at](AttemptResult result) {
            group->results[at] = std::move(result);
            if (--group->unfinished == 0) group->done(std::move(group->results));
        });
        passages_.at(number).group = group;
        numbers.push_back(number);
    }
    for (const Number number : numbers) enter(number);
}

StagedSink::Number StagedSink::begin(const api::Target& target,
                                     const api::Delivery& delivery,
                                     Done done) {
    const Number number = ++last_number_;
    Passage& passage = passages_[number];
    passage.target = &target;
    passage.delivery = &delivery;
    passage.done = std::move(done);
    return number;
}

void StagedSink::enter(Number number) {
    has(*passages_.at(number).target, ScriptRole::filter) ? filter(number) : transform(number);
}

// One less is in the scripts; the last one takes those that passed along.
void StagedSink::leave(Group& group) {
    if (--group.in_scripts > 0 || group.passed.empty()) return;
    Batch batch;
    for (const Number number : group.passed) {
        const Passage& passage = passages_.at(number);
        batch.push_back(passage.transformed ? &passage.changed : passage.delivery);
    }
    inner_->deliver_batch(*group.target,
                          std::move(batch),
                          [this, passed = group.passed](std::vector<AttemptResult> results) {
                              for (std::size_t at = 0; at < passed.size(); ++at) {
                                  finish(passed[at], std::move(results[at]));
                              }
                          });
}

void StagedSink::ask(Number number, std::string_view role) {
    const Passage& passage = passages_.at(number);
    const bool filters = role == "filter";
    worker::Job job;
    job.target = passage.target;
    job.delivery = passage.delivery;
    job.role = role;
    job.done = [this, number, filters](worker::Outcome outcome) {
        filters ? on_filtered(number, std::move(outcome))
                : on_transformed(number, std::move(outcome));
    };
    pools_->stage(std::move(job));
}

void StagedSink::filter(Number number) {
    ask(number, "filter");
}

void StagedSink::on_filtered(Number number, worker::Outcome outcome) {
    if (outcome.result.verdict != Verdict::accepted) {
        return finish(number, std::move(outcome.result));
    }
    Passage& passage = passages_.at(number);
    passage.version = outcome.result.version;
    add(passage.effects, outcome.result.effects);
    if (outcome.value == "false") {
        AttemptResult discarded;
        discarded.verdict = Verdict::discarded;
        return finish(number, std::move(discarded));
    }
    if (outcome.value != "true") {
        return finish(
            number,
            failed_outcome(Verdict::retry, Failure::handler, "the filter must return true or false")
                .result);
    }
    has(*passage.target, ScriptRole::transform) ? transform(number) : pass_on(number);
}

void StagedSink::transform(Number number) {
    ask(number, "transform");
}

void StagedSink::on_transformed(Number number, worker::Outcome outcome) {
    if (outcome.result.verdict != Verdict::accepted) {
        return finish(number, std::move(outcome.result));
    }
    Passage& passage = passages_.at(number);
    passage.version = outcome.result.version;
    passage.transformed = true;
    add(passage.effects, outcome.result.effects);
    passage.changed = *passage.delivery;
    passage.changed.payload = std::move(outcome.value);
    pass_on(number);
}

void StagedSink::pass_on(Number number) {
    Passage& passage = passages_.at(number);
    const bool changes = passage.transformed || !empty(passage.effects);
    if (changes && passage.target->spec.sink == model::SinkKind::queue) {
        return output_to_queue(number);
    }
    if (const auto group = std::exchange(passage.group, {})) {
        group->passed.push_back(number);
        return leave(*group);
    }
    inner_->deliver(*passage.target,
                    passage.transformed ? passage.changed : *passage.delivery,
                    [this, number](AttemptResult result) { finish(number, std::move(result)); });
}

void StagedSink::output_to_queue(Number number) {
    Passage& passage = passages_.at(number);
    const api::Delivery& delivery = passage.transformed ? passage.changed : *passage.delivery;
    api::HandlerOutput output;
    output.queue = passage.target->spec.endpoint;
    output.message.meta = delivery.meta;
    output.message.payload = delivery.payload;
    passage.effects.outputs.push_back(std::move(output));
    finish(number, AttemptResult{});
}

void StagedSink::finish(Number number, AttemptResult result) {
    auto node = passages_.extract(number);
    Passage& passage = node.mapped();
    if (result.version == 0) result.version = passage.version;
    if (result.verdict == Verdict::accepted && !empty(passage.effects)) {
        if (!result.effects) result.effects.emplace();
        // What the stage did comes first, as it happened.
        add(passage.effects, result.effects);
        result.effects = std::move(passage.effects);
    }
    const auto group = passage.group;
    passage.done(std::move(result));
    if (group) leave(*group);
}

void StagedSink::forget(const api::Target& target) {
    inner_->forget(target);
    pools_->forget(target.subscription);
}

void StagedSink::stop() {
    pools_->stop();
    inner_->stop();
}

Sinks stage_all(Sinks sinks, const std::shared_ptr<LuaPools>& pools) {
    for (auto& [kind, sink] : sinks) {
        sink = std::make_unique<StagedSink>(std::move(sink), pools);
    }
    return sinks;
}

}  // namespace penstock::sinks::lua

#include "sinks/observed/observer.h"

#include "broker/base/hash.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks::observed {

namespace {

constexpr std::int64_t us_per_ms = 1'000;

std::int64_t us_since(model::TimeMs published_ms, model::TimeMs now_ms) {
    return std::max<std::int64_t>(now_ms - published_ms, 0) * us_per_ms;
}

}  // namespace

class Observer::ObservedSink final : public Sink {
  public:
    ObservedSink(std::unique_ptr<Sink> inner, Observer& observer)
        : inner_(std::move(inner)), observer_(observer) {}

    void deliver(const api::Target& target, const api::Delivery& delivery, Done done) override {
        const auto passage = begin(target, delivery);
        inner_->deliver(target,
                        passage->shown(),
                        [this, passage, done = std::move(done)](AttemptResult result) {
                            observer_.end(*passage, result);
                            done(std::move(result));
                        });
    }

    void deliver_batch(const api::Target& target, Batch batch, BatchDone done) override {
        std::vector<std::shared_ptr<Passage>> passages;
        for (const api::Delivery*& delivery : batch) {
            passages.push_back(begin(target, *delivery));
            delivery = &passages.back()->shown();
        }
        inner_->deliver_batch(
            target,
            std::move(batch),
            [this, passages, done = std::move(done)](std::vector<AttemptResult> results) {
                for (std::size_t at = 0; at < results.size(); ++at) {
                    observer_.end(*passages[at], results[at]);
                }
                done(std::move(results));
            });
    }

    void forget(const api::Target& target) override { inner_->forget(target); }

    void stop() override { inner_->stop(); }

  private:
    std::shared_ptr<Passage> begin(const api::Target& target, const api::Delivery& delivery) const {
        auto passage = std::make_shared<Passage>();
        passage->target = &target;
        passage->delivery = &delivery;
        observer_.begin(*passage);
        return passage;
    }

    std::unique_ptr<Sink> inner_;
    Observer& observer_;
};

Sinks Observer::look_at(Sinks sinks) {
    for (auto& [kind, sink] : sinks) {
        sink = std::make_unique<ObservedSink>(std::move(sink), *this);
    }
    return sinks;
}

void Observer::stop() {
    if (exporter_) exporter_->stop();
}

void Observer::begin(Passage& passage) const {
    passage.began_us = clock_.steady_us();
    passage.began_ms = clock_.wall_ms();
    const api::Delivery& delivery = *passage.delivery;
    const auto before = model::trace_of(delivery.meta);
    if (!before) return;
    const std::uint64_t seed = mix64(delivery.subscription.value + (delivery.sequence << 20)) +
                               static_cast<std::uint64_t>(passage.began_us);
    passage.parent_id = before->span_id;
    passage.step = model::next_step(*before, seed);
    passage.traced = delivery;
    model::put_step(passage.traced.meta, passage.step);
}

void Observer::end(const Passage& passage, AttemptResult& result) {
    if (result.verdict == model::Verdict::not_attempted) return;
    const api::Delivery& delivery = *passage.delivery;
    const std::int64_t took_us = clock_.steady_us() - passage.began_us;
    if (delivery.replay == 0) {
        const std::int64_t waited_us = us_since(delivery.published_ms, passage.began_ms);
        if (delivery.attempt == 1) first_attempts_.add(waited_us);
        if (model::ends_well(result.verdict)) acknowledgements_.add(waited_us + took_us);
    }
    if (passage.parent_id.empty()) return;
    // What the handler publishes follows from this step.
    if (result.effects) {
        for (api::HandlerOutput& output : result.effects->outputs) {
            model::join_trace(output.message.meta,
                              model::format_traceparent(passage.step),
                              model::tracestate_of(delivery.meta));
        }
    }
    if (exporter_ && passage.step.sampled) export_span(passage, result, took_us);
}

void Observer::export_span(const Passage& passage,
                           const AttemptResult& result,
                           std::int64_t took_us) {
    const api::Delivery& delivery = *passage.delivery;
    Span span;
    span.trace_id = passage.step.trace_id;
    span.span_id = passage.step.span_id;
    span.parent_id = passage.parent_id;
    span.name = "process " + passage.target->topic;
    span.began_us = passage.began_ms * us_per_ms;
    span.ended_us = span.began_us + took_us;
    span.attributes = {{"messaging.system", "penstock"},
                       {"messaging.operation.type", "process"},
                       {"messaging.destination.name", passage.target->topic},
                       {"messaging.destination.subscription.name", passage.target->name},
                       {"messaging.message.id", model::to_text(delivery.message)},
                       {"penstock.attempt", std::to_string(delivery.attempt)},
                       {"penstock.verdict", std::string(model::to_text(result.verdict))}};
    if (result.status != 0) {
        span.attributes.emplace_back("http.response.status_code", std::to_string(result.status));
    }
    if (!model::ends_well(result.verdict)) {
        span.failed = true;
        span.problem = std::string(model::to_text(result.failure));
        span.attributes.emplace_back("error.type", span.problem);
    }
    exporter_->add(std::move(span));
}

void Observer::measure(model::Metrics& metrics) const {
    metrics.histogram("penstock_delivery_first_attempt_seconds",
                      "Time from a message's publish until a subscriber was first tried.",
                      first_attempts_);
    metrics.histogram("penstock_delivery_accepted_seconds",
                      "Time from a message's publish until a subscriber accepted it.",
                      acknowledgements_);
    if (exporter_) exporter_->measure(metrics);
}

}  // namespace penstock::sinks::observed

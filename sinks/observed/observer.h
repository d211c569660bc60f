// Observer: stands between the dispatcher and its sinks and looks at every delivery: how long after
// its publish it was tried first and was accepted, and which step of a trace it is. Belongs to the
// dispatcher's thread; never fails and changes no outcome.
#pragma once

#include "broker/base/clock.h"
#include "broker/model/metric.h"
#include "broker/model/trace_context.h"
#include "sinks/observed/span_exporter.h"
#include "sinks/sink.h"

#include <cstdint>
#include <memory>

namespace penstock::sinks::observed {

class Observer {
  public:
    // `exporter`: nullptr, spans go nowhere. `clock` outlives it.
    Observer(const Clock& clock, std::unique_ptr<SpanExporter> exporter)
        : clock_(clock), exporter_(std::move(exporter)) {}

    // The same sinks, looked at; it outlives them.
    Sinks look_at(Sinks sinks);

    // Exports nothing any more.
    void stop();

    void measure(model::Metrics& metrics) const;

  private:
    class ObservedSink;

    // A delivery on its way.
    struct Passage {
        const api::Target* target = nullptr;
        const api::Delivery* delivery = nullptr;  // as it came
        api::Delivery traced;                     // what goes on when it belongs to a trace
        std::string parent_id;                    // of the step before; empty: no trace
        model::TraceContext step;
        std::int64_t began_us = 0;  // monotonic
        model::TimeMs began_ms = 0;

        // As the sink is given it.
        [[nodiscard]] const api::Delivery& shown() const {
            return parent_id.empty() ? *delivery : traced;
        }
    };

    void begin(Passage& passage) const;
    void end(const Passage& passage, AttemptResult& result);
    void export_span(const Passage& passage, const AttemptResult& result, std::int64_t took_us);

    const Clock& clock_;
    std::unique_ptr<SpanExporter> exporter_;
    model::Latencies first_attempts_;
    model::Latencies acknowledgements_;
};

}  // namespace penstock::sinks::observed

#include "sinks/queue/queue_sink.h"

#include <boost/asio/post.hpp>

#include <utility>

namespace penstock::sinks::queue {
namespace {

AttemptResult result_of(model::Failure failure) {
    AttemptResult result;
    result.failure = failure;
    result.settled = failure == model::Failure::none;
    // Too much under way says nothing about the queue.
    const bool tried = failure != model::Failure::exhausted_resources;
    result.verdict = result.settled ? model::Verdict::accepted
                     : tried        ? model::Verdict::retry
                                    : model::Verdict::not_attempted;
    return result;
}

}  // namespace

QueueSink::QueueSink(boost::asio::any_io_executor executor, api::Dispatch& dispatch)
    : executor_(std::move(executor)), dispatch_(dispatch), waiting_(std::make_shared<Waiting>()) {}

QueueSink::~QueueSink() = default;

void QueueSink::deliver(const api::Target&, const api::Delivery& delivery, Done done) {
    const std::uint64_t number = ++waiting_->last_number;
    waiting_->by_number.emplace(number, std::move(done));
    dispatch_.feed(
        delivery.subscription,
        delivery.sequence,
        delivery.generation,
        [weak = std::weak_ptr(waiting_), executor = executor_, number](model::Failure failure) {
            boost::asio::post(executor, [weak, number, failure]() {
                const auto waiting = weak.lock();
                if (!waiting) return;
                const auto entry = waiting->by_number.extract(number);
                if (entry) entry.mapped()(result_of(failure));
            });
        });
}

void QueueSink::stop() {
    AttemptResult unknown;
    unknown.verdict = model::Verdict::not_attempted;
    const auto entries = std::exchange(waiting_->by_number, {});
    for (const auto& [number, done] : entries) done(unknown);
}

}  // namespace penstock::sinks::queue

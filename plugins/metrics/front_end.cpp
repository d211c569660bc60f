#include "plugins/metrics/front_end.h"

#include "plugins/metrics/open_metrics.h"
#include "plugins/native/authentication.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <optional>
#include <utility>

namespace penstock::plugins {

namespace {

constexpr std::chrono::seconds answer_deadline{2};

// Somebody who waits for figures, on one I/O thread.
struct Scrape {
    explicit Scrape(const asio::any_io_executor& executor) : timer(executor) {}

    asio::steady_timer timer;
    std::optional<model::Metrics> metrics;
};

HttpResponse refusal(unsigned status, std::string code, std::string detail) {
    native::Problem problem;
    problem.status = status;
    problem.code = std::move(code);
    problem.detail = std::move(detail);
    if (status == 405) problem.headers.emplace_back("Allow", "GET, HEAD");
    return native::to_response(problem, "metrics");
}

class MetricsFrontEnd final : public HttpFrontEnd {
  public:
    MetricsFrontEnd(api::Broker& broker, api::MetricSource& source, const Clock& clock)
        : broker_(broker), source_(source), clock_(clock) {}

    [[nodiscard]] bool wants(const HttpRequest& request) const override {
        return request.path == "/metrics";
    }

    asio::awaitable<HttpResponse> handle(HttpRequest request) override;

  private:
    void ask(const std::shared_ptr<Scrape>& scrape, const asio::any_io_executor& executor);

    api::Broker& broker_;
    api::MetricSource& source_;
    const Clock& clock_;
};

void MetricsFrontEnd::ask(const std::shared_ptr<Scrape>& scrape,
                          const asio::any_io_executor& executor) {
    scrape->timer.expires_after(answer_deadline);
    source_.measure([scrape, executor](model::Metrics metrics) {
        asio::post(executor, [scrape, metrics = std::move(metrics)]() mutable {
            scrape->metrics = std::move(metrics);
            scrape->timer.cancel();
        });
    });
}

asio::awaitable<HttpResponse> MetricsFrontEnd::handle(HttpRequest request) {
    if (request.method != "GET" && request.method != "HEAD") {
        co_return refusal(405, "method_not_allowed", "/metrics takes GET, HEAD.");
    }
    if (!request.loopback) {
        const auto who = native::authenticate(broker_, request, clock_.wall_ms());
        if (!who) co_return native::to_response(who.error(), "metrics");
    }
    const auto executor = co_await asio::this_coro::executor;
    const auto scrape = std::make_shared<Scrape>(executor);
    ask(scrape, executor);
    co_await scrape->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (!scrape->metrics) {
        co_return refusal(503, "unavailable", "The server starts, stops or hangs: try again.");
    }
    HttpResponse response;
    response.content_type = metrics::open_metrics_type;
    if (request.method == "GET") response.body = metrics::to_open_metrics(*scrape->metrics);
    co_return response;
}

}  // namespace

std::unique_ptr<HttpFrontEnd> make_metrics_front_end(api::Broker& broker,
                                                     api::MetricSource& source,
                                                     const Clock& clock) {
    return std::make_unique<MetricsFrontEnd>(broker, source, clock);
}

}  // namespace penstock::plugins

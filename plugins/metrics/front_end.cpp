#include "plugins/metrics/front_end.h"

#include "plugins/metrics/open_metrics.h"
#include "plugins/native/authentication.h"
#include "plugins/native/figures.h"

#include <utility>

namespace penstock::plugins {

namespace {

HttpResponse refusal(unsigned status, std::string code, std::string detail) {
    native::Problem problem;
    problem.status = status;
    problem.code = std::move(code);
    problem.detail = std::move(detail);
    if (status == 405) problem.headers.emplace_back("Allow", "GET, HEAD");
    return native::to_response(problem, {});
}

class MetricsFrontEnd final : public HttpFrontEnd {
  public:
    MetricsFrontEnd(api::Broker& broker,
                    api::MetricSource& source,
                    const Clock& clock,
                    const api::Keys* keys)
        : broker_(broker), source_(source), clock_(clock), keys_(keys) {}

    [[nodiscard]] bool wants(const HttpRequest& request) const override {
        return request.path == "/metrics";
    }

    asio::awaitable<HttpResponse> handle(HttpRequest request) override;

  private:
    [[nodiscard]] bool may_look(const api::Principal& who) const {
        return keys_ == nullptr || keys_->may(who, {api::Right::look, "GetStatus", "server"});
    }

    api::Broker& broker_;
    api::MetricSource& source_;
    const Clock& clock_;
    const api::Keys* const keys_;
};

asio::awaitable<HttpResponse> MetricsFrontEnd::handle(HttpRequest request) {
    if (request.method != "GET" && request.method != "HEAD") {
        co_return refusal(405, "method_not_allowed", "/metrics takes GET, HEAD.");
    }
    if (!request.loopback) {
        const auto who = native::authenticate(broker_, request, clock_.wall_ms());
        if (!who) co_return native::to_response(who.error(), {});
        if (!may_look(*who)) {
            co_return refusal(403, "denied", "The key may not look at the server's figures.");
        }
    }
    const auto figures = co_await native::figures_of(source_);
    if (!figures) {
        co_return refusal(503, "unavailable", "The server starts, stops or hangs: try again.");
    }
    HttpResponse response;
    response.content_type = metrics::open_metrics_type;
    response.body = metrics::to_open_metrics(*figures);
    co_return response;
}

}  // namespace

std::unique_ptr<HttpFrontEnd> make_metrics_front_end(api::Broker& broker,
                                                     api::MetricSource& source,
                                                     const Clock& clock,
                                                     const api::Keys* keys) {
    return std::make_unique<MetricsFrontEnd>(broker, source, clock, keys);
}

}  // namespace penstock::plugins

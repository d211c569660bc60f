#include "sinks/observed/span_exporter.h"

#include "broker/base/log.h"
#include "sinks/observed/collector_headers.h"
#include "sinks/observed/otlp_json.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace penstock::sinks::observed {

namespace {

constexpr unsigned good_status_min = 200;
constexpr unsigned good_status_max = 299;

// A signal's own endpoint is taken as it stands, the common one gets the signal's path
// (OpenTelemetry, OTLP exporter, "Endpoint URLs for OTLP/HTTP").
Result<client::Url> traces_url(const ExporterOptions& options) {
    std::string text = options.traces_endpoint;
    const std::string key = text.empty() ? "tracing.endpoint: " : "tracing.traces_endpoint: ";
    if (text.empty()) {
        text = options.endpoint;
        while (text.ends_with('/')) text.pop_back();
        text += "/v1/traces";
    }
    auto url = client::parse_url(text);
    if (!url) return error(Errc::invalid, key + url.error().detail);
    return url;
}

}  // namespace

Result<std::unique_ptr<SpanExporter>> SpanExporter::make(boost::asio::any_io_executor executor,
                                                         const Clock& clock,
                                                         std::unique_ptr<client::Resolver> resolver,
                                                         ExporterOptions options) {
    auto url = traces_url(options);
    if (!url) return url.error();
    auto headers = collector_headers(options.headers);
    if (!headers) return error(Errc::invalid, "tracing.headers: " + headers.error().detail);
    client::ClientOptions client;
    client.ca_file = options.ca_file;
    // Whoever configures the server names the collector, which is seldom a public address.
    client.addresses = client::AddressPolicy::any;
    auto http = client::HttpClient::make(executor, clock, *resolver, std::move(client));
    if (!http) return http.error();
    return std::make_unique<SpanExporter>(std::move(executor),
                                          std::move(resolver),
                                          std::move(*http),
                                          std::move(*url),
                                          std::move(*headers),
                                          std::move(options));
}

SpanExporter::SpanExporter(boost::asio::any_io_executor executor,
                           std::unique_ptr<client::Resolver> resolver,
                           std::unique_ptr<client::HttpClient> http,
                           client::Url url,
                           std::string headers,
                           ExporterOptions options)
    : timer_(std::move(executor)),
      resolver_(std::move(resolver)),
      http_(std::move(http)),
      url_(std::move(url)),
      headers_(std::move(headers)),
      options_(std::move(options)) {}

void SpanExporter::add(Span span) {
    if (stopped_ || waiting_.size() >= options_.waiting_max) {
        ++dropped_;
        return;
    }
    waiting_.push_back(std::move(span));
    if (waiting_.size() >= options_.batch_max) return send();
    arm();
}

void SpanExporter::arm() {
    if (armed_ || sending_ || stopped_ || waiting_.empty()) return;
    armed_ = true;
    timer_.expires_after(std::chrono::milliseconds(options_.batch_wait_ms));
    timer_.async_wait([this](const boost::system::error_code& ec) {
        if (ec) return;
        armed_ = false;
        send();
    });
}

void SpanExporter::send() {
    if (sending_ || stopped_ || waiting_.empty()) return;
    const std::size_t count = std::min(waiting_.size(), options_.batch_max);
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
    const std::vector<Span> batch(std::make_move_iterator(waiting_.begin()),
                                  std::make_move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
    body_ = to_otlp_json(batch, options_.service_name);
    sending_ = true;
    client::Outgoing request;
    request.head = "POST " + url_.target + " HTTP/1.1\r\nHost: " + url_.authority +
                   "\r\nContent-Type: application/json\r\nUser-Agent: Penstock" + headers_ +
                   "\r\nContent-Length: " + std::to_string(body_.size()) + "\r\n\r\n";
    request.body = body_;
    request.timeout_ms = options_.timeout_ms;
    http_->send(url_, std::move(request), [this, count](const client::Exchange& exchange) {
        sent(count, exchange);
    });
}

void SpanExporter::sent(std::size_t spans, const client::Exchange& exchange) {
    sending_ = false;
    const unsigned status =
        exchange.ending == client::Ending::answered ? exchange.answer.status : 0;
    if (status >= good_status_min && status <= good_status_max) {
        exported_ += spans;
    } else {
        // Once, not for each batch while the collector is away.
        if (dropped_ == 0) {
            const std::string why =
                status != 0 ? "it answered " + std::to_string(status) : exchange.detail;
            log_line(LogLevel::warn, "tracing", "event=dropped the collector: " + why);
        }
        dropped_ += spans;
    }
    waiting_.size() >= options_.batch_max ? send() : arm();
}

void SpanExporter::stop() {
    stopped_ = true;
    dropped_ += waiting_.size();
    waiting_.clear();
    timer_.cancel();
    http_->stop();
}

void SpanExporter::measure(model::Metrics& metrics) const {
    metrics.counter("penstock_spans_exported", "Spans that the collector has taken.", exported_);
    metrics.counter("penstock_spans_dropped",
                    "Spans that the collector did not take, or that were too many.",
                    dropped_);
    metrics.gauge("penstock_spans_waiting",
                  "Spans that wait to be exported.",
                  static_cast<double>(waiting_.size()));
}

}  // namespace penstock::sinks::observed

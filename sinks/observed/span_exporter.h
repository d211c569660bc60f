// SpanExporter: posts finished spans to a collector, as OTLP/HTTP in JSON, a batch at a time. What
// the collector does not take, and what comes while too many wait, is dropped and counted: tracing
// holds up nothing. Belongs to its executor's thread.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/model/metric.h"
#include "sinks/client/http_client.h"
#include "sinks/observed/span.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace penstock::sinks::observed {

struct ExporterOptions {
    std::string endpoint;         // URL of the collector; spans go to <endpoint>/v1/traces
    std::string traces_endpoint;  // URL spans go to as it stands; empty: made of `endpoint`
    std::string headers;          // for each request, as collector_headers.h reads them
    std::string service_name = "penstock";
    std::string ca_file;                  // PEM trusted beside the system's store; empty: none
    std::size_t waiting_max = 4'096;      // spans
    std::size_t batch_max = 512;          // spans of one request
    std::uint32_t batch_wait_ms = 1'000;  // after the first of a batch
    std::uint32_t timeout_ms = 10'000;    // of one request
};

class SpanExporter {
  public:
    // `clock` and `resolver` outlive it. Error{invalid}: the endpoint is no http or https URL, or
    // the headers are none.
    static Result<std::unique_ptr<SpanExporter>> make(boost::asio::any_io_executor executor,
                                                      const Clock& clock,
                                                      std::unique_ptr<client::Resolver> resolver,
                                                      ExporterOptions options);

    // make()'s own.
    SpanExporter(boost::asio::any_io_executor executor,
                 std::unique_ptr<client::Resolver> resolver,
                 std::unique_ptr<client::HttpClient> http,
                 client::Url url,
                 std::string headers,
                 ExporterOptions options);

    void add(Span span);

    // Nothing is sent any more.
    void stop();

    void measure(model::Metrics& metrics) const;

  private:
    void arm();
    void send();
    void sent(std::size_t spans, const client::Exchange& exchange);

    boost::asio::steady_timer timer_;
    std::unique_ptr<client::Resolver> resolver_;
    std::unique_ptr<client::HttpClient> http_;
    client::Url url_;
    std::string headers_;  // lines, each with "\r\n" before it
    ExporterOptions options_;
    std::vector<Span> waiting_;
    std::string body_;  // of the request under way
    bool armed_ = false;
    bool sending_ = false;
    bool stopped_ = false;
    std::uint64_t exported_ = 0;
    std::uint64_t dropped_ = 0;
};

}  // namespace penstock::sinks::observed

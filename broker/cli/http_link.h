// HttpLink: one HTTP call after another for a program that has nothing else to do meanwhile. Keeps
// its connections for the run. One run, one thread.
#pragma once

#include "broker/base/clock.h"
#include "sinks/client/http_client.h"

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>

namespace penstock::cli {

class HttpLink {
  public:
    explicit HttpLink(const Clock& clock);
    ~HttpLink();
    HttpLink(const HttpLink&) = delete;
    HttpLink& operator=(const HttpLink&) = delete;

    // `ca_file`: PEM trusted beside the system's store; empty: none. Error{invalid}: unusable.
    Result<void> open(const std::string& ca_file);

    // After open(). Errors: those of sinks::client::fetch.
    Result<sinks::client::HttpAnswer> fetch(sinks::client::HttpCall call);

  private:
    const Clock& clock_;
    boost::asio::io_context context_{1};
    sinks::client::PoolResolver resolver_;
    std::unique_ptr<sinks::client::HttpClient> client_;
};

}  // namespace penstock::cli

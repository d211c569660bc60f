#include "broker/cli/http_link.h"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace penstock::cli {

namespace {

namespace client = sinks::client;

client::ResolverOptions resolver_options() {
    client::ResolverOptions options;
    options.threads = 1;
    options.slow_threads = 1;
    return options;
}

}  // namespace

HttpLink::HttpLink(const Clock& clock)
    : clock_(clock), resolver_(context_.get_executor(), clock, resolver_options()) {}

HttpLink::~HttpLink() {
    if (client_) client_->stop();
    // What the client still has to run down is run here, as long as its executor lives.
    context_.poll();
}

Result<void> HttpLink::open(const std::string& ca_file) {
    client::ClientOptions options;
    options.addresses = client::AddressPolicy::any;
    options.ca_file = ca_file;
    auto made = client::HttpClient::make(context_.get_executor(), clock_, resolver_, options);
    if (!made) return made.error();
    client_ = std::move(*made);
    return {};
}

Result<client::HttpAnswer> HttpLink::fetch(client::HttpCall call) {
    std::optional<Result<client::HttpAnswer>> outcome;
    std::exception_ptr broken;
    boost::asio::co_spawn(context_,
                          client::fetch(*client_, std::move(call)),
                          [&](std::exception_ptr failure, Result<client::HttpAnswer> answer) {
                              broken = failure;
                              outcome.emplace(std::move(answer));
                          });
    context_.restart();
    while (!outcome && context_.run_one() != 0) {
    }
    if (broken) std::rethrow_exception(broken);
    if (!outcome) return error(Errc::closed, "the client stopped");
    return std::move(*outcome);
}

}  // namespace penstock::cli

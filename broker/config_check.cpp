#include "broker/config_check.h"

#include "broker/base/clock.h"
#include "broker/config/command.h"
#include "broker/config/load.h"
#include "broker/room_options.h"
#include "plugins/listener/server_tls.h"
#include "sinks/client/http_client.h"
#include "sinks/client/resolver.h"

#include <boost/asio/io_context.hpp>

#include <iostream>

namespace penstock {

namespace {

// Nothing is connected and no name looked up.
Result<void> open_client(const config::PushConfig& push) {
    const SystemClock clock;
    boost::asio::io_context context;
    sinks::client::PoolResolver resolver(context.get_executor(), clock);
    sinks::client::ClientOptions options;
    options.ca_file = push.ca_file;
    options.client_cert = push.client_cert;
    options.client_key = push.client_key;
    options.proxy = push.proxy;
    auto client = sinks::client::HttpClient::make(
        context.get_executor(), clock, resolver, std::move(options));
    if (!client) return client.error();
    return {};
}

Result<void> open_named(const config::ServerConfig& config) {
    if (auto options = listener_options(config); !options) return options.error();
    if (auto options = tcp_options(config); !options) return options.error();
    if (!config.tls.cert.empty()) {
        const SystemClock clock;
        auto tls = plugins::ServerTls::open({config.tls.cert, config.tls.key}, clock);
        if (!tls) return tls.error();
    }
    return open_client(config.push);
}

}  // namespace

int config_command(const std::vector<std::string>& arguments) {
    if (arguments.size() == 2 && arguments[0] == "check" && !config::asks_for_help(arguments)) {
        const auto loaded = config::load({arguments[1], {}, {}});
        const auto opened = loaded ? open_named(loaded->config) : Result<void>();
        if (!opened) {
            std::cerr << arguments[1] << ": " << opened.error().detail << "\n";
            return 1;
        }
    }
    return config::run_command(arguments, std::cout, std::cerr);
}

}  // namespace penstock

#include "broker/serve.h"

#include "broker/assembly.h"
#include "broker/base/log.h"
#include "broker/base/log_format.h"
#include "broker/config/load.h"

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <iostream>

namespace penstock {

namespace {

// A stop that takes longer is ended by the kernel: a hanging process helps nobody.
constexpr unsigned stop_seconds_max = 10;

struct Options {
    config::Sources sources;
    int exit = 0;
    bool run = false;  // false: --help or wrong usage, `exit` says which
};

Options parse(const std::vector<std::string>& arguments) {
    CLI::App app("Runs a Penstock server.", "penstock serve");
    std::string file;
    std::string data;
    std::string listen;
    std::string listen_tcp;
    std::string listen_peer;
    app.add_option("--config", file, "TOML file; penstock.example.toml documents every key");
    app.add_option("--data", data, "folder of the server's state (default penstock-data)");
    app.add_option("--listen", listen, "HOST:PORT of the listener (default 127.0.0.1:7070)");
    app.add_option("--listen-tcp",
                   listen_tcp,
                   "HOST:PORT of CMQ over TCP, or off (default the port behind --listen's)");
    app.add_option("--listen-peer", listen_peer, "HOST:PORT for the other nodes of the cluster");
    bool dev = false;
    app.add_flag("--dev", dev, "a well-known key, pushes to private addresses allowed");
    Options options;
    try {
        // CLI11 takes the words from the back.
        app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::ParseError& problem) {
        options.exit = app.exit(problem) == 0 ? 0 : 2;
        return options;
    }
    options.run = true;
    options.sources.file = file;
    options.sources.environment = config::process_environment();
    if (app.count("--data") > 0) options.sources.flags.emplace_back("data", data);
    if (app.count("--listen") > 0) options.sources.flags.emplace_back("listen", listen);
    if (app.count("--listen-tcp") > 0) options.sources.flags.emplace_back("listen_tcp", listen_tcp);
    if (app.count("--listen-peer") > 0)
        options.sources.flags.emplace_back("cluster.listen_peer", listen_peer);
    if (dev) options.sources.flags.emplace_back("dev", "true");
    return options;
}

LogLevel log_level(const std::string& name) {
    if (name == "debug") return LogLevel::debug;
    if (name == "warn") return LogLevel::warn;
    if (name == "error") return LogLevel::error;
    return LogLevel::info;
}

// Every connection is a file: take what the system allows.
void raise_file_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_line(LogLevel::warn, "broker", "event=start the limit of open files stays as it was");
}

bool is_loopback(const std::string& host) {
    return host.rfind("127.", 0) == 0 || host == "::1" || host == "localhost";
}

void warn_of_settings(const config::ServerConfig& config) {
    if (config.dev)
        std::cerr << "penstock --dev: the well-known key AKIDpenstockdev is valid and pushes to "
                     "private addresses are allowed; not for machines that others can reach\n";
    const auto address = config::parse_address(config.listen);
    if (address && !is_loopback(address.value().host) && config.tls.cert.empty())
        std::cerr << "penstock: " << config.listen
                  << " is reachable by others without TLS; set tls.cert and tls.key\n";
}

void announce_tcp(const std::string& address, bool tls) {
    std::cout << "tcp " << address << std::endl;
    if (tls || is_loopback(config::parse_address(address).value().host)) return;
    std::cerr << "penstock: CMQ over TCP at " << address
              << " is reachable by others without TLS; listen_tcp = \"off\" ends it\n";
}

void announce(const Assembly& assembly, const config::ServerConfig& config) {
    const std::string key_id = assembly.new_root_key_id();
    if (!key_id.empty())
        std::cerr << "penstock: root key " << key_id << " made; id and secret are in "
                  << config.data << "/root.key\n";
    const std::string peer = assembly.peer_address();
    if (!peer.empty()) std::cout << "peer " << peer << "\n";
    std::cout << "ready " << assembly.url() << std::endl;
    const std::string tcp = assembly.tcp_address();
    if (!tcp.empty()) announce_tcp(tcp, !config.tls.cert.empty() && config.tls.tcp);
    ::sd_notify(0, "READY=1");
}

// Catches SIGTERM, SIGINT and SIGHUP from its making on. Once it is gone a signal ends the process
// at once.
class Signals {
  public:
    // `renew` runs at each SIGHUP.
    explicit Signals(std::function<void()> renew) : renew_(std::move(renew)) {
        stops_.async_wait([this](const boost::system::error_code&, int) { context_.stop(); });
        await_renewal();
    }

    void wait_for_stop() { context_.run(); }

  private:
    void await_renewal() {
        renewals_.async_wait([this](const boost::system::error_code& failed, int) {
            if (failed) return;
            renew_();
            await_renewal();
        });
    }

    std::function<void()> renew_;
    boost::asio::io_context context_{1};
    boost::asio::signal_set stops_{context_, SIGTERM, SIGINT};
    boost::asio::signal_set renewals_{context_, SIGHUP};
};

void serve_until_signal(Assembly& assembly, const config::ServerConfig& config) {
    Signals signals([&assembly] { assembly.renew(); });
    announce(assembly, config);
    signals.wait_for_stop();
    ::sd_notify(0, "STOPPING=1");
    ::alarm(stop_seconds_max);
}

int run(const config::ServerConfig& config) {
    set_log_level(log_level(config.log_level));
    set_log_format(config.log_format == "json" ? LogFormat::json : LogFormat::text);
    raise_file_limit();
    std::signal(SIGPIPE, SIG_IGN);
    warn_of_settings(config);
    Assembly assembly(config);
    const auto started = assembly.start();
    if (!started) {
        std::cerr << "penstock: " << started.error().detail << "\n";
        return 1;
    }
    serve_until_signal(assembly, config);
    const auto stopped = assembly.stop();
    if (!stopped) {
        std::cerr << "penstock: " << stopped.error().detail << "\n";
        return 1;
    }
    return 0;
}

}  // namespace

int serve(const std::vector<std::string>& arguments) {
    const Options options = parse(arguments);
    if (!options.run) return options.exit;
    const auto loaded = config::load(options.sources);
    if (!loaded) {
        std::cerr << loaded.error().detail << "\n";
        return 1;
    }
    return run(loaded.value().config);
}

}  // namespace penstock

#include "broker/cli/bench.h"

#include "broker/cli/bench_sink.h"
#include "sinks/client/http_client.h"
#include "sinks/client/url.h"

#include <boost/json.hpp>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <utility>

namespace penstock::cli {

namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr std::uint64_t connections_max = 10'000;
constexpr std::uint64_t tcp_connections = 4;
constexpr std::uint64_t size_min = 16;
constexpr std::uint64_t size_usual_max = 1024 * 1024;
constexpr std::uint64_t size_max = 16 * size_usual_max;  // if the server takes it
constexpr std::uint64_t duration_ms_max = 86'400'000;
constexpr auto drain_time_max = std::chrono::seconds(30);
constexpr auto backlog_drain_time_max = std::chrono::minutes(10);

std::string object_name() {
    return "bench-" + std::to_string(::getpid());
}

json::object figures(const Histogram& latency) {
    json::object shown;
    shown["p50_us"] = latency.percentile(5'000);
    shown["p99_us"] = latency.percentile(9'900);
    shown["p99_9_us"] = latency.percentile(9'990);
    shown["max_us"] = latency.max();
    return shown;
}

std::unique_ptr<Scenario> http_publish_scenario(const CmqRequests& requests,
                                                const Clock& /*clock*/,
                                                const ScenarioOptions& options) {
    return publish_scenario(requests, options);
}

// The texts of a list in a JSON answer; none where it is not there.
std::vector<std::string> texts_of(std::string_view body, std::string_view name) {
    boost::system::error_code failure;
    const json::value answer = json::parse({body.data(), body.size()}, failure);
    std::vector<std::string> texts;
    if (failure || !answer.is_object()) return texts;
    const json::value* list = answer.as_object().if_contains({name.data(), name.size()});
    if (list == nullptr || !list->is_array()) return texts;
    for (const json::value& one : list->as_array()) {
        if (one.is_string()) texts.emplace_back(one.as_string());
    }
    return texts;
}

std::uint64_t rounded(double value) {
    return static_cast<std::uint64_t>(value + 0.5);
}

// Waits until `sink` holds still or has everything.
void drain(asio::io_context& context,
           const PushSink& sink,
           std::uint64_t published,
           std::chrono::seconds patience) {
    context.restart();
    asio::steady_timer timer(context);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    std::function<void(const boost::system::error_code&)> look =
        [&](const boost::system::error_code&) {
            if (sink.received() >= published || std::chrono::steady_clock::now() > deadline) return;
            timer.expires_after(std::chrono::milliseconds(20));
            timer.async_wait(look);
        };
    look({});
    context.run();
}

}  // namespace

void Bench::add_mode(CLI::App& noun,
                     const std::string& mode,
                     const std::string& help,
                     int (Bench::*run)()) {
    CLI::App* verb = noun.add_subcommand(mode, help);
    verb->callback([this, mode, run] {
        mode_ = mode;
        session_.chosen = [this, run] {
            return (this->*run)();
        };
    });
    add_bytes(*verb, "--size", size_, "Bytes of a message (1KiB)");
    add_number(*verb, "--connections", connections_, "Connections (64)");
    verb->add_flag("--tcp", tcp_, "Over CMQ TCP, on 4 connections unless --connections says more");
    verb->add_flag(
        "--clear-tcp", clear_tcp_, "With --tcp to an https server: tls.tcp is false there");
    add_number(*verb, "--outstanding", outstanding_, "With --tcp: requests under way in all (128)");
    add_number(*verb, "--batch", batch_, "Messages a request, 1 to 16 (1)");
    add_milliseconds(*verb, "--duration", duration_ms_, "How long to measure (10s)");
    add_milliseconds(*verb, "--warmup", warmup_ms_, "How long to run before (2s)");
    add_number(
        *verb, "--rate", rate_, "Messages a second, due at fixed times (as fast as it goes)");
}

void Bench::add_to(CLI::App& root) {
    CLI::App* noun = root.add_subcommand("bench", "Load against a running server, and figures");
    noun->require_subcommand(1);
    add_mode(*noun, "send", "Send to a queue", &Bench::send);
    add_mode(*noun, "send-receive-delete", "Send, receive and delete", &Bench::cycle);
    add_mode(*noun, "publish-push", "Publish, pushed to a receiver of its own", &Bench::push);
    CLI::App& pushing = *noun->get_subcommand("publish-push");
    add_number(pushing, "--concurrency", concurrency_, "Pushes at a time, 1 to 1000 (64)");
    pushing.add_flag("--backlog", backlog_, "Push only once all is published, and measure that");
}

std::optional<Failure> Bench::check_options() const {
    const auto within =
        [](const std::optional<std::uint64_t>& value, std::uint64_t low, std::uint64_t high) {
            return !value || (*value >= low && *value <= high);
        };
    if (!within(size_, size_min, size_max)) return usage_failure("--size is 16 to 16MiB.");
    if (!within(connections_, 1, connections_max)) {
        return usage_failure("--connections is 1 to 10000.");
    }
    if (!within(outstanding_, 1, connections_max)) {
        return usage_failure("--outstanding is 1 to 10000.");
    }
    if (outstanding_ && !tcp_) return usage_failure("--outstanding goes with --tcp.");
    if (clear_tcp_ && !tcp_) return usage_failure("--clear-tcp goes with --tcp.");
    if (!within(batch_, 1, 16)) return usage_failure("--batch is 1 to 16.");
    if (!within(duration_ms_, 100, duration_ms_max)) {
        return usage_failure("--duration is 100ms to 1d.");
    }
    if (!within(warmup_ms_, 0, duration_ms_max)) return usage_failure("--warmup is 0s to 1d.");
    if (!within(rate_, 1, 10'000'000)) return usage_failure("--rate is 1 to 10000000.");
    return std::nullopt;
}

// As every other command does: the system's authorities and those of --ca.
boost::system::result<LinkTls, Failure> Bench::trust(const Target& target,
                                                     const std::string& host) {
    sinks::client::ClientOptions options;
    options.ca_file = target.ca_file;
    auto made = sinks::client::TlsIdentities::make(options);
    // Only the certificates can be at fault.
    if (!made) return failure_of(error(Errc::io, made.error().detail), target.server);
    return LinkTls{identities_.emplace(std::move(*made)).own().context(), host};
}

boost::system::result<Bench::Place, Failure> Bench::place() {
    if (const auto wrong = check_options()) return *wrong;
    const auto target = session_.target();
    if (!target) return target.error();
    const auto url = sinks::client::parse_url(target->server);
    if (!url) return failure_of(url.error(), target->server);
    Place found;
    found.target = *target;
    found.authority = url->authority;
    if (url->scheme == sinks::client::Scheme::https) {
        auto tls = trust(*target, url->host);
        if (!tls) return tls.error();
        found.tls.emplace(*tls);
        under_tls_ = true;
    }
    asio::io_context context;
    Link::Tcp::resolver resolver(context);
    boost::system::error_code failure;
    const auto addresses = resolver.resolve(url->host, std::to_string(url->port), failure);
    if (failure || addresses.empty()) {
        return failure_of(error(Errc::unavailable, failure.message()), target->server);
    }
    found.endpoint = *addresses.begin();
    return found;
}

ScenarioOptions Bench::scenario_options(const std::string& object) const {
    ScenarioOptions options;
    options.object = object;
    options.size = static_cast<std::size_t>(size_.value_or(1024));
    options.batch = static_cast<std::size_t>(batch_.value_or(1));
    return options;
}

LoadOptions Bench::load_options() const {
    LoadOptions options;
    options.connections =
        static_cast<std::size_t>(tcp_ ? outstanding_.value_or(128) : connections_.value_or(64));
    options.duration_us = duration_ms_.value_or(10'000) * 1000;
    options.warmup_us = warmup_ms_.value_or(2'000) * 1000;
    options.units_per_s =
        static_cast<double>(rate_.value_or(0)) / static_cast<double>(batch_.value_or(1));
    return options;
}

json::object Bench::report(const LoadResult& result) const {
    json::object shown;
    shown["mode"] = mode_;
    shown["loop"] = rate_ ? "open" : "closed";
    if (rate_) shown["rate_per_s"] = *rate_;
    shown["protocol"] = tcp_ ? "tcp" : "http";
    shown["tls"] = under_tls_ && !(tcp_ && clear_tcp_);
    shown["connections"] = connections_.value_or(tcp_ ? tcp_connections : 64);
    if (tcp_) shown["outstanding"] = outstanding_.value_or(128);
    shown["batch"] = batch_.value_or(1);
    shown["message_bytes"] = size_.value_or(1024);
    shown["measured_ms"] = rounded(result.measured_s * 1000);
    shown["messages_per_s"] = rounded(static_cast<double>(result.messages) / result.measured_s);
    shown["units_per_s"] = rounded(static_cast<double>(result.units) / result.measured_s);
    shown["latency"] = figures(result.latency);
    shown["failures"] = result.failures;
    if (rate_) shown["never_begun"] = result.behind;
    shown["client_cpu_percent"] = rounded(100 * result.cpu_s / result.measured_s);
    return shown;
}

int Bench::show(const json::object& shown, const LoadResult& result) {
    session_.show(shown);
    for (const auto& [text, count] : result.failures_by_text) {
        session_.world().err << "penstock: " << count << " times: " << escaped(text) << "\n";
    }
    return result.units == 0 ? exit_failure : exit_ok;
}

boost::system::result<TcpBench, Failure> Bench::tcp(asio::io_context& context,
                                                    const Place& where,
                                                    std::string_view action,
                                                    const std::string& object) {
    const CmqRequests requests(where.target, where.authority, session_.world().clock);
    const bool topic = action == "QueryTopicRoute";
    const std::string asked = requests.make(action, {{topic ? "topicName" : "queueName", object}});
    Link link(context, where.endpoint, where.tls);
    std::vector<std::string> addresses;
    link.exchange(asked, [&](const LinkAnswer& answer) {
        addresses = texts_of(answer.body, "addr");
        link.close();
    });
    context.run();
    context.restart();
    if (addresses.empty()) {
        return usage_failure("The server does not say where it serves CMQ over TCP.",
                             "Start it without listen_tcp = \"off\".");
    }
    const auto url = sinks::client::parse_url("http://" + addresses.front());
    if (!url) return failure_of(url.error(), addresses.front());
    Link::Tcp::resolver resolver(context);
    boost::system::error_code failure;
    const auto found = resolver.resolve(url->host, std::to_string(url->port), failure);
    if (failure || found.empty()) {
        return failure_of(error(Errc::unavailable, failure.message()), addresses.front());
    }
    const plugins::cmq_tcp::ClientKey key{where.target.key_id, where.target.key_secret};
    const auto connections = static_cast<std::size_t>(connections_.value_or(tcp_connections));
    TcpBench bench{context, found.begin()->endpoint(), key, connections};
    // The route is an address; the certificate is of the server that was named.
    if (where.tls && !clear_tcp_)
        bench.tls.emplace(plugins::cmq_tcp::ClientTls{where.tls->context, where.tls->host});
    return bench;
}

boost::system::result<LoadResult, Failure> Bench::run_load(
    const Place& where,
    const Makers& makers,
    std::string_view action,
    const std::string& object,
    const std::function<void(std::int64_t, std::int64_t)>& started) {
    const Clock& clock = session_.world().clock;
    const CmqRequests requests(where.target, where.authority, clock);
    asio::io_context context{1};
    std::unique_ptr<Scenario> scenario;
    if (tcp_) {
        const auto bench = tcp(context, where, action, object);
        if (!bench) return bench.error();
        scenario = makers.tcp(*bench, scenario_options(object));
    } else {
        scenario = makers.http(requests, clock, scenario_options(object));
    }
    Load load(context, where.endpoint, clock, load_options(), *scenario, where.tls);
    return load.run(started);
}

int Bench::with_queue(const Makers& makers) {
    const auto where = place();
    if (!where) return session_.fail(where.error());
    const std::string queue = object_name();
    json::object body;
    body["name"] = queue;
    body["max_size"] = std::max(size_usual_max, size_.value_or(0));
    const auto made = session_.send("POST", "/v1/queues", body);
    if (!made) return session_.fail(made.error());
    const auto result =
        run_load(*where, makers, "QueryQueueRoute", queue, [](std::int64_t, std::int64_t) {});
    const auto deleted = session_.act("DELETE", "/v1/queues/" + queue);
    if (!result) return session_.fail(result.error());
    const int code = show(report(*result), *result);
    return deleted ? code : session_.fail(deleted.error());
}

int Bench::send() {
    return with_queue({send_scenario, tcp_send_scenario});
}

int Bench::cycle() {
    return with_queue({cycle_scenario, tcp_cycle_scenario});
}

std::optional<Failure> Bench::make_topic(const std::string& topic, const std::string& url) {
    json::object body;
    body["name"] = topic;
    body["max_size"] = std::max(size_usual_max, size_.value_or(0));
    const auto made = session_.send("POST", "/v1/topics", body);
    if (!made) return made.error();
    json::object http;
    http["url"] = url;
    json::object subscription;
    subscription["name"] = "receiver";
    subscription["http"] = std::move(http);
    subscription["format"] = "simplified";
    subscription["dead_letter"] = nullptr;
    subscription["concurrency"] = concurrency_.value_or(64);
    subscription["paused"] = backlog_;
    const auto added =
        session_.send("POST", "/v1/topics/" + topic + "/subscriptions", subscription);
    if (!added) return added.error();
    return std::nullopt;
}

void Bench::remove_topic(const std::string& topic) {
    const auto unsubscribed = session_.act("DELETE", "/v1/subscriptions/" + topic + "/receiver");
    if (!unsubscribed) session_.fail(unsubscribed.error());
    const auto deleted = session_.act("DELETE", "/v1/topics/" + topic);
    if (!deleted) session_.fail(deleted.error());
}

// Lets the pushes begin and waits for all of them.
std::optional<Failure> Bench::drain_backlog(asio::io_context& context,
                                            const PushSink& sink,
                                            const std::string& topic,
                                            const LoadResult& published,
                                            json::object& shown) {
    const std::int64_t begun_us = session_.world().clock.steady_us();
    const auto resumed = session_.act("POST", "/v1/subscriptions/" + topic + "/receiver/resume");
    if (!resumed) return resumed.error();
    drain(context, sink, published.messages_in_all, backlog_drain_time_max);
    const std::int64_t took_us = session_.world().clock.steady_us() - begun_us;
    shown["drained_per_s"] =
        rounded(static_cast<double>(sink.received()) * 1e6 / static_cast<double>(took_us));
    return std::nullopt;
}

int Bench::push() {
    const auto where = place();
    if (!where) return session_.fail(where.error());
    const Clock& clock = session_.world().clock;
    PushSink sink(clock);
    const auto listening = sink.start();
    if (!listening) return session_.fail(failure_of(listening.error(), where->target.server));
    const std::string topic = object_name();
    if (const auto refused = make_topic(topic, sink.url())) {
        remove_topic(topic);
        return session_.fail(*refused);
    }
    const auto result = run_load(
        *where,
        {http_publish_scenario, tcp_publish_scenario},
        "QueryTopicRoute",
        topic,
        [&sink](std::int64_t from_us, std::int64_t to_us) { sink.measure(from_us, to_us); });
    if (!result) {
        remove_topic(topic);
        return session_.fail(result.error());
    }
    json::object shown = report(*result);
    asio::io_context context{1};
    if (backlog_) {
        if (const auto refused = drain_backlog(context, sink, topic, *result, shown)) {
            remove_topic(topic);
            return session_.fail(*refused);
        }
    }
    drain(context, sink, result->messages_in_all, drain_time_max);
    sink.stop();
    remove_topic(topic);

    shown["pushes_per_s"] = rounded(static_cast<double>(sink.arrived()) / result->measured_s);
    shown["publish_to_post"] = figures(sink.latency());
    shown["published"] = result->messages_in_all;
    shown["pushed"] = sink.received();
    return show(shown, *result);
}

}  // namespace penstock::cli

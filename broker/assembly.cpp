#include "broker/assembly.h"

#include "broker/base/log.h"
#include "broker/room_options.h"
#include "broker/secret_key.h"
#include "plugins/all.h"
#include "sinks/all.h"

#include <boost/asio/post.hpp>

#include <chrono>
#include <future>

namespace penstock {

namespace {

// Together below the 10 s that a stop may take: requests end, then deliveries, then
// processes, then rows are flushed.
constexpr std::chrono::milliseconds requests_grace{4'000};
constexpr std::chrono::milliseconds deliveries_grace{2'500};
constexpr std::chrono::milliseconds functions_grace{1'000};
constexpr std::chrono::milliseconds slack{500};
// How often what happens is looked at for the topic `sys`.
constexpr std::chrono::milliseconds sys_period{2'000};

// Waits until an asynchronous stop reports its end; false when it does not come in time.
class Ended {
  public:
    // Runs on whatever thread the stopped room lives on, maybe after nobody waits any more.
    [[nodiscard]] std::function<void()> report() const {
        return [promise = promise_] {
            promise->set_value();
        };
    }

    [[nodiscard]] bool within(std::chrono::milliseconds time) {
        return by(std::chrono::steady_clock::now() + time);
    }

    [[nodiscard]] bool by(std::chrono::steady_clock::time_point end) {
        return promise_->get_future().wait_until(end) == std::future_status::ready;
    }

  private:
    std::shared_ptr<std::promise<void>> promise_ = std::make_shared<std::promise<void>>();
};

// "127.0.0.1:7070", "[::1]:7070".
template <class Server>
std::string address_of(const Server& server) {
    const std::string host = server.host();
    const bool is_v6 = host.find(':') != std::string::npos;
    return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(server.port());
}

}  // namespace

Assembly::~Assembly() {
    const auto stopped = stop();
    if (!stopped) log_line(LogLevel::error, "broker", stopped.error().detail);
}

Result<void> Assembly::make_broker() {
    auto encryption = Encryption::open(config_, clock_, random_);
    if (!encryption) return encryption.error();
    encryption_ = std::move(*encryption);
    node::BrokerThread::Inside inside;
    if (!config_.cluster.name.empty()) {
        auto host = cluster::ClusterHost::open(cluster_options(config_));
        if (!host) return host.error();
        cluster_ = std::move(*host);
        inside = [this](const std::function<void()>& work) {
            cluster_->run_inside(work);
        };
    }
    node::NodeOptions options = node_options(config_);
    options.data_keys = encryption_->keys();
    options.own_rates = &own_rates_;
    options.sealed_only = encryption_->seals();
    auto broker = node::make_broker(
        std::move(options), cluster_ ? &cluster_->neighbours() : nullptr, std::move(inside));
    if (!broker) return broker.error();
    broker_ = std::move(*broker);
    return {};
}

void Assembly::make_packer() {
    const bool compress = config_.log.compression == "zstd";
    if (!compress && !encryption_->seals()) return;
    api::DataKeys* keys = encryption_->seals() ? encryption_->keys() : nullptr;
    packer_ = std::make_unique<api::Packer>(broker_->broker(), clock_, keys, compress);
    sealing_ = std::make_unique<api::SealingBroker>(broker_->broker(), *packer_);
    sealing_dispatch_ = std::make_unique<api::SealingDispatch>(
        broker_->dispatch(), *packer_, pushing_->at(0).get_executor());
}

// The node, behind what packs payloads.
api::Broker& Assembly::inner() {
    return sealing_ ? static_cast<api::Broker&>(*sealing_) : broker_->broker();
}

api::Dispatch& Assembly::dispatch() {
    return sealing_dispatch_ ? static_cast<api::Dispatch&>(*sealing_dispatch_)
                             : broker_->dispatch();
}

Result<void> Assembly::start() {
    auto made = make_broker();
    if (!made) return made;
    auto secrets = open_secret_box(config_, random_);
    if (!secrets) return secrets.error();
    secrets_ = std::move(*secrets);
    pool_ = std::make_unique<plugins::IoPool>(io_thread_count(config_));
    pushing_ = std::make_unique<plugins::IoPool>(1, "penstock-push");
    make_packer();
    auto ready = start_dispatcher();
    if (!ready) return ready;
    auto listening = start_listener();
    if (!listening) return listening;
    if (cluster_) {
        const std::string http = url().substr(url().find("//") + 2);
        auto linked = cluster_->start(broker_->mailbox(), http);
        if (!linked) return linked;
    }
    broker_->start();
    // The supervisor belongs to the thread of the sinks.
    boost::asio::post(pushing_->at(0), [this] { functions_->launcher.open(); });
    dispatcher_->start();
    start_sys_topic();
    return {};
}

Result<void> Assembly::make_observer() {
    std::unique_ptr<sinks::observed::SpanExporter> exporter;
    if (!config_.tracing.endpoint.empty() || !config_.tracing.traces_endpoint.empty()) {
        const auto executor = pushing_->at(0).get_executor();
        auto resolver = std::make_unique<sinks::client::PoolResolver>(executor, clock_);
        auto made = sinks::observed::SpanExporter::make(
            executor, clock_, std::move(resolver), exporter_options(config_));
        if (!made) return made.error();
        exporter = std::move(*made);
    }
    observer_ = std::make_unique<sinks::observed::Observer>(clock_, std::move(exporter));
    return {};
}

Result<void> Assembly::start_dispatcher() {
    const auto executor = pushing_->at(0).get_executor();
    auto options = sink_options(config_);
    functions_ = std::make_unique<sinks::FunctionHost>(executor, clock_, options);
    options.secrets = secrets_.get();
    auto made = sinks::make_sinks(executor, clock_, random_, dispatch(), *functions_, options);
    if (!made) return made.error();
    auto observed = make_observer();
    if (!observed) return observed;
    dispatcher_ = std::make_unique<dispatcher::Dispatcher>(
        executor, dispatch(), observer_->look_at(std::move(*made)), clock_);
    figures_ = std::make_unique<ServerFigures>(
        broker_->metrics(), executor, [this, executor](model::Metrics& metrics) {
            measure_rooms(metrics);
            if (told_uses_ != nullptr) told_uses_->measure(metrics, executor);
        });
    sys_figures_ = std::make_unique<ServerFigures>(
        broker_->metrics(), executor, [this](model::Metrics& metrics) { measure_rooms(metrics); });
    return {};
}

void Assembly::measure_rooms(model::Metrics& metrics) {
    observer_->measure(metrics);
    dispatcher_->measure(metrics);
    functions_->log_book.measure(metrics);
    encryption_->measure(metrics);
    if (told_listener_ != nullptr) told_listener_->measure(metrics);
    if (told_quotas_ != nullptr) told_quotas_->measure(metrics);
    if (tcp_) tcp_->measure(metrics);
}

// Bound before anything is told where it is.
Result<void> Assembly::bind_tcp() {
    auto options = tcp_options(config_);
    if (!options) return options.error();
    if (!*options) return {};
    (*options)->seed = random_.next();
    if (config_.tls.tcp) (*options)->tls = tls_.get();
    (*options)->limits.stop_grace = requests_grace;
    auto bound = plugins::TcpServer::bind(std::move(**options), *pool_, clock_);
    if (!bound) return error(bound.error().code, "listen_tcp " + bound.error().detail);
    tcp_ = std::move(*bound);
    return {};
}

Result<void> Assembly::open_tls() {
    if (config_.tls.cert.empty()) return {};
    auto opened = plugins::ServerTls::open({config_.tls.cert, config_.tls.key}, clock_);
    if (!opened) return opened.error();
    tls_ = std::move(*opened);
    tls_->watch(pool_->at(0));
    return {};
}

// What stands between the ways in and the node. What is refused is told too.
void Assembly::open_door() {
    kept_keys_ = std::make_unique<node::NodeKeys>(
        broker_->mailbox(), static_cast<std::uint32_t>(config_.request_timeout_ms));
    api::Broker& node = inner();
    accounts_ = std::make_unique<api::AccountRegistry>(node, *kept_keys_, *secrets_, clock_);
    keys_ = std::make_unique<api::KeyRing>(node, *kept_keys_, *secrets_, clock_, *accounts_);
    quotas_ = std::make_unique<api::Quotas>(*accounts_, clock_, own_limits(config_), &own_rates_);
    if (cluster_) cluster_->limit_forwarded(*quotas_);
    uses_ = std::make_unique<api::AccountUses>(node, *accounts_, *quotas_, clock_);
    limited_ = std::make_unique<api::QuotaBroker>(node, *quotas_, clock_);
    tenants_ = std::make_unique<api::TenantBroker>(*limited_, *keys_, *accounts_);
    authorised_ = std::make_unique<api::AuthorisedBroker>(*tenants_, *keys_);
    audited_ = std::make_unique<api::AuditedBroker>(*authorised_, clock_);
}

void Assembly::start_sys_topic() {
    const std::string& cluster = config_.cluster.name;
    const std::string source =
        "//" + (cluster.empty() ? std::string("penstock") : cluster) + "/sys";
    sys_topic_ = std::make_unique<plugins::sys::SysTopic>(
        pushing_->at(0).get_executor(), inner(), *sys_figures_, source, sys_period);
    sys_topic_->start();
}

Result<void> Assembly::start_listener() {
    if (auto opened = open_tls(); !opened) return opened;
    if (auto bound = bind_tcp(); !bound) return bound;
    auto options = listener_options(config_);
    if (!options) return options.error();
    options->tls = tls_.get();
    options->limits.stop_grace = requests_grace;
    auto front_end = front_end_options(config_);
    front_end.seed = random_.next();
    if (tcp_) {
        const std::string& told = config_.advertise_tcp;
        front_end.routes.push_back(told.empty() ? tcp_address() : told);
    }
    front_end.functions = &functions_->log_book;
    front_end.trials = &functions_->trials;
    front_end.metrics = figures_.get();
    front_end.secrets = secrets_.get();
    front_end.tls = tls_.get();
    open_door();
    front_end.keys = keys_.get();
    front_end.accounts = accounts_.get();
    front_end.quotas = quotas_.get();
    front_end.uses = uses_.get();
    front_ends_ = plugins::make_front_ends(*audited_, clock_, front_end);
    std::vector<plugins::HttpFrontEnd*> asked;
    for (const auto& one : front_ends_) asked.push_back(one.get());
    auto server = plugins::HttpServer::start(std::move(*options), *pool_, clock_, std::move(asked));
    if (!server) return error(server.error().code, "listen " + server.error().detail);
    listener_ = std::move(*server);
    // It serves already, so that somebody may ask for figures now.
    boost::asio::post(pushing_->at(0), [this] {
        told_listener_ = listener_.get();
        told_quotas_ = quotas_.get();
        told_uses_ = uses_.get();
    });
    if (tcp_) tcp_->serve(*audited_);
    return {};
}

void Assembly::stop_listeners() {
    Ended http;
    Ended tcp;
    listener_->stop(http.report());
    if (tcp_) tcp_->stop(tcp.report());
    const auto until = std::chrono::steady_clock::now() + requests_grace + slack;
    const bool all = http.by(until) && (!tcp_ || tcp.by(until));
    if (!all) log_line(LogLevel::warn, "broker", "event=stop requests cut off");
}

void Assembly::stop_dispatcher() {
    Ended ended;
    dispatcher_->stop(deliveries_grace, ended.report());
    if (!ended.within(deliveries_grace + slack))
        log_line(LogLevel::warn, "broker", "event=stop deliveries cut off; they will come again");
}

void Assembly::stop_functions() {
    Ended ended;
    boost::asio::post(pushing_->at(0), [this, report = ended.report()] {
        observer_->stop();
        functions_->launcher.stop(functions_grace, report);
    });
    if (!ended.within(functions_grace + slack))
        log_line(LogLevel::warn, "broker", "event=stop processes of functions cut off");
}

Result<void> Assembly::stop() {
    if (!broker_) return {};
    // What this node leads goes elsewhere while it still serves what it has begun.
    if (cluster_) cluster_->begin_to_leave();
    if (sys_topic_) sys_topic_->stop();
    if (listener_) stop_listeners();
    if (dispatcher_) stop_dispatcher();
    if (dispatcher_) stop_functions();
    if (cluster_) cluster_->wait_to_have_left();
    if (cluster_) cluster_->stop();
    if (encryption_) encryption_->stop();
    // The broker answers what still waits while the I/O threads can carry it.
    auto closed = broker_->stop();
    if (pool_) pool_->stop();
    if (pushing_) pushing_->stop();
    tcp_.reset();
    sys_topic_.reset();
    listener_.reset();
    front_ends_.clear();
    audited_.reset();
    authorised_.reset();
    tenants_.reset();
    limited_.reset();
    uses_.reset();
    quotas_.reset();
    keys_.reset();
    accounts_.reset();
    kept_keys_.reset();
    tls_.reset();
    figures_.reset();
    sys_figures_.reset();
    dispatcher_.reset();
    observer_.reset();
    functions_.reset();
    secrets_.reset();
    sealing_dispatch_.reset();
    sealing_.reset();
    packer_.reset();
    broker_.reset();
    cluster_.reset();
    encryption_.reset();
    pushing_.reset();
    pool_.reset();
    return closed;
}

void Assembly::renew() {
    encryption_->rotate();
    // The files are read where they are watched.
    if (tls_) boost::asio::post(pool_->at(0), [this] { tls_->refresh(); });
}

std::string Assembly::url() const {
    const std::string scheme = tls_ == nullptr ? "http://" : "https://";
    return scheme + address_of(*listener_);
}

std::string Assembly::tcp_address() const {
    return tcp_ ? address_of(*tcp_) : std::string();
}

std::string Assembly::peer_address() const {
    if (!cluster_) return {};
    const std::string& listen = config_.cluster.listen_peer;
    return listen.substr(0, listen.rfind(':') + 1) + std::to_string(cluster_->port());
}

std::string Assembly::new_root_key_id() const {
    const auto& made = broker_->first_start_key();
    return made ? made->key_id : std::string();
}

}  // namespace penstock

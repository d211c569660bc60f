// Assembly: the rooms of one server, built in order and taken down in reverse. Made, started and
// stopped by serve() on the main thread; its threads are the broker's and the I/O pool's. start()
// fails with an Error that says what to do; after a failure the object is only destroyed.
#pragma once

#include "broker/api/account_registry.h"
#include "broker/api/account_uses.h"
#include "broker/api/audit.h"
#include "broker/api/authorisation.h"
#include "broker/api/own_rates.h"
#include "broker/api/quota_broker.h"
#include "broker/api/quotas.h"
#include "broker/api/sealing.h"
#include "broker/api/secrets.h"
#include "broker/api/tenancy.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/random.h"
#include "broker/cluster/cluster_host.h"
#include "broker/config/server_config.h"
#include "broker/encryption.h"
#include "broker/node/broker_thread.h"
#include "broker/node/key_store.h"
#include "broker/server_figures.h"
#include "dispatcher/dispatcher.h"
#include "plugins/cmq_tcp/server.h"
#include "plugins/listener/http.h"
#include "plugins/listener/io_pool.h"
#include "plugins/listener/server.h"
#include "plugins/listener/server_tls.h"
#include "plugins/sys/sys_topic.h"
#include "sinks/all.h"
#include "sinks/observed/observer.h"

#include <memory>
#include <string>
#include <vector>

namespace penstock {

class Assembly {
  public:
    explicit Assembly(config::ServerConfig config) : config_(std::move(config)) {}

    ~Assembly();
    Assembly(const Assembly&) = delete;
    Assembly& operator=(const Assembly&) = delete;

    // Opens the data folder, replays, binds the address, begins to serve.
    Result<void> start();

    // Ends what is in flight, within a grace, then everything else. Blocks; harmless when repeated.
    Result<void> stop();

    [[nodiscard]] std::string url() const;  // "http://127.0.0.1:7070"

    // "127.0.0.1:7071"; empty: CMQ over TCP is off.
    [[nodiscard]] std::string tcp_address() const;

    // "127.0.0.1:7072"; empty: the server is on its own.
    [[nodiscard]] std::string peer_address() const;

    // Reads the files of the certificate and of the master key again, soon, and begins the next
    // data keys; nothing of what is not configured.
    void renew();

    // The id of the root key that this start made; empty when there was one or none is needed.
    [[nodiscard]] std::string new_root_key_id() const;

  private:
    Result<void> make_broker();
    void make_packer();
    [[nodiscard]] api::Broker& inner();
    [[nodiscard]] api::Dispatch& dispatch();
    Result<void> make_observer();
    Result<void> start_dispatcher();
    void measure_rooms(model::Metrics& metrics);
    Result<void> bind_tcp();
    Result<void> start_listener();
    Result<void> open_tls();
    void open_door();
    void stop_listeners();
    void start_sys_topic();
    void stop_dispatcher();
    void stop_functions();

    config::ServerConfig config_;
    SystemClock clock_;
    SystemRandom random_;
    // In the order in which they are built; members go the other way round.
    std::unique_ptr<plugins::IoPool> pool_;
    // Dispatcher, sinks and figures: publishers that keep the others busy do not slow down pushes.
    std::unique_ptr<plugins::IoPool> pushing_;
    std::unique_ptr<Encryption> encryption_;
    api::OwnRates own_rates_;
    std::unique_ptr<cluster::ClusterHost> cluster_;  // nothing: the server is on its own
    std::unique_ptr<node::BrokerThread> broker_;
    // Nothing: payloads are kept as they come.
    std::unique_ptr<api::Packer> packer_;
    std::unique_ptr<api::SealingBroker> sealing_;
    std::unique_ptr<api::SealingDispatch> sealing_dispatch_;
    std::unique_ptr<api::SecretBox> secrets_;
    std::unique_ptr<node::NodeKeys> kept_keys_;
    std::unique_ptr<api::AccountRegistry> accounts_;
    std::unique_ptr<api::KeyRing> keys_;
    std::unique_ptr<api::Quotas> quotas_;
    std::unique_ptr<api::AccountUses> uses_;
    std::unique_ptr<api::QuotaBroker> limited_;
    std::unique_ptr<api::TenantBroker> tenants_;
    std::unique_ptr<api::AuthorisedBroker> authorised_;
    std::unique_ptr<api::AuditedBroker> audited_;
    std::unique_ptr<sinks::FunctionHost> functions_;
    std::unique_ptr<sinks::observed::Observer> observer_;
    std::unique_ptr<dispatcher::Dispatcher> dispatcher_;
    std::unique_ptr<plugins::ServerTls> tls_;  // nothing: no TLS
    std::unique_ptr<ServerFigures> figures_;
    // Without accounts' use: nobody asks the sys topic for it, and a look goes through all objects.
    std::unique_ptr<ServerFigures> sys_figures_;
    std::vector<std::unique_ptr<plugins::HttpFrontEnd>> front_ends_;
    std::unique_ptr<plugins::HttpServer> listener_;
    plugins::HttpServer* told_listener_ = nullptr;  // the same, for the thread of the sinks
    api::Quotas* told_quotas_ = nullptr;            // likewise
    api::AccountUses* told_uses_ = nullptr;         // likewise
    std::unique_ptr<plugins::TcpServer> tcp_;
    std::unique_ptr<plugins::sys::SysTopic> sys_topic_;
};

}  // namespace penstock

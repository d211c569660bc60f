#include "sinks/all.h"

#include "sinks/http/http_sink.h"
#include "sinks/lua/lua_pools.h"
#include "sinks/lua/stage.h"
#include "sinks/process/exec_sink.h"
#include "sinks/process/runtime_sink.h"
#include "sinks/process/worker_http_sink.h"
#include "sinks/process/worker_sink.h"
#include "sinks/queue/queue_sink.h"
#include "sinks/worker/envelope.h"

#include <utility>

namespace penstock::sinks {

namespace {

client::ClientOptions client_options(const SinkOptions& options) {
    client::ClientOptions client;
    client.ca_file = options.ca_file;
    client.client_cert = options.client_cert;
    client.client_key = options.client_key;
    client.proxy = options.proxy;
    client.http2 = options.http2;
    client.networks = options.allow_networks;
    client.addresses =
        options.allow_private ? client::AddressPolicy::any : client::AddressPolicy::public_only;
    return client;
}

}  // namespace

Result<Sinks> make_sinks(const boost::asio::any_io_executor& executor,
                         const Clock& clock,
                         Random& random,
                         api::Dispatch& dispatch,
                         FunctionHost& functions,
                         const SinkOptions& options) {
    http::HttpSinkOptions http_options;
    http_options.identity = options.identity;
    http_options.secrets = options.secrets;
    http_options.client = client_options(options);
    auto resolver = std::make_unique<client::PoolResolver>(executor, clock);
    auto http =
        http::HttpSink::make(executor, clock, random, std::move(resolver), std::move(http_options));
    if (!http) return http.error();

    const worker::Workshop workshop{
        executor, clock, random, functions.launcher, functions.log_book, {}};
    const lua::LuaOptions lua_options{{options.lua_program, options.sandbox},
                                      client_options(options)};
    auto scripts = lua::LuaPools::make(workshop, dispatch, lua_options);
    if (!scripts) return scripts.error();

    process::ProcessOptions process;
    process.allowed = options.allow_processes;
    process.profile = options.sandbox;
    process.environment = worker::inherited_environment();
    const process::RuntimeSinkOptions runtime{{options.identity.topic_owner, false}, process};

    const process::WorkerHttpOptions worker_http{process, options.identity};
    auto http_workers = process::make_worker_http_sink(workshop, worker_http);
    if (!http_workers) return http_workers.error();

    Sinks sinks;
    sinks.emplace(model::SinkKind::http, std::move(*http));
    sinks.emplace(model::SinkKind::queue, std::make_unique<queue::QueueSink>(executor, dispatch));
    sinks.emplace(model::SinkKind::exec, std::make_unique<process::ExecSink>(workshop, process));
    sinks.emplace(model::SinkKind::worker, process::make_worker_sink(workshop, process));
    sinks.emplace(model::SinkKind::worker_http, std::move(*http_workers));
    sinks.emplace(model::SinkKind::runtime, process::make_runtime_sink(workshop, runtime));
    sinks.emplace(model::SinkKind::lua, std::make_unique<lua::LuaSink>(*scripts));
    return lua::stage_all(std::move(sinks), *scripts);
}

}  // namespace penstock::sinks

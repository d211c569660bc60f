// LuaPools: everything that Lua needs here, made once: the pools of handlers, the pools of filters
// and transforms, and the HTTP client that carries out ctx.http. LuaSink and StagedSink share it.
// On the thread of the workshop's executor; failures are outcomes.
#pragma once

#include "broker/base/error.h"
#include "sinks/client/http_client.h"
#include "sinks/client/resolver.h"
#include "sinks/lua/lua_contract.h"
#include "sinks/sink.h"
#include "sinks/worker/pool_set.h"

#include <memory>

namespace penstock::sinks::lua {

struct LuaOptions {
    LuaProgram program;
    client::ClientOptions client;  // the address guard is the webhooks' own
};

class LuaPools {
  public:
    // `dispatch` outlives it. Error{invalid}: the CA file cannot be used.
    static Result<std::shared_ptr<LuaPools>> make(const worker::Workshop& workshop,
                                                  api::Dispatch& dispatch,
                                                  const LuaOptions& options);

    LuaPools(const worker::Workshop& workshop,
             api::Dispatch& dispatch,
             const LuaProgram& program,
             std::unique_ptr<client::Resolver> resolver,
             std::unique_ptr<client::HttpClient> http);

    // A message for the subscription's handler.
    void handle(worker::Job job) { handlers_.deliver(std::move(job)); }

    // A message for its filter or transform, as the job's role says.
    void stage(worker::Job job) { stages_.deliver(std::move(job)); }

    void forget(model::SubscriptionNo subscription);

    // Finishes everything as not attempted. May be called again.
    void stop();

  private:
    std::unique_ptr<client::Resolver> resolver_;
    std::unique_ptr<client::HttpClient> http_;
    worker::PoolSet handlers_;
    worker::PoolSet stages_;
    bool stopped_ = false;
};

// The sink of kind lua.
class LuaSink final : public Sink {
  public:
    explicit LuaSink(std::shared_ptr<LuaPools> pools) : pools_(std::move(pools)) {}

    void deliver(const api::Target& target, const api::Delivery& delivery, Done done) override;

    void forget(const api::Target& target) override { pools_->forget(target.subscription); }

    void stop() override { pools_->stop(); }

  private:
    std::shared_ptr<LuaPools> pools_;
};

}  // namespace penstock::sinks::lua

#include "sinks/lua/lua_pools.h"

#include <utility>

namespace penstock::sinks::lua {

Result<std::shared_ptr<LuaPools>> LuaPools::make(const worker::Workshop& workshop,
                                                 api::Dispatch& dispatch,
                                                 const LuaOptions& options) {
    auto resolver = std::make_unique<client::PoolResolver>(workshop.executor, workshop.clock);
    auto http =
        client::HttpClient::make(workshop.executor, workshop.clock, *resolver, options.client);
    if (!http) return http.error();
    return std::make_shared<LuaPools>(
        workshop, dispatch, options.program, std::move(resolver), std::move(*http));
}

LuaPools::LuaPools(const worker::Workshop& workshop,
                   api::Dispatch& dispatch,
                   const LuaProgram& program,
                   std::unique_ptr<client::Resolver> resolver,
                   std::unique_ptr<client::HttpClient> http)
    : resolver_(std::move(resolver)),
      http_(std::move(http)),
      handlers_(workshop,
                std::make_unique<LuaContract>(
                    LuaSurroundings{workshop.executor, workshop.clock, *http_, dispatch},
                    LuaDuty::handler,
                    program)),
      stages_(workshop,
              std::make_unique<LuaContract>(
                  LuaSurroundings{workshop.executor, workshop.clock, *http_, dispatch},
                  LuaDuty::stage,
                  program)) {}

void LuaPools::forget(model::SubscriptionNo subscription) {
    handlers_.forget(subscription);
    stages_.forget(subscription);
}

void LuaPools::stop() {
    if (std::exchange(stopped_, true)) return;
    handlers_.stop();
    stages_.stop();
    http_->stop();
}

void LuaSink::deliver(const api::Target& target, const api::Delivery& delivery, Done done) {
    worker::Job job;
    job.target = &target;
    job.delivery = &delivery;
    job.done = [done = std::move(done)](worker::Outcome outcome) {
        done(std::move(outcome.result));
    };
    pools_->handle(std::move(job));
}

}  // namespace penstock::sinks::lua

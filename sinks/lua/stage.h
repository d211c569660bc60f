// StagedSink: any other sink with a subscription's filter and transform in front of it. Without
// such scripts a delivery passes straight through. A filter that says false discards; a transform's
// result is the body that the inner sink is given; what fails in them is the delivery's result.
// What they publish or store goes along with the inner sink's success. Owned by the dispatcher, on
// its thread.
//
// A queue subscription is fed by reference, which cannot carry a new body: then the result is an
// output to that queue, committed with the acknowledgement.
#pragma once

#include "sinks/lua/lua_pools.h"
#include "sinks/sink.h"
#include "sinks/worker/conversation.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

namespace penstock::sinks::lua {

class StagedSink final : public Sink {
  public:
    StagedSink(std::unique_ptr<Sink> inner, std::shared_ptr<LuaPools> pools)
        : inner_(std::move(inner)), pools_(std::move(pools)) {}

    void deliver(const api::Target& target, const api::Delivery& delivery, Done done) override;

    // Each passes the scripts by itself; what is left goes on as one batch when all have.
    void deliver_batch(const api::Target& target, Batch batch, BatchDone done) override;
    void forget(const api::Target& target) override;
    void stop() override;

  private:
    using Number = std::uint64_t;

    // A batch on its way through the scripts.
    struct Group {
        const api::Target* target = nullptr;
        std::vector<AttemptResult> results;
        std::size_t in_scripts = 0;  // of its deliveries
        std::size_t unfinished = 0;  // of its deliveries
        std::vector<Number> passed;  // go on to the inner sink
        BatchDone done;
    };

    // A delivery on its way through the scripts.
    struct Passage {
        const api::Target* target = nullptr;
        const api::Delivery* delivery = nullptr;  // as it came
        api::Delivery changed;                    // what goes on once a transform has answered
        bool transformed = false;
        std::uint32_t version = 0;  // of the last script that answered
        api::HandlerEffects effects;
        std::shared_ptr<Group> group;  // while it is in the scripts; nullptr: it goes by itself
        Done done;
    };

    Number begin(const api::Target& target, const api::Delivery& delivery, Done done);
    void enter(Number number);
    void leave(Group& group);
    void filter(Number number);
    void transform(Number number);
    void pass_on(Number number);
    void ask(Number number, std::string_view role);
    void on_filtered(Number number, worker::Outcome outcome);
    void on_transformed(Number number, worker::Outcome outcome);
    void output_to_queue(Number number);
    void finish(Number number, AttemptResult result);

    std::unique_ptr<Sink> inner_;
    std::shared_ptr<LuaPools> pools_;
    std::map<Number, Passage> passages_;  // at most what the dispatcher has in flight
    Number last_number_ = 0;
};

// Puts the stage in front of every sink.
Sinks stage_all(Sinks sinks, const std::shared_ptr<LuaPools>& pools);

}  // namespace penstock::sinks::lua

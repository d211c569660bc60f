// RuntimeSink's parts: the contract of kind `runtime` (a folder with an executable `bootstrap` that
// speaks the Lambda or the SCF runtime API) and the conversation with one such process, which has a
// listener of its own. On the pool's thread; what goes wrong is an Outcome or Opening's error.
//
// With a batch, what waits when a `next` opens goes out as one invocation of several messages;
// nothing is waited for.
#pragma once

#include "sinks/process/process_order.h"
#include "sinks/process/runtime_event.h"
#include "sinks/process/runtime_listener.h"
#include "sinks/worker/conversation.h"
#include "sinks/worker/output_tap.h"
#include "sinks/worker/pool_set.h"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks::process {

struct RuntimeSinkOptions {
    RuntimeOptions shown;
    ProcessOptions process;  // `folder` aside: it is the function's own
};

// A Sink for SubscriptionSpecs of kind runtime.
std::unique_ptr<Sink> make_runtime_sink(const worker::Workshop& workshop,
                                        const RuntimeSinkOptions& options);

class RuntimeContract final : public worker::Contract {
  public:
    // `clock` outlives it.
    RuntimeContract(boost::asio::any_io_executor executor,
                    const Clock& clock,
                    RuntimeSinkOptions options)
        : executor_(std::move(executor)), clock_(clock), options_(std::move(options)) {}

    Result<worker::ProcessOrder> order(const api::Target& target) override;
    Result<worker::Opening> open(const api::Target& target, worker::Host& host) override;

    // Several messages may share an invocation.
    [[nodiscard]] std::uint32_t window(const api::Target& target) const override {
        return target.spec.function.window * target.spec.function.batch;
    }

  private:
    boost::asio::any_io_executor executor_;
    const Clock& clock_;
    RuntimeSinkOptions options_;
};

class RuntimeConversation final : public worker::Conversation, private RuntimeListener::Owner {
  public:
    using Ticket = worker::Host::Ticket;

    // Takes the read ends over. `host`, `clock` outlive it.
    RuntimeConversation(const boost::asio::any_io_executor& executor,
                        const Clock& clock,
                        worker::Host& host,
                        const api::Target& target,
                        const RuntimeOptions& options,
                        int stdout_file,
                        int stderr_file);
    ~RuntimeConversation() override;

    // Error{unavailable}: no port.
    Result<std::uint16_t> listen(const boost::asio::any_io_executor& executor, std::uint32_t user);

    void offer(Ticket ticket, const worker::Job& job) override;
    void flush() override;
    [[nodiscard]] bool has_room() const override;

    [[nodiscard]] bool has_seen(Ticket ticket) const override { return seen_.count(ticket) > 0; }

    void cancel(Ticket ticket) override;

    void end_input() override {}

    void drain_output() override;
    void ended() override;

  private:
    struct Waiting {
        Ticket ticket = 0;
        const worker::Job* job = nullptr;
    };

    void invoke(std::vector<Waiting> batch);
    void on_answer(const std::vector<Ticket>& tickets,
                   const std::vector<std::string>& ids,
                   const RuntimeAnswer& answer);
    void on_runtime_ready() override;
    void on_runtime_init_error(RuntimeError error) override;

    const Clock& clock_;
    worker::Host& host_;
    RuntimeOptions options_;
    std::size_t window_;
    std::size_t batch_;
    std::shared_ptr<RuntimeListener> listener_;
    std::deque<Waiting> waiting_;
    std::set<Ticket> seen_;  // handed to the program and not answered
    worker::OutputTap stdout_;
    worker::OutputTap stderr_;
};

}  // namespace penstock::sinks::process

// The contract of kind `worker`: a pool of processes that speak JSON lines
// (sinks/worker/protocol.h) on standard input and output, answers in any order, optionally on
// descriptor 3; and the conversation with one such process. On the pool's thread; what goes wrong
// is an Outcome or the error of an Opening.
#pragma once

#include "sinks/process/process_order.h"
#include "sinks/process/worker_outcome.h"
#include "sinks/worker/conversation.h"
#include "sinks/worker/frame_link.h"
#include "sinks/worker/pool_set.h"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace penstock::sinks::process {

// A Sink for SubscriptionSpecs of kind worker.
std::unique_ptr<Sink> make_worker_sink(const worker::Workshop& workshop,
                                       const ProcessOptions& options);

class WorkerContract final : public worker::Contract {
  public:
    // `clock` outlives it.
    WorkerContract(boost::asio::any_io_executor executor,
                   const Clock& clock,
                   ProcessOptions options)
        : executor_(std::move(executor)), clock_(clock), options_(std::move(options)) {}

    Result<worker::ProcessOrder> order(const api::Target& target) override;
    Result<worker::Opening> open(const api::Target& target, worker::Host& host) override;

  private:
    boost::asio::any_io_executor executor_;
    const Clock& clock_;
    ProcessOptions options_;
};

class WorkerConversation final : public worker::Conversation, private worker::FrameLink::Listener {
  public:
    using Ticket = worker::Host::Ticket;

    // `clock` and `host` outlive it.
    WorkerConversation(const Clock& clock, worker::Host& host, const api::Target& target);

    // Makes the pipes; see FrameLink::open().
    Result<void> open(const boost::asio::any_io_executor& executor,
                      const worker::FrameLinkOptions& options,
                      std::vector<int>& files);

    void offer(Ticket ticket, const worker::Job& job) override;

    void flush() override { link_->flush(); }

    [[nodiscard]] bool has_room() const override { return link_->has_room(); }

    [[nodiscard]] bool has_seen(Ticket ticket) const override;
    void cancel(Ticket ticket) override;
    void end_input() override;

    void drain_output() override { link_->drain_output(); }

    void ended() override { link_->ended(); }

  private:
    // A message that was put into the pipe and not answered.
    struct Held {
        std::uint64_t position = 0;  // of its frame
        worker::Published published;
    };

    bool on_frame(std::string_view frame, worker::Heard heard) override;
    bool on_answer(Ticket ticket, worker::Heard& heard);
    bool on_publish(Ticket ticket, worker::Heard& heard);
    void on_text(std::string_view line);
    void close_if_done();

    void on_stderr(std::string_view line) override { host_.output("stderr", line); }

    void on_breach(std::string_view what) override { host_.breach(what); }

    void on_room() override { host_.room(); }

    const Clock& clock_;
    worker::Host& host_;
    std::string shown_name_;
    std::map<Ticket, Held> held_;
    bool ending_ = false;
    bool told_ignored_ = false;  // a line of an unknown type was logged
    std::unique_ptr<worker::FrameLink> link_;
};

}  // namespace penstock::sinks::process

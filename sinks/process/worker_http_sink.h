// The contract of kind `worker_http`: a supervised child that is an HTTP server on the port we give
// it in PORT or on the Unix socket named by PENSTOCK_SOCKET (the profile strict leaves only that),
// and the conversation with one such child. Pushes have the formats of webhooks and their answers
// mean the same. On the pool's thread; what goes wrong is an Outcome or the error of an Opening.
#pragma once

#include "sinks/client/http_client.h"
#include "sinks/http/push_request.h"
#include "sinks/process/process_order.h"
#include "sinks/process/socket_folder.h"
#include "sinks/worker/conversation.h"
#include "sinks/worker/output_tap.h"
#include "sinks/worker/pool_set.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string_view>

namespace penstock::sinks::process {

struct WorkerHttpOptions {
    ProcessOptions process;
    http::PushIdentity identity;  // as webhooks are shown it
};

// A Sink for SubscriptionSpecs of kind worker_http. Error{invalid}: no HTTP client can be made.
Result<std::unique_ptr<Sink>> make_worker_http_sink(const worker::Workshop& workshop,
                                                    const WorkerHttpOptions& options);

// What conversations are made of. All of it outlives them.
struct HttpSurroundings {
    boost::asio::any_io_executor executor;
    const Clock& clock;
    Random& random;
    client::HttpClient& http;
    http::PushIdentity identity;
    bool has_port = true;  // false: the sandbox keeps the network from its children
};

class WorkerHttpContract final : public worker::Contract {
  public:
    WorkerHttpContract(const worker::Workshop& workshop,
                       const WorkerHttpOptions& options,
                       std::unique_ptr<client::Resolver> resolver,
                       std::unique_ptr<client::HttpClient> http);
    ~WorkerHttpContract() override;

    Result<worker::ProcessOrder> order(const api::Target& target) override;
    Result<worker::Opening> open(const api::Target& target, worker::Host& host) override;

    void stop() override { http_->stop(); }

    [[nodiscard]] std::string_view readiness() const override;

    // The form of a push is made once for a process.
    [[nodiscard]] bool same_process(const api::Target& old, const api::Target& now) const override {
        return Contract::same_process(old, now) && old.spec.format == now.spec.format &&
               old.spec.pace.outputs == now.spec.pace.outputs;
    }

  private:
    ProcessOptions options_;
    std::unique_ptr<client::Resolver> resolver_;
    std::unique_ptr<client::HttpClient> http_;
    HttpSurroundings world_;
};

class WorkerHttpConversation final : public worker::Conversation {
  public:
    using Ticket = worker::Host::Ticket;

    // Takes the read ends over; begins to ask whether the child accepts connections.
    WorkerHttpConversation(const HttpSurroundings& surroundings,
                           worker::Host& host,
                           http::PushRequest request,
                           std::unique_ptr<SocketFolder> socket,
                           int stdout_file,
                           int stderr_file);
    ~WorkerHttpConversation() override;

    void offer(Ticket ticket, const worker::Job& job) override;

    void flush() override {}

    [[nodiscard]] bool has_room() const override { return true; }

    [[nodiscard]] bool has_seen(Ticket) const override { return true; }

    void cancel(Ticket ticket) override { cancelled_.insert(ticket); }

    void end_input() override {}

    void drain_output() override;
    void ended() override;

  private:
    void knock();
    void knock_at_socket();
    void knock_again();
    void opened();
    void on_exchange(Ticket ticket, const client::Exchange& exchange);
    void doubt(Ticket ticket, AttemptResult result);
    void settle_soon();
    void finish(Ticket ticket, AttemptResult result);

    HttpSurroundings world_;
    worker::Host& host_;
    http::PushRequest request_;
    std::unique_ptr<SocketFolder> socket_;
    boost::asio::generic::stream_protocol::socket knocking_;
    boost::asio::steady_timer knock_timer_;
    boost::asio::steady_timer doubt_timer_;
    std::map<Ticket, AttemptResult> doubts_;  // lost connections: did the child crash?
    bool takes_connections_ = true;
    std::set<Ticket> cancelled_;
    worker::OutputTap stdout_;
    worker::OutputTap stderr_;
    std::shared_ptr<WorkerHttpConversation*> self_;  // exchanges may end after our end
};

}  // namespace penstock::sinks::process

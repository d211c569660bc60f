#include "sinks/process/worker_http_sink.h"

#include "sinks/client/resolver.h"
#include "sinks/http/answer_outputs.h"
#include "sinks/http/classify.h"
#include "sinks/worker/envelope.h"
#include "sinks/worker/pipes.h"
#include "sinks/worker/wording.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <chrono>
#include <utility>

namespace penstock::sinks::process {

using boost::system::error_code;
using model::Failure;
using model::Verdict;
using tcp = boost::asio::ip::tcp;

namespace {

constexpr std::chrono::milliseconds knock_pause{25};
// A child that crashes loses its connections a moment before its end is told.
constexpr std::chrono::milliseconds doubt_time{200};
// The pool's deadline comes first, the client's only cleans up.
constexpr std::uint32_t client_slack_ms = 1'000;

// A port of the loopback interface that is free now. Another process may take it before the child
// does: then the child ends, and the next one gets another port.
Result<std::uint16_t> free_port(const boost::asio::any_io_executor& executor) {
    error_code ec;
    tcp::acceptor acceptor(executor);
    acceptor.open(tcp::v4(), ec);
    if (!ec) acceptor.bind(tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0), ec);
    if (ec) return error(Errc::unavailable, "no free port: " + ec.message());
    const std::uint16_t port = acceptor.local_endpoint(ec).port();
    if (ec) return error(Errc::unavailable, "no free port: " + ec.message());
    return port;
}

}  // namespace

Result<std::unique_ptr<Sink>> make_worker_http_sink(const worker::Workshop& workshop,
                                                    const WorkerHttpOptions& options) {
    client::ResolverOptions resolver_options;
    resolver_options.threads = 1;  // an address needs none at all
    resolver_options.slow_threads = 1;
    auto resolver =
        std::make_unique<client::PoolResolver>(workshop.executor, workshop.clock, resolver_options);
    client::ClientOptions client_options;
    client_options.addresses = client::AddressPolicy::any;  // it only ever asks our own children
    auto http = client::HttpClient::make(
        workshop.executor, workshop.clock, *resolver, std::move(client_options));
    if (!http) return http.error();
    auto contract = std::make_unique<WorkerHttpContract>(
        workshop, options, std::move(resolver), std::move(*http));
    std::unique_ptr<Sink> sink = std::make_unique<worker::PoolSink>(workshop, std::move(contract));
    return sink;
}

WorkerHttpContract::WorkerHttpContract(const worker::Workshop& workshop,
                                       const WorkerHttpOptions& options,
                                       std::unique_ptr<client::Resolver> resolver,
                                       std::unique_ptr<client::HttpClient> http)
    : options_(options.process),
      resolver_(std::move(resolver)),
      http_(std::move(http)),
      world_{workshop.executor,
             workshop.clock,
             workshop.random,
             *http_,
             options.identity,
             options.process.profile != worker::SandboxProfile::strict} {}

WorkerHttpContract::~WorkerHttpContract() = default;

Result<worker::ProcessOrder> WorkerHttpContract::order(const api::Target& target) {
    Result<worker::ProcessOrder> order = process_order(target, options_);
    if (!order) return order;
    for (std::string& one : worker::subscription_environment(target)) {
        order->environment.push_back(std::move(one));
    }
    return order;
}

Result<worker::Opening> WorkerHttpContract::open(const api::Target& target, worker::Host& host) {
    const auto port = free_port(world_.executor);
    if (!port) return port.error();
    api::Target pushed = target;
    pushed.spec.endpoint = "http://127.0.0.1:" + std::to_string(*port) + "/";
    Result<http::PushRequest> request = http::PushRequest::make(pushed, world_.identity);
    if (!request) return request.error();
    const bool own_user = options_.profile != worker::SandboxProfile::none;
    auto socket = SocketFolder::make(own_user ? worker::user_of(target.subscription.value) : 0);
    if (!socket) return socket.error();
    const std::string path = (*socket)->socket();
    const std::string folder = (*socket)->path();
    const auto files = worker::make_output_files();
    if (!files) return files.error();
    worker::Opening opening;
    opening.conversation = std::make_unique<WorkerHttpConversation>(world_,
                                                                    host,
                                                                    std::move(*request),
                                                                    std::move(*socket),
                                                                    files->out.read_end,
                                                                    files->err.read_end);
    opening.files = {files->null, files->out.write_end, files->err.write_end};
    opening.environment = {"PENSTOCK_SOCKET=" + path};
    if (world_.has_port) opening.environment.push_back("PORT=" + std::to_string(*port));
    opening.writable = {folder};
    return opening;
}

std::string_view WorkerHttpContract::readiness() const {
    return world_.has_port
               ? "it must accept connections on 127.0.0.1 at the port in PORT or at the "
                 "Unix socket in PENSTOCK_SOCKET"
               : "the sandbox profile strict has no network, it must accept connections "
                 "at the Unix socket in PENSTOCK_SOCKET";
}

WorkerHttpConversation::WorkerHttpConversation(const HttpSurroundings& surroundings,
                                               worker::Host& host,
                                               http::PushRequest request,
                                               std::unique_ptr<SocketFolder> socket,
                                               int stdout_file,
                                               int stderr_file)
    : world_(surroundings),
      host_(host),
      request_(std::move(request)),
      socket_(std::move(socket)),
      knocking_(surroundings.executor),
      knock_timer_(surroundings.executor),
      doubt_timer_(surroundings.executor),
      stdout_(surroundings.executor,
              stdout_file,
              [this](std::string_view line) { host_.output("stdout", line); }),
      stderr_(surroundings.executor,
              stderr_file,
              [this](std::string_view line) { host_.output("stderr", line); }),
      self_(std::make_shared<WorkerHttpConversation*>(this)) {
    knock_again();
}

WorkerHttpConversation::~WorkerHttpConversation() {
    world_.http.forget(request_.url());
}

// ---- until it is ready; the pool ends a child that is not in time -------------------------------

void WorkerHttpConversation::knock_again() {
    error_code ignored;
    knocking_.close(ignored);
    knock_timer_.expires_after(knock_pause);
    knock_timer_.async_wait(
        [self = std::weak_ptr<WorkerHttpConversation*>(self_)](const error_code& ec) {
            const auto conversation = self.lock();
            if (!ec && conversation) (*conversation)->knock();
        });
}

void WorkerHttpConversation::knock() {
    // Who listens at the port would be somebody else.
    if (!world_.has_port) return knock_at_socket();
    const tcp::endpoint door(boost::asio::ip::address_v4::loopback(), request_.url().port);
    knocking_.async_connect(
        door, [self = std::weak_ptr<WorkerHttpConversation*>(self_)](const error_code& ec) {
            const auto conversation = self.lock();
            if (!conversation || ec == boost::asio::error::operation_aborted) return;
            if (ec) return (*conversation)->knock_at_socket();
            (*conversation)->opened();
        });
}

// A child that opens its socket rather than the port.
void WorkerHttpConversation::knock_at_socket() {
    error_code ignored;
    knocking_.close(ignored);
    const boost::asio::local::stream_protocol::endpoint door(socket_->socket());
    knocking_.async_connect(
        door, [self = std::weak_ptr<WorkerHttpConversation*>(self_)](const error_code& ec) {
            const auto conversation = self.lock();
            if (!conversation || ec == boost::asio::error::operation_aborted) return;
            if (ec) return (*conversation)->knock_again();
            (*conversation)->request_.send_to_socket((*conversation)->socket_->socket());
            (*conversation)->opened();
        });
}

void WorkerHttpConversation::opened() {
    error_code ignored;
    knocking_.close(ignored);
    host_.ready();
}

// ---- messages
// ------------------------------------------------------------------------------------

void WorkerHttpConversation::offer(Ticket ticket, const worker::Job& job) {
    client::Outgoing request =
        request_.fill(*job.delivery, world_.random.next() >> 1, world_.clock.wall_ms());
    request.timeout_ms = job.target->spec.timeout_ms + client_slack_ms;
    // The message may be finished, and gone, before the exchange is.
    const auto body = std::make_shared<const std::string>(request.body);
    request.body = *body;
    world_.http.send(request_.url(),
                     std::move(request),
                     [ticket, body, self = std::weak_ptr<WorkerHttpConversation*>(self_)](
                         const client::Exchange& exchange) {
                         const auto conversation = self.lock();
                         if (conversation) (*conversation)->on_exchange(ticket, exchange);
                     });
}

void WorkerHttpConversation::on_exchange(Ticket ticket, const client::Exchange& exchange) {
    AttemptResult result = http::classify(exchange, world_.clock.wall_ms());
    if (request_.outputs()) http::take_outputs(exchange, result);
    if (cancelled_.erase(ticket) > 0 && exchange.ending != client::Ending::answered) {
        result.verdict = Verdict::not_attempted;
        return finish(ticket, std::move(result));
    }
    if (exchange.ending == client::Ending::reset) return doubt(ticket, std::move(result));
    if (exchange.ending == client::Ending::refused) {
        result.verdict = Verdict::not_attempted;
        result.failure = Failure::no_worker;
        takes_connections_ = false;
        settle_soon();
    }
    if (result.excerpt.empty() && result.verdict != Verdict::accepted) {
        result.excerpt = "answered with status " + std::to_string(result.status);
    }
    finish(ticket, std::move(result));
}

void WorkerHttpConversation::finish(Ticket ticket, AttemptResult result) {
    worker::Outcome outcome;
    outcome.result = std::move(result);
    host_.finish(ticket, std::move(outcome));
}

// Was the connection lost because the child crashed? Then the pool will say so.
void WorkerHttpConversation::doubt(Ticket ticket, AttemptResult result) {
    doubts_[ticket] = std::move(result);
    settle_soon();
}

// The child lives on if it has not ended by then.
void WorkerHttpConversation::settle_soon() {
    doubt_timer_.expires_after(doubt_time);
    doubt_timer_.async_wait(
        [self = std::weak_ptr<WorkerHttpConversation*>(self_)](const error_code& ec) {
            const auto conversation = self.lock();
            if (ec || !conversation) return;
            for (auto& [late, lost] : std::exchange((*conversation)->doubts_, {})) {
                (*conversation)->finish(late, std::move(lost));
            }
            if ((*conversation)->takes_connections_) return;
            (*conversation)->host_.breach("it takes no connections any more");
        });
}

void WorkerHttpConversation::drain_output() {
    stdout_.drain();
    stderr_.drain();
}

void WorkerHttpConversation::ended() {
    error_code ignored;
    knocking_.close(ignored);
    knock_timer_.cancel();
    doubt_timer_.cancel();
    stdout_.end();
    stderr_.end();
    self_.reset();
}

}  // namespace penstock::sinks::process

#include "sinks/process/runtime_listener.h"

#include "broker/base/check.h"
#include "sinks/process/peer_user.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace penstock::sinks::process {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

constexpr auto accept_pause = std::chrono::milliseconds(100);  // after one that failed

RuntimeAnswer answer_of(RuntimeRequest request) {
    RuntimeAnswer answer;
    answer.ok = request.call.kind == RuntimeCall::Kind::response && !request.too_long;
    if (answer.ok) {
        answer.body = std::move(request.body);
    } else if (request.too_long) {
        answer.error.type = "Function.ResponseSizeTooLarge";
        answer.error.message = "the answer is larger than 6 MiB";
    } else {
        answer.error = parse_runtime_error(request.body, request.error_type);
    }
    return answer;
}

}  // namespace

Result<std::shared_ptr<RuntimeListener>> RuntimeListener::open(asio::any_io_executor executor,
                                                               Owner& owner,
                                                               std::size_t window,
                                                               std::uint32_t user) {
    tcp::acceptor acceptor(std::move(executor));
    ErrorCode ec;
    acceptor.open(tcp::v4(), ec);
    if (!ec) acceptor.bind(tcp::endpoint(asio::ip::address_v4::loopback(), 0), ec);
    if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) {
        return error(Errc::unavailable, "no port for the runtime API: " + ec.message());
    }
    if (!peer_user({asio::ip::address_v4::any(), 0}, acceptor.local_endpoint())) {
        return error(Errc::unavailable,
                     "the kernel does not tell whose a connection is (sock_diag), so anyone could "
                     "take messages from the runtime API: load its module tcp_diag");
    }
    auto listener = std::make_shared<RuntimeListener>(std::move(acceptor), owner, window, user);
    listener->accept();
    return listener;
}

RuntimeListener::RuntimeListener(tcp::acceptor acceptor,
                                 Owner& owner,
                                 std::size_t window,
                                 std::uint32_t user)
    : acceptor_(std::move(acceptor)),
      accept_timer_(acceptor_.get_executor()),
      owner_(&owner),
      window_(window),
      user_(user),
      port_(acceptor_.local_endpoint().port()) {}

void RuntimeListener::stop() {
    owner_ = nullptr;
    ErrorCode ignored;  // a listener that cannot be closed accepts nothing either
    acceptor_.close(ignored);
    accept_timer_.cancel();
    for (const auto& [number, session] : sessions_) session->close();
    sessions_.clear();
    lambda_waits_.clear();
    scf_waits_.clear();
    flights_.clear();
    scf_current_.clear();
}

void RuntimeListener::accept() {
    acceptor_.async_accept([self = shared_from_this()](const ErrorCode& ec, tcp::socket socket) {
        if (self->owner_ != nullptr) self->on_accepted(ec, std::move(socket));
    });
}

void RuntimeListener::on_accepted(const ErrorCode& ec, tcp::socket socket) {
    if (ec) {
        // Out of descriptors, most likely: the pause keeps the loop from spinning.
        accept_timer_.expires_after(accept_pause);
        return accept_timer_.async_wait([self = shared_from_this()](const ErrorCode& cancelled) {
            if (self->owner_ != nullptr && !cancelled) self->accept();
        });
    }
    if (welcome(socket)) {
        ErrorCode ignored;  // only a little slower without it
        socket.set_option(tcp::no_delay(true), ignored);
        const Number number = ++last_number_;
        RuntimeSession::Owner& self = *this;
        auto session = std::make_shared<RuntimeSession>(std::move(socket), self, number);
        sessions_.emplace(number, session);
        session->start();
    }
    accept();
}

// Not known whose it is: it is closed already, or the server is out of descriptors.
bool RuntimeListener::welcome(const tcp::socket& socket) const {
    if (sessions_.size() >= window_ + runtime_connections_spare) return false;
    ErrorCode here;
    ErrorCode there;
    const auto ours = socket.local_endpoint(here);
    const auto theirs = socket.remote_endpoint(there);
    return !here && !there && peer_user(ours, theirs) == user_;
}

std::size_t RuntimeListener::room() const {
    const std::size_t free = window_ - std::min(window_, flights_.size());
    const bool scf = !scf_waits_.empty() && scf_current_.empty();
    return std::min(free, lambda_waits_.size() + (scf ? 1 : 0));
}

void RuntimeListener::offer(const RuntimeInvocation& invocation, Done done) {
    check(room() > 0, "an invocation needs an open next");
    const bool lambda = !lambda_waits_.empty();
    const RuntimeFamily family = lambda ? RuntimeFamily::lambda : RuntimeFamily::scf;
    std::string answer = next_answer(family, invocation.head, invocation.render(family));
    Flight& flight = flights_[invocation.head.request_id];
    check(!flight.done, "request ids are unique");
    flight.done = std::move(done);
    if (lambda) {
        RuntimeSession& session = *sessions_.at(lambda_waits_.front());
        lambda_waits_.pop_front();
        return session.answer(std::move(answer));
    }
    flight.scf_answer = std::move(answer);
    scf_current_ = invocation.head.request_id;
    for (const Number number : std::exchange(scf_waits_, {})) {
        sessions_.at(number)->answer(flight.scf_answer);
    }
}

void RuntimeListener::on_request(RuntimeSession& session, RuntimeRequest request) {
    switch (request.call.kind) {
        case RuntimeCall::Kind::next:
            return on_next(session, request.call.family);
        case RuntimeCall::Kind::response:
        case RuntimeCall::Kind::error:
            return on_outcome(session, std::move(request));
        case RuntimeCall::Kind::ready:
            session.answer(accepted_answer());
            return owner_->on_runtime_ready();
        case RuntimeCall::Kind::init_error:
            session.answer(accepted_answer());
            return owner_->on_runtime_init_error(
                parse_runtime_error(request.body, request.error_type));
        case RuntimeCall::Kind::unknown:
            return session.answer(refused_answer(
                404, "NotFound", "neither the Lambda nor the SCF runtime API has this path"));
    }
}

void RuntimeListener::on_next(RuntimeSession& session, RuntimeFamily family) {
    if (family == RuntimeFamily::scf && !scf_current_.empty()) {
        return session.answer(flights_.at(scf_current_).scf_answer);
    }
    (family == RuntimeFamily::scf ? scf_waits_ : lambda_waits_).push_back(session.number());
    owner_->on_runtime_ready();
}

RuntimeListener::Flights::iterator RuntimeListener::find_flight(const RuntimeCall& call) {
    const bool outcome =
        call.kind == RuntimeCall::Kind::response || call.kind == RuntimeCall::Kind::error;
    if (!outcome) return flights_.end();
    return flights_.find(call.family == RuntimeFamily::scf ? scf_current_ : call.id);
}

std::uint64_t RuntimeListener::body_bytes_max(RuntimeSession& session, const RuntimeCall& call) {
    // One long body at a time for each invocation: more is only memory that a program makes us use.
    const auto flight = find_flight(call);
    if (flight == flights_.end() || flight->second.reader != 0) return runtime_other_bytes_max;
    flight->second.reader = session.number();
    return runtime_answer_bytes_max;
}

void RuntimeListener::on_outcome(RuntimeSession& session, RuntimeRequest request) {
    const auto found = find_flight(request.call);
    if (found == flights_.end()) {
        return session.answer(
            request.call.family == RuntimeFamily::scf
                ? refused_answer(400, "InvalidState", "no invocation waits for an answer")
                : refused_answer(400, "InvalidRequestID", "no invocation with this id waits"));
    }
    if (request.too_long) {
        session.answer(refused_answer(413, "RequestEntityTooLarge", "an answer has at most 6 MiB"));
        if (found->second.reader != session.number()) return;
    } else {
        session.answer(accepted_answer());
    }
    auto flight = flights_.extract(found);
    if (flight.key() == scf_current_) scf_current_.clear();
    flight.mapped().done(answer_of(std::move(request)));
}

void RuntimeListener::on_closed(RuntimeSession& session) {
    std::erase(lambda_waits_, session.number());
    std::erase(scf_waits_, session.number());
    for (auto& [id, flight] : flights_) {
        if (flight.reader == session.number()) flight.reader = 0;
    }
    sessions_.erase(session.number());
}

}  // namespace penstock::sinks::process

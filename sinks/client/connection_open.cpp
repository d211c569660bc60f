// How a Connection comes to be: addresses, guard, connect, TLS.
#include "sinks/client/connection.h"
#include "sinks/client/ending.h"
#include "sinks/client/tls_greeting.h"

#include <boost/asio/local/stream_protocol.hpp>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace penstock::sinks::client {
namespace {

constexpr std::chrono::milliseconds knock_pause{5};
constexpr std::int64_t address_us_least = 500'000;  // for one address while there are others

// ALPN (RFC 7301, 3.1): names behind their lengths, the dearest first.
constexpr unsigned char offer[] = {2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

bool chose_http2(const SSL* tls) {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    ::SSL_get0_alpn_selected(tls, &name, &size);
    return size == 2 && name[0] == 'h' && name[1] == '2';
}

Ending ending_of(Resolved::Ending ending) {
    return ending == Resolved::Ending::exhausted ? Ending::exhausted : Ending::name;
}

}  // namespace

void Connection::on_resolved(Resolved resolved) {
    if (resolved.ending != Resolved::Ending::found) {
        return fail(ending_of(resolved.ending), std::move(resolved.detail));
    }
    const ClientOptions& options = world_.options;
    const bool good = std::all_of(
        resolved.addresses.begin(), resolved.addresses.end(), [&options](const auto& address) {
            return allowed(options.addresses, options.networks, address);
        });
    // All of them, not the first that may be: a name that mixes is an attempt to slip through.
    if (!good) return fail(Ending::guarded, "an address of this host is not allowed");
    addresses_ = std::move(resolved.addresses);
    std::reverse(addresses_.begin(), addresses_.end());
    if (world_.proxy) return seek_proxy();
    begin_connecting();
}

void Connection::begin_connecting() {
    phase_ = Phase::connecting;
    const std::int64_t limit_us = std::int64_t{world_.options.connect_ms_max} * 1000;
    connect_end_us_ = std::min(job_->deadline_us, world_.clock.steady_us() + limit_us);
    put_silent_last();
    connect_next();
}

// What is tried last stands first.
void Connection::put_silent_last() {
    const auto& silent = world_.silent_until_us;
    if (silent.empty()) return;
    const std::int64_t now = world_.clock.steady_us();
    std::stable_partition(addresses_.begin(), addresses_.end(), [&](const auto& address) {
        const auto found = silent.find(address);
        return found != silent.end() && now < found->second;
    });
}

// When the next address has had its time: whoever never answers leaves some for those behind it.
std::int64_t Connection::address_end_us() const {
    const std::int64_t now = world_.clock.steady_us();
    const std::int64_t left_us = std::max<std::int64_t>(0, connect_end_us_ - now);
    const auto addresses = static_cast<std::int64_t>(addresses_.size());
    return now + std::max(left_us / addresses, std::min(left_us, address_us_least));
}

// The address had its time, and there are others and time for them.
bool Connection::passes_over() {
    if (addresses_.empty()) return false;
    const std::int64_t now = world_.clock.steady_us();
    auto& silent = world_.silent_until_us;
    if (silent.size() >= silent_addresses_max) silent.clear();
    silent[address_] = now + silent_address_us;
    return now < connect_end_us_;
}

void Connection::connect_next() {
    const std::uint16_t port = world_.proxy ? world_.proxy->port : origin_.port;
    arm(address_end_us());
    address_ = addresses_.back();
    addresses_.pop_back();
    const asio::ip::tcp::endpoint endpoint(address_, port);
    if (!world_.proxy) target_ = shown(endpoint);
    ErrorCode ec;
    transport_->socket.close(ec);
    transport_->socket.open(endpoint.protocol(), ec);
    // A system without IPv6 has other addresses.
    if (ec && !addresses_.empty()) return connect_next();
    if (ec) return fail(Ending::exhausted, "no socket: " + ec.message());
    transport_->socket.async_connect(
        endpoint, [self = shared_from_this(), number = ++tries_](const ErrorCode& failed) {
            // Of one that was passed over nothing more is of interest.
            if (self->phase_ == Phase::connecting && number == self->tries_)
                self->on_connected(failed);
        });
}

// A server of this machine: there is nothing to resolve and no address to judge.
void Connection::connect_socket() {
    phase_ = Phase::connecting;
    const std::int64_t limit_us = std::int64_t{world_.options.connect_ms_max} * 1000;
    arm(std::min(job_->deadline_us, world_.clock.steady_us() + limit_us));
    target_ = origin_.socket;
    ErrorCode ec;
    transport_->socket.open(asio::local::stream_protocol(), ec);
    if (!ec) transport_->socket.native_non_blocking(true, ec);
    if (ec) return fail(Ending::exhausted, "no socket: " + ec.message());
    try_socket();
}

// A server whose queue is full refuses for the moment and cannot be waited for; Asio would take the
// connection for made.
void Connection::try_socket() {
    const asio::local::stream_protocol::endpoint door(origin_.socket);
    const auto size = static_cast<socklen_t>(door.size());
    const int failed =
        ::connect(transport_->socket.native_handle(), door.data(), size) == 0 ? 0 : errno;
    knock_timer_.expires_after(failed == EAGAIN ? knock_pause : std::chrono::milliseconds(0));
    knock_timer_.async_wait([self = shared_from_this(), failed](const ErrorCode&) {
        if (self->phase_ != Phase::connecting) return;
        if (failed == EAGAIN) return self->try_socket();
        self->on_connected(ErrorCode(failed, boost::system::system_category()));
    });
}

void Connection::on_connected(const ErrorCode& ec) {
    if (ec && !addresses_.empty()) return connect_next();
    const bool proxied = world_.proxy && origin_.socket.empty();
    if (ec && proxied)
        return fail(Ending::exhausted, "no connection to the proxy: " + ec.message());
    if (ec) return fail(ending_of_connect(ec), "cannot connect: " + ec.message());
    ErrorCode ignored;  // without it the connection is only slower
    transport_->socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    if (proxied) return ask_for_tunnel();
    on_open();
}

void Connection::on_open() {
    opened_us_ = world_.clock.steady_us();
    if (origin_.scheme == Scheme::https) return handshake();
    begin();
}

void Connection::begin() {
    owner_.on_http1(*this);
    begin_exchange();
}

void Connection::hand_over() {
    Opened opened{std::move(transport_), target_, opened_us_};
    std::unique_ptr<Job> job = close();
    owner_.on_http2(*this, std::move(opened), std::move(job));
}

void Connection::handshake() {
    phase_ = Phase::handshaking;
    TlsIdentity& identity = origin_.tls ? *origin_.tls : world_.tls.own();
    auto& tls = transport_->tls.emplace(transport_->socket, identity.context());
    if (!expect_server(tls, origin_.host)) {
        return fail(Ending::tls, "the host name does not fit into a TLS greeting");
    }
    // It gives 0 when all is well.
    if (offers_http2_ && ::SSL_set_alpn_protos(tls.native_handle(), offer, sizeof(offer)) != 0) {
        return fail(Ending::exhausted, "no memory for a TLS greeting");
    }
    const std::int64_t limit_us = std::int64_t{world_.options.tls_ms_max} * 1000;
    arm(std::min(job_->deadline_us, world_.clock.steady_us() + limit_us));
    tls.async_handshake(asio::ssl::stream_base::client,
                        [self = shared_from_this()](const ErrorCode& failed) {
                            if (self->phase_ == Phase::handshaking) self->on_handshake(failed);
                        });
}

void Connection::on_handshake(const ErrorCode& ec) {
    if (!ec && chose_http2(transport_->tls->native_handle())) return hand_over();
    if (!ec) return begin();
    const long verified = SSL_get_verify_result(transport_->tls->native_handle());
    if (verified != X509_V_OK) {
        return fail(
            Ending::tls,
            std::string("certificate not accepted: ") + X509_verify_cert_error_string(verified));
    }
    if (is_tls_alert(ec)) return fail(Ending::tls, refused_by_peer(ec));
    fail(Ending::tls, "TLS handshake failed: " + ec.message());
}

}  // namespace penstock::sinks::client

// TlsServer: answers every request whose body is "hello" with 200 over TLS, and knows who asked.
// Lives on the test's io_context; wholly used on its thread; the context does not run after its
// end.
#pragma once

#include "tests/support/scripted_server.h"
#include "tests/support/tls_identity.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

class TlsServer {
  public:
    using tcp = asio::ip::tcp;

    TlsServer(asio::io_context& context, const TlsIdentity& identity, int newest = TLS1_3_VERSION)
        : tls_(asio::ssl::context::tls_server),
          acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
        tls_.use_certificate(asio::buffer(identity.certificate_pem()), asio::ssl::context::pem);
        tls_.use_private_key(asio::buffer(identity.key_pem()), asio::ssl::context::pem);
        ::SSL_CTX_ctrl(tls_.native_handle(), SSL_CTRL_SET_MAX_PROTO_VERSION, newest, nullptr);
        asio::co_spawn(context, accept(), ignore);
    }

    [[nodiscard]] std::string port() const {
        return std::to_string(acceptor_.local_endpoint().port());
    }

    [[nodiscard]] std::string url() const { return "https://localhost:" + port() + "/"; }

    // Clients must be of the authority.
    void ask_who(const TlsIdentity& authority) {
        tls_.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
        tls_.add_certificate_authority(asio::buffer(authority.certificate_pem()));
        const std::string id = "own";
        ::SSL_CTX_set_session_id_context(tls_.native_handle(),
                                         reinterpret_cast<const unsigned char*>(id.data()),
                                         static_cast<unsigned>(id.size()));
    }

    unsigned handshakes = 0;
    unsigned resumed = 0;
    unsigned requests = 0;
    std::vector<std::string> clients;  // the certificate shown with each request; empty: none

  private:
    using Stream = asio::ssl::stream<tcp::socket>;

    static void ignore(std::exception_ptr) {}  // clients that turn away are what is tested

    static std::string client_of(Stream& stream) {
        X509* shown = ::SSL_get1_peer_certificate(stream.native_handle());
        if (shown == nullptr) return {};
        const std::string pem = TlsIdentity::pem_of(shown);
        ::X509_free(shown);
        return pem;
    }

    asio::awaitable<void> accept() {
        for (;;) {
            tcp::socket socket = co_await acceptor_.async_accept(asio::use_awaitable);
            asio::co_spawn(acceptor_.get_executor(), serve(std::move(socket)), ignore);
        }
    }

    asio::awaitable<void> serve(tcp::socket socket) {
        Stream stream(std::move(socket), tls_);
        co_await stream.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
        ++handshakes;
        resumed += ::SSL_session_reused(stream.native_handle()) == 1 ? 1 : 0;
        std::string received;
        for (;;) {
            std::string chunk(4096, '\0');
            const std::size_t bytes =
                co_await stream.async_read_some(asio::buffer(chunk), asio::use_awaitable);
            received.append(chunk, 0, bytes);
            if (!received.ends_with("hello")) continue;
            received.clear();
            ++requests;
            clients.push_back(client_of(stream));
            co_await asio::async_write(stream, asio::buffer(ok_answer), asio::use_awaitable);
        }
    }

    asio::ssl::context tls_;
    tcp::acceptor acceptor_;
};

}  // namespace penstock::testing

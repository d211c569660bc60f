// Http2Server: a TLS server on loopback that speaks HTTP/2 frame by frame, as its test says,
// rightly or wrongly; to clients that do not ask for HTTP/2 it answers 200 in HTTP/1.1. Lives on
// the test's io_context; wholly used on its thread; the context does not run after its end.
#pragma once

#include "tests/support/http2_frames.h"
#include "tests/support/scripted_server.h"
#include "tests/support/tls_identity.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <nghttp2/nghttp2.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::testing {

struct Http2Request {
    std::uint32_t stream = 0;
    std::map<std::string, std::string> fields;
    std::string body;
};

struct Http2Frame {
    std::uint8_t type = 0;
    std::uint8_t flags = 0;
    std::uint32_t stream = 0;
    std::string payload;
};

class Http2Peer : public std::enable_shared_from_this<Http2Peer> {
  public:
    using tcp = asio::ip::tcp;

    struct Conduct {
        std::string greeting = http2::settings_frame();  // empty: it says nothing at all
        std::function<void(Http2Peer&, const Http2Request&)> on_request;
        std::function<void(Http2Peer&, const Http2Frame&)> on_frame;  // those of no request
        std::function<void()> on_http1;
    };

    Http2Peer(tcp::socket socket, asio::ssl::context& tls, Conduct& conduct, unsigned number)
        : number_(number), conduct_(conduct), stream_(std::move(socket), tls) {
        nghttp2_hd_inflate_new(&inflater_);
        stream_.next_layer().set_option(tcp::no_delay(true));
    }

    ~Http2Peer() { nghttp2_hd_inflate_del(inflater_); }

    Http2Peer(const Http2Peer&) = delete;
    Http2Peer& operator=(const Http2Peer&) = delete;

    // Counted from 1.
    [[nodiscard]] unsigned number() const { return number_; }

    void begin() {
        stream_.async_handshake(asio::ssl::stream_base::server,
                                [self = shared_from_this()](boost::system::error_code ec) {
                                    if (!ec) self->greet();
                                });
    }

    void send(std::string_view bytes) {
        out_.append(bytes);
        if (writing_.empty()) write();
    }

    // From now on it hears nothing and says nothing.
    void fall_silent() { silent_ = true; }

    void close() {
        boost::system::error_code ignored;
        stream_.next_layer().close(ignored);
    }

  private:
    void greet() {
        const unsigned char* name = nullptr;
        unsigned size = 0;
        ::SSL_get0_alpn_selected(stream_.native_handle(), &name, &size);
        http2_ = size == 2;
        if (http2_) send(conduct_.greeting);
        silent_ = silent_ || conduct_.greeting.empty();
        read();
    }

    void write() {
        writing_ = std::exchange(out_, {});
        asio::async_write(stream_,
                          asio::buffer(writing_),
                          [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                              self->writing_.clear();
                              if (!ec && !self->out_.empty()) self->write();
                          });
    }

    void read() {
        stream_.async_read_some(
            asio::buffer(chunk_),
            [self = shared_from_this()](boost::system::error_code ec, std::size_t bytes) {
                if (ec) return;
                self->in_.append(self->chunk_.data(), bytes);
                self->http2_ ? self->take_frames() : self->take_http1();
                self->read();
            });
    }

    void take_http1() {
        constexpr std::string_view name = "Content-Length: ";
        for (;;) {
            const std::size_t head = in_.find("\r\n\r\n");
            if (head == std::string::npos) return;
            const std::size_t at = in_.find(name);
            const std::size_t whole = head + 4 + std::strtoul(&in_[at + name.size()], nullptr, 10);
            if (in_.size() < whole) return;
            in_.erase(0, whole);
            if (conduct_.on_http1) conduct_.on_http1();
            send(ok_answer);
        }
    }

    void take_frames() {
        constexpr std::size_t preface_bytes = 24;
        constexpr std::size_t head_bytes = 9;
        std::size_t at = 0;
        if (!greeted_ && in_.size() >= preface_bytes) {
            greeted_ = true;
            at = preface_bytes;
        }
        const std::string_view in = in_;
        while (greeted_ && in.size() >= at + head_bytes) {
            const std::size_t size = http2::read_number(in.substr(at, 3));
            if (in.size() < at + head_bytes + size) break;
            Http2Frame frame;
            frame.type = static_cast<std::uint8_t>(in[at + 3]);
            frame.flags = static_cast<std::uint8_t>(in[at + 4]);
            frame.stream = http2::read_number(in.substr(at + 5, 4));
            frame.payload = in.substr(at + head_bytes, size);
            at += head_bytes + size;
            take(frame);
        }
        in_.erase(0, at);
    }

    void take(const Http2Frame& frame) {
        if (silent_) return;
        if (frame.type == http2::headers) inflate(frame);
        if (frame.type == http2::data) take_body(frame);
        if (frame.type == http2::settings && (frame.flags & http2::ack) == 0) {
            send(http2::frame(http2::settings, http2::ack, 0));
        }
        const bool of_request = frame.type == http2::headers || frame.type == http2::data;
        if (!of_request && conduct_.on_frame) conduct_.on_frame(*this, frame);
        if (!of_request || (frame.flags & http2::end_stream) == 0) return;
        Http2Request request = std::move(requests_[frame.stream]);
        request.stream = frame.stream;
        requests_.erase(frame.stream);
        conduct_.on_request(*this, request);
    }

    // As servers do it: windows are opened when half of one is used up.
    void take_body(const Http2Frame& frame) {
        constexpr std::size_t unseen_max = 32 * 1024;
        requests_[frame.stream].body += frame.payload;
        unseen_ += frame.payload.size();
        const std::string more = http2::number(unseen_, 4);
        if (unseen_ < unseen_max) return;
        unseen_ = 0;
        send(http2::frame(http2::window_update, http2::none, 0, more));
        if ((frame.flags & http2::end_stream) == 0) {
            send(http2::frame(http2::window_update, http2::none, frame.stream, more));
        }
    }

    // Clients send heads that fit into one frame, without padding or priority.
    void inflate(const Http2Frame& frame) {
        const auto* at = reinterpret_cast<const std::uint8_t*>(frame.payload.data());
        std::size_t left = frame.payload.size();
        for (int flags = 0; (flags & NGHTTP2_HD_INFLATE_FINAL) == 0;) {
            nghttp2_nv field{};
            const ssize_t used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, at, left, 1);
            if (used < 0) return;
            at += used;
            left -= static_cast<std::size_t>(used);
            if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0) continue;
            requests_[frame.stream].fields[{reinterpret_cast<char*>(field.name), field.namelen}] = {
                reinterpret_cast<char*>(field.value), field.valuelen};
        }
        nghttp2_hd_inflate_end_headers(inflater_);
    }

    unsigned number_;
    Conduct& conduct_;
    asio::ssl::stream<tcp::socket> stream_;
    nghttp2_hd_inflater* inflater_ = nullptr;
    std::map<std::uint32_t, Http2Request> requests_;
    std::array<char, 16 * 1024> chunk_{};
    std::size_t unseen_ = 0;  // of bodies, since windows were opened
    std::string in_;
    std::string out_;
    std::string writing_;
    bool http2_ = false;
    bool greeted_ = false;
    bool silent_ = false;
};

class Http2Server {
  public:
    using tcp = asio::ip::tcp;

    // `speaks_http2`: it chooses it when it is offered.
    Http2Server(asio::io_context& context, const TlsIdentity& identity, bool speaks_http2 = true)
        : tls_(asio::ssl::context::tls_server),
          acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
          speaks_http2_(speaks_http2) {
        tls_.use_certificate(asio::buffer(identity.certificate_pem()), asio::ssl::context::pem);
        tls_.use_private_key(asio::buffer(identity.key_pem()), asio::ssl::context::pem);
        ::SSL_CTX_set_alpn_select_cb(tls_.native_handle(), choose, this);
        conduct.on_request = [this](Http2Peer& peer, const Http2Request& request) {
            requests.push_back(request);
            peer.send(http2::answer(request.stream, "200", "ok"));
        };
        conduct.on_http1 = [this]() {
            http1_requests += 1;
        };
        accept();
    }

    [[nodiscard]] std::string url() const {
        return "https://localhost:" + std::to_string(acceptor_.local_endpoint().port()) + "/hook";
    }

    // Not a new one any more.
    void refuse_connections() { acceptor_.close(); }

    Http2Peer::Conduct conduct;
    std::vector<Http2Request> requests;
    unsigned http1_requests = 0;
    unsigned connections = 0;
    unsigned handshakes_max = 1'000;  // later connections are left hanging
    unsigned offers = 0;              // of HTTP/2

  private:
    static int choose(SSL*,
                      const unsigned char** chosen,
                      unsigned char* size,
                      const unsigned char* offered,
                      unsigned offered_size,
                      void* server) {
        auto& self = *static_cast<Http2Server*>(server);
        const std::string_view names(reinterpret_cast<const char*>(offered), offered_size);
        const bool http2 = names.find("\x02h2") != std::string_view::npos;
        if (http2) self.offers += 1;
        static constexpr unsigned char ours[] = {
            2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
        const bool use = http2 && self.speaks_http2_;
        *chosen = ours + (use ? 1 : 4);
        *size = use ? 2 : 8;
        return SSL_TLSEXT_ERR_OK;
    }

    void accept() {
        acceptor_.async_accept([this](boost::system::error_code ec, tcp::socket socket) {
            if (ec) return;
            connections += 1;
            const auto peer =
                std::make_shared<Http2Peer>(std::move(socket), tls_, conduct, connections);
            if (connections <= handshakes_max) {
                peer->begin();
            } else {
                silent_.push_back(peer);
            }
            accept();
        });
    }

    asio::ssl::context tls_;
    tcp::acceptor acceptor_;
    bool speaks_http2_;
    std::vector<std::shared_ptr<Http2Peer>> silent_;
};

}  // namespace penstock::testing

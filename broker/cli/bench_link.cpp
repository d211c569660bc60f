#include "broker/cli/bench_link.h"

#include "broker/base/letters.h"
#include "sinks/client/tls_greeting.h"

#include <boost/asio/write.hpp>

#include <chrono>
#include <cstdlib>
#include <utility>

namespace penstock::cli {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr auto exchange_time_max = std::chrono::seconds(45);
constexpr std::size_t input_bytes = 32 * 1024;
constexpr std::size_t answer_bytes_max = 64 * 1024 * 1024;

// The number behind "content-length:" in a head; nothing found: npos.
std::size_t content_length(std::string_view head) {
    while (!head.empty()) {
        const auto end = head.find("\r\n");
        const std::string_view line = head.substr(0, end);
        constexpr std::string_view name = "content-length:";
        if (line.size() > name.size() && same_letters(line.substr(0, name.size()), name)) {
            return std::strtoull(line.substr(name.size()).data(), nullptr, 10);
        }
        if (end == std::string_view::npos) break;
        head.remove_prefix(end + 2);
    }
    return std::string_view::npos;
}

}  // namespace

Link::Link(asio::io_context& context, const Tcp::endpoint& endpoint, std::optional<LinkTls> tls)
    : endpoint_(endpoint),
      tls_(std::move(tls)),
      socket_(context),
      deadline_(context),
      input_(input_bytes, '\0') {}

void Link::exchange(std::string_view request, Done done) {
    request_ = request;
    done_ = std::move(done);
    filled_ = body_at_ = whole_ = 0;
    deadline_.expires_after(exchange_time_max);
    deadline_.async_wait([this](const error_code& error) {
        if (!error) close();
    });
    if (connected_) return send();
    stream_.reset();
    socket_ = Tcp::socket(socket_.get_executor());
    socket_.async_connect(endpoint_, [this](const error_code& error) {
        if (error) return finish(false, {}, "connection refused");
        error_code ignored;
        socket_.set_option(Tcp::no_delay(true), ignored);
        if (tls_) return shake_hands();
        opened();
    });
}

void Link::shake_hands() {
    auto& stream = stream_.emplace(socket_, tls_->context);
    if (!sinks::client::expect_server(stream, tls_->host)) {
        return finish(false, {}, "the host name does not fit into a TLS greeting");
    }
    stream.async_handshake(asio::ssl::stream_base::client, [this](const error_code& error) {
        if (error) return finish(false, {}, "TLS handshake failed: " + error.message());
        opened();
    });
}

void Link::opened() {
    connected_ = true;
    send();
}

void Link::close() {
    error_code ignored;
    socket_.close(ignored);
    connected_ = false;
}

void Link::send() {
    const auto bytes = asio::buffer(request_.data(), request_.size());
    auto sent = [this](const error_code& error, std::size_t) {
        if (error) return finish(false, {}, "connection lost");
        read();
    };
    if (stream_) {
        asio::async_write(*stream_, bytes, std::move(sent));
    } else {
        asio::async_write(socket_, bytes, std::move(sent));
    }
}

void Link::read() {
    if (filled_ == input_.size()) {
        if (input_.size() >= answer_bytes_max) return finish(false, {}, "answer too long");
        input_.resize(input_.size() * 2);
    }
    const auto room = asio::buffer(input_.data() + filled_, input_.size() - filled_);
    auto filled = [this](const error_code& error, std::size_t bytes) {
        if (error) return finish(false, {}, "connection lost");
        take(bytes);
    };
    if (stream_) {
        stream_->async_read_some(room, std::move(filled));
    } else {
        socket_.async_read_some(room, std::move(filled));
    }
}

std::size_t Link::answer_bytes() {
    const std::string_view seen(input_.data(), filled_);
    const auto end = seen.find("\r\n\r\n");
    if (end == std::string_view::npos) return 0;
    body_at_ = end + 4;
    const std::size_t length = content_length(seen.substr(0, end));
    return length > answer_bytes_max ? std::string_view::npos : body_at_ + length;
}

void Link::take(std::size_t bytes) {
    filled_ += bytes;
    if (whole_ == 0) whole_ = answer_bytes();
    if (whole_ == std::string_view::npos) return finish(false, {}, "answer without a length");
    if (whole_ == 0 || filled_ < whole_) return read();
    const std::string_view all(input_.data(), whole_);
    const bool ok = all.starts_with("HTTP/1.1 200");
    finish(ok, all.substr(body_at_), ok ? std::string_view() : "HTTP status is not 200");
}

void Link::finish(bool ok, std::string_view body, std::string_view failure) {
    deadline_.cancel();
    if (!ok) close();
    LinkAnswer answer;
    answer.ok = ok;
    answer.body = body;
    answer.failure = failure;
    // The completion may begin the next exchange on this link.
    const Done done = std::exchange(done_, nullptr);
    done(answer);
}

}  // namespace penstock::cli

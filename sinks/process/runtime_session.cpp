#include "sinks/process/runtime_session.h"

#include "broker/base/letters.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>

#include <string_view>
#include <utility>

namespace penstock::sinks::process {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::string_view continue_answer = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

RuntimeSession::RuntimeSession(asio::ip::tcp::socket socket, Owner& owner, std::uint64_t number)
    : socket_(std::move(socket)), owner_(&owner), number_(number) {}

void RuntimeSession::close() {
    owner_ = nullptr;
    ErrorCode ignored;  // a socket that is broken already is as good as closed
    socket_.close(ignored);
}

void RuntimeSession::end() {
    Owner* owner = owner_;
    if (owner == nullptr) return;
    const auto self = shared_from_this();
    close();
    owner->on_closed(*this);
}

void RuntimeSession::read_head() {
    parser_.emplace();
    parser_->header_limit(runtime_head_bytes_max);
    parser_->body_limit(runtime_answer_bytes_max);
    http::async_read_header(
        socket_, buffer_, *parser_, [self = shared_from_this()](const ErrorCode& ec, std::size_t) {
            if (self->owner_ != nullptr) self->on_head(ec);
        });
}

void RuntimeSession::on_head(const ErrorCode& ec) {
    const bool too_long = ec == http::error::body_limit;
    if (ec && !too_long) return end();
    const auto& message = parser_->get();
    call_ = parse_runtime_call({message.method_string().data(), message.method_string().size()},
                               {message.target().data(), message.target().size()});
    const std::uint64_t bytes_max = owner_->body_bytes_max(*this, call_);
    if (too_long || parser_->content_length().value_or(0) > bytes_max) return hand_over(true);
    parser_->body_limit(bytes_max);
    if (!same_letters(message[http::field::expect], "100-continue")) return read_body();
    asio::async_write(socket_,
                      asio::buffer(continue_answer),
                      [self = shared_from_this()](const ErrorCode& failed, std::size_t) {
                          if (self->owner_ == nullptr) return;
                          if (failed) return self->end();
                          self->read_body();
                      });
}

void RuntimeSession::read_body() {
    if (parser_->is_done()) return hand_over(false);
    http::async_read(
        socket_, buffer_, *parser_, [self = shared_from_this()](const ErrorCode& ec, std::size_t) {
            if (self->owner_ != nullptr) self->on_body(ec);
        });
}

void RuntimeSession::on_body(const ErrorCode& ec) {
    if (ec == http::error::body_limit) return hand_over(true);
    if (ec) return end();
    hand_over(false);
}

void RuntimeSession::hand_over(bool too_long) {
    auto& message = parser_->get();
    // What was not read cannot be skipped: such a connection ends with its answer.
    keeps_ = !too_long && parser_->keep_alive();
    RuntimeRequest request;
    request.call = std::move(call_);
    const auto type = message["Lambda-Runtime-Function-Error-Type"];
    request.error_type.assign(type.data(), type.size());
    request.too_long = too_long;
    if (!too_long) request.body = std::move(message.body());
    held_ = true;
    const auto self = shared_from_this();
    owner_->on_request(*this, std::move(request));
    if (owner_ != nullptr && held_) watch();
}

void RuntimeSession::watch() {
    // What may come is an end, or a request behind the held one: that one waits for its turn.
    socket_.async_wait(asio::ip::tcp::socket::wait_read,
                       [self = shared_from_this()](const ErrorCode& ec) {
                           if (self->owner_ == nullptr || !self->held_ || ec) return;
                           ErrorCode failed;
                           if (self->socket_.available(failed) == 0 || failed) self->end();
                       });
}

void RuntimeSession::answer(std::string bytes) {
    held_ = false;
    answer_ = std::move(bytes);
    asio::async_write(socket_,
                      asio::buffer(answer_),
                      [self = shared_from_this()](const ErrorCode& ec, std::size_t) {
                          if (self->owner_ != nullptr) self->on_written(ec);
                      });
}

void RuntimeSession::on_written(const ErrorCode& ec) {
    if (ec || !keeps_) return end();
    read_head();
}

}  // namespace penstock::sinks::process

// AnswerParser: one HTTP/1.1 answer out of bytes, on Beast's parser. Keeps the status, the headers
// and the first bytes of the body. Owned by one exchange, on its thread; a malformed answer is an
// error code from put().
#pragma once

#include "sinks/client/http_client.h"

#include <boost/beast/http/basic_parser.hpp>

#include <cstdint>
#include <utility>

namespace penstock::sinks::client {

inline constexpr std::uint32_t answer_head_bytes_max = 16 * 1024;
inline constexpr unsigned interim_answers_max = 8;

class AnswerParser final : public boost::beast::http::basic_parser<false> {
  public:
    using ErrorCode = boost::beast::error_code;

    explicit AnswerParser(std::size_t body_bytes_max);

    // A 1xx answer other than 101: the real one follows.
    [[nodiscard]] bool interim() const {
        return answer_.status >= 100 && answer_.status < 200 && !switches();
    }

    // The peer leaves HTTP, unasked.
    [[nodiscard]] bool switches() const { return answer_.status == 101; }

    // The body is longer than what is kept: reading on is of no use.
    [[nodiscard]] bool cut() const { return cut_; }

    HttpAnswer take() { return std::move(answer_); }

  private:
    using View = boost::beast::string_view;
    using Field = boost::beast::http::field;
    using Verb = boost::beast::http::verb;

    void on_request_impl(Verb, View, View, int, ErrorCode&) override {}

    void on_response_impl(int code, View reason, int version, ErrorCode& ec) override;
    void on_field_impl(Field name, View text, View value, ErrorCode& ec) override;
    std::size_t on_body_impl(View body, ErrorCode& ec) override;
    std::size_t on_chunk_body_impl(std::uint64_t remain, View body, ErrorCode& ec) override;

    void on_header_impl(ErrorCode&) override {}

    void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}

    void on_chunk_header_impl(std::uint64_t, View, ErrorCode&) override {}

    void on_finish_impl(ErrorCode&) override {}

    HttpAnswer answer_;
    std::size_t body_bytes_max_;
    bool cut_ = false;
};

}  // namespace penstock::sinks::client

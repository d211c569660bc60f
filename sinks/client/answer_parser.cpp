#include "sinks/client/answer_parser.h"

#include "broker/base/letters.h"

#include <boost/beast/http/error.hpp>

#include <algorithm>

namespace penstock::sinks::client {

std::string_view HttpAnswer::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (key == name) return value;
    }
    return {};
}

AnswerParser::AnswerParser(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {
    header_limit(answer_head_bytes_max);
    body_limit(boost::none);  // what is too long is cut here; its status still counts
    eager(true);
}

void AnswerParser::on_response_impl(int code, View, int, ErrorCode& ec) {
    if (code < 100) ec = boost::beast::http::error::bad_status;
    answer_.status = static_cast<unsigned>(code);
}

void AnswerParser::on_field_impl(Field, View text, View value, ErrorCode&) {
    if (is_header_done()) return;  // a trailer: nobody asked for it
    answer_.headers.emplace_back(lowered(text), std::string(value));
}

std::size_t AnswerParser::on_body_impl(View body, ErrorCode&) {
    const std::size_t room = body_bytes_max_ - answer_.body.size();
    cut_ = cut_ || body.size() > room;
    answer_.body.append(body.data(), std::min(room, body.size()));
    return body.size();
}

std::size_t AnswerParser::on_chunk_body_impl(std::uint64_t, View body, ErrorCode& ec) {
    return on_body_impl(body, ec);
}

}  // namespace penstock::sinks::client

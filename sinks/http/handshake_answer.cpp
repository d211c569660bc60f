#include "sinks/http/handshake_answer.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace penstock::sinks::http {
namespace {

namespace json = boost::json;

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

bool same_name(std::string_view one, std::string_view other) {
    const auto lower = [](char letter) {
        return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    };
    return std::equal(
        one.begin(), one.end(), other.begin(), other.end(), [&](char left, char right) {
            return lower(left) == lower(right);
        });
}

bool gives_back(const client::Exchange& exchange, std::string_view challenge) {
    const unsigned status = exchange.answer.status;
    if (status < 200 || status >= 300 || !exchange.complete) return false;
    const std::string_view body = trimmed(exchange.answer.body);
    if (body == challenge) return true;
    boost::system::error_code no_json;
    const json::value answer = json::parse({body.data(), body.size()}, no_json);
    const auto* object = no_json ? nullptr : answer.if_object();
    const auto* echo = object == nullptr ? nullptr : object->if_contains("challenge");
    return echo != nullptr && echo->is_string() &&
           std::string_view(echo->get_string()) == challenge;
}

Error denied(const std::string& why) {
    return error(Errc::unavailable, "the handshake failed: " + why);
}

Result<Consent> judge_options(const HandshakeQuestion& question,
                              const client::HttpAnswer& answer,
                              model::TimeMs at_ms) {
    const std::string status = " (status " + std::to_string(answer.status) + ")";
    const std::string_view origin = trimmed(answer.header("webhook-allowed-origin"));
    if (origin.empty()) return denied("its answer has no WebHook-Allowed-Origin" + status);
    if (origin != "*" && !same_name(origin, question.expected)) {
        return denied("its WebHook-Allowed-Origin is not " + question.expected + status);
    }
    const std::string_view rate = trimmed(answer.header("webhook-allowed-rate"));
    Consent consent{at_ms, 0};
    if (rate.empty() || rate == "*") return consent;
    const auto [end, failed] =
        std::from_chars(rate.data(), rate.data() + rate.size(), consent.per_minute);
    const bool number = failed == std::errc{} && end == rate.data() + rate.size();
    if (number && consent.per_minute > 0) return consent;
    return denied("its WebHook-Allowed-Rate is neither * nor requests a minute, 1 to 4294967295");
}

}  // namespace

Result<Consent> judge_handshake(const HandshakeQuestion& question,
                                const client::Exchange& exchange,
                                model::TimeMs at_ms) {
    if (exchange.ending != client::Ending::answered) return denied(exchange.detail);
    if (question.kind == model::Handshake::cloudevents) {
        return judge_options(question, exchange.answer, at_ms);
    }
    if (gives_back(exchange, question.expected)) return Consent{at_ms, 0};
    return denied("its answer does not give the challenge back (status " +
                  std::to_string(exchange.answer.status) + ")");
}

}  // namespace penstock::sinks::http

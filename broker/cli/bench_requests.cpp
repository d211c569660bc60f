#include "broker/cli/bench_requests.h"

#include "broker/api/signature.h"
#include "broker/cli/session.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace penstock::cli {

namespace {

std::string_view after_colon(std::string_view text) {
    const auto at = text.find_first_not_of(": ");
    return at == std::string_view::npos ? std::string_view() : text.substr(at);
}

}  // namespace

std::string CmqRequests::make(std::string_view action, CmqParameters parameters) const {
    parameters.emplace_back("Action", action);
    parameters.emplace_back("Nonce", "1");
    parameters.emplace_back("SecretId", target_.key_id);
    parameters.emplace_back("SignatureMethod", "HmacSHA256");
    parameters.emplace_back("Timestamp", std::to_string(clock_.wall_ms() / 1000));
    if (!target_.token.empty()) parameters.emplace_back("Token", target_.token);
    std::sort(parameters.begin(), parameters.end());

    std::string text = "POST" + authority_ + "/v2/index.php?";
    std::string body;
    for (const auto& [name, value] : parameters) {
        if (!body.empty()) text += "&", body += "&";
        text.append(name).append("=").append(value);
        body.append(name).append("=").append(encoded(value));
    }
    body += "&Signature=" +
            encoded(api::sign(api::SignatureMethod::hmac_sha256, target_.key_secret, text));

    std::string request =
        "POST /v2/index.php HTTP/1.1\r\nHost: " + authority_ +
        "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n";
    request += body;
    return request;
}

int cmq_code(std::string_view body) {
    const auto at = body.find("\"code\"");
    if (at == std::string_view::npos) return no_cmq_code;
    const std::string_view number = after_colon(body.substr(at + 6));
    if (number.empty() || std::isdigit(static_cast<unsigned char>(number.front())) == 0) {
        return no_cmq_code;
    }
    return static_cast<int>(std::strtol(number.data(), nullptr, 10));
}

std::vector<std::string> texts_named(std::string_view body, std::string_view name) {
    std::vector<std::string> found;
    const std::string wanted = "\"" + std::string(name) + "\"";
    while (true) {
        const auto at = body.find(wanted);
        if (at == std::string_view::npos) return found;
        body = after_colon(body.substr(at + wanted.size()));
        if (!body.starts_with('"')) continue;
        const auto end = body.find('"', 1);
        if (end == std::string_view::npos) return found;
        found.emplace_back(body.substr(1, end - 1));
        body.remove_prefix(end + 1);
    }
}

}  // namespace penstock::cli

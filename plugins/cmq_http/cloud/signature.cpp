#include "plugins/cmq_http/cloud/signature.h"

#include "broker/api/signature.h"
#include "broker/base/instant.h"
#include "broker/model/ids.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::plugins::cmq::cloud {

namespace {

constexpr std::string_view algorithm = "TC3-HMAC-SHA256";
constexpr std::string_view scope_end = "tc3_request";
constexpr std::size_t signed_headers_max = 32;
constexpr std::uint64_t timestamp_s_max = 253'402'300'799;  // the year 9999

struct Claim {
    std::string_view key_id;
    std::string_view date;
    std::string_view service;
    std::string_view signed_headers;
    std::vector<std::string_view> headers;  // of signed_headers
    std::string_view signature;
    std::uint64_t timestamp_s = 0;
};

Problem malformed(std::string what) {
    return {"AuthFailure.InvalidAuthorization", std::move(what)};
}

std::vector<std::string_view> split(std::string_view text, char at, std::size_t parts_max) {
    std::vector<std::string_view> parts;
    while (parts.size() < parts_max) {
        const auto end = text.find(at);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
    parts.push_back(text);
    return parts;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char byte) {
        return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + ('a' - 'A')) : byte;
    });
    return out;
}

// "NAME=VALUE" of the header's list; empty when it is not there.
std::string_view member(const std::vector<std::string_view>& members, std::string_view name) {
    for (const std::string_view one : members) {
        const std::string_view text = trimmed(one);
        if (text.size() > name.size() && text.starts_with(name) && text[name.size()] == '=') {
            return text.substr(name.size() + 1);
        }
    }
    return {};
}

Problem read_claim(const HttpRequest& request, Claim& claim) {
    std::string_view text = request.header("authorization");
    if (!text.starts_with(algorithm)) {
        return malformed(
            "Authorization must be \"TC3-HMAC-SHA256 Credential=ID/DATE/SERVICE/"
            "tc3_request, SignedHeaders=..., Signature=...\"");
    }
    text.remove_prefix(algorithm.size());
    const auto members = split(text, ',', 3);
    const auto scope = split(member(members, "Credential"), '/', 4);
    if (scope.size() != 4 || scope[3] != scope_end) {
        return malformed("Credential must be ID/DATE/SERVICE/tc3_request");
    }
    claim.key_id = scope[0];
    claim.date = scope[1];
    claim.service = scope[2];
    claim.signed_headers = member(members, "SignedHeaders");
    claim.headers = split(claim.signed_headers, ';', signed_headers_max);
    for (const std::string_view needed : {"content-type", "host"}) {
        if (std::find(claim.headers.begin(), claim.headers.end(), needed) == claim.headers.end()) {
            return malformed("SignedHeaders must hold content-type and host");
        }
    }
    claim.signature = member(members, "Signature");
    const auto timestamp = model::parse_decimal(request.header("x-tc-timestamp"));
    if (!timestamp || *timestamp > timestamp_s_max)
        return {"MissingParameter", "X-TC-Timestamp must be a Unix time in seconds"};
    claim.timestamp_s = *timestamp;
    return {};
}

// The request as it is signed, with `host` for the Host header.
std::string canonical(const HttpRequest& request, const Claim& claim, std::string_view host) {
    std::string text = request.method + "\n" + request.path + "\n" + request.query + "\n";
    for (const std::string_view name : claim.headers) {
        const std::string_view value = name == "host" ? host : request.header(name);
        text.append(name).append(":").append(lower(trimmed(value))).append("\n");
    }
    text.append("\n").append(claim.signed_headers).append("\n");
    const bool unsigned_body = request.header("x-tc-content-sha256") == "UNSIGNED-PAYLOAD";
    text.append(api::sha256_hex(unsigned_body ? std::string_view("UNSIGNED-PAYLOAD")
                                              : std::string_view(request.body)));
    return text;
}

std::string sign(const Claim& claim, std::string_view secret, std::string_view request) {
    std::string text(algorithm);
    text.append("\n").append(std::to_string(claim.timestamp_s)).append("\n");
    text.append(claim.date).append("/").append(claim.service).append("/").append(scope_end);
    text.append("\n").append(api::sha256_hex(request));
    const std::string dated = api::hmac_sha256("TC3" + std::string(secret), claim.date);
    const std::string serving = api::hmac_sha256(dated, claim.service);
    return api::to_hex(api::hmac_sha256(api::hmac_sha256(serving, scope_end), text));
}

bool fits(const HttpRequest& request, const Claim& claim, std::string_view secret) {
    // One SDK leaves the port out of the host it signs.
    const std::string_view host = request.host;
    for (const std::string_view form : {host, host.substr(0, host.rfind(':'))}) {
        const std::string expected = sign(claim, secret, canonical(request, claim, form));
        if (api::equal_in_constant_time(expected, claim.signature)) return true;
    }
    return false;
}

Problem check_time(const Claim& claim, std::int64_t now_s) {
    if (std::abs(now_s - static_cast<std::int64_t>(claim.timestamp_s)) > skew_s_max) {
        return {"AuthFailure.SignatureExpire",
                "X-TC-Timestamp is more than " + std::to_string(skew_s_max) +
                    " seconds off the server's time"};
    }
    return {};
}

}  // namespace

Problem authenticate(const HttpRequest& request,
                     std::int64_t now_s,
                     bool judges_time,
                     const api::Broker& broker,
                     api::Principal& principal) {
    Claim claim;
    if (auto problem = read_claim(request, claim); !problem.none()) return problem;
    const std::string_view token = request.header("x-tc-token");
    const auto key = api::find_key(broker, claim.key_id, token);
    // A key that nobody knows takes as long as one with another secret.
    const bool right = fits(request, claim, key ? key->secret : std::string(api::nobodys_secret));
    if (!key) return {"AuthFailure.SecretIdNotFound", "the secret id does not exist"};
    const std::string day = format_instant(static_cast<std::int64_t>(claim.timestamp_s) * 1000);
    if (claim.date != std::string_view(day).substr(0, 10)) {
        return malformed("the date of Credential is not the UTC date of X-TC-Timestamp");
    }
    if (!right) {
        return {"AuthFailure.SignatureFailure", "the signature does not fit the request"};
    }
    if (judges_time) {
        if (auto problem = check_time(claim, now_s); !problem.none()) return problem;
    }
    principal = api::principal_of(claim.key_id, token, *key);
    return {};
}

}  // namespace penstock::plugins::cmq::cloud

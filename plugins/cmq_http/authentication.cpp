#include "plugins/cmq_http/authentication.h"

#include "broker/api/signature.h"
#include "broker/model/ids.h"

#include <algorithm>
#include <optional>

namespace penstock::plugins::cmq {

namespace {

constexpr std::string_view canonical_path = "/v2/index.php";

struct Claim {
    std::string_view key_id;
    std::string_view token;  // of a temporary key
    std::string_view signature;
    std::uint64_t timestamp_s = 0;
    api::SignatureMethod method = api::SignatureMethod::hmac_sha1;
};

Failure read_claim(const Parameters& parameters, Claim& claim) {
    for (const std::string_view name : {"SecretId", "Timestamp", "Nonce", "Signature"}) {
        if (parameters.find(name) == nullptr) return {faults::missing, std::string(name)};
    }
    for (const std::string_view name : {"Timestamp", "Nonce"}) {
        if (!model::parse_decimal(*parameters.find(name))) {
            return {faults::wrong_type, std::string(name)};
        }
    }
    claim.key_id = *parameters.find("SecretId");
    claim.signature = *parameters.find("Signature");
    claim.timestamp_s = *model::parse_decimal(*parameters.find("Timestamp"));
    if (const std::string* token = parameters.find("Token")) claim.token = *token;
    const bool is_key_id =
        claim.key_id.starts_with("AKID") || claim.key_id.starts_with(api::temporary_key_prefix);
    if (!is_key_id) return {faults::key_id_form, {}};
    const std::string* method = parameters.find("SignatureMethod");
    if (method != nullptr && *method == "HmacSHA256") {
        claim.method = api::SignatureMethod::hmac_sha256;
    }
    return {};
}

bool has_at_value(const Parameters& parameters) {
    const auto& all = parameters.all();
    return std::any_of(all.begin(), all.end(), [](const Parameters::Parameter& parameter) {
        return parameter.second.starts_with('@');
    });
}

// "127.0.0.1:8080" as "127.0.0.1".
std::string_view without_port(std::string_view host) {
    const auto colon = host.rfind(':');
    if (colon == std::string_view::npos) return host;
    const std::string_view port = host.substr(colon + 1);
    return model::parse_decimal(port) ? host.substr(0, colon) : host;
}

// As sent, then as clients are known to differ: values with '@' left out of the string; the usual
// path signed whatever the one requested; the port left out of the host.
bool signature_fits(const HttpRequest& request,
                    const Parameters& parameters,
                    const Claim& claim,
                    const std::string& secret) {
    SignedText form;
    form.method = request.method;
    form.host = request.host;
    while (form.host.ends_with('/')) form.host.remove_suffix(1);
    form.path = request.path;
    const auto fits_with = [&](bool at_values) {
        form.without_at_values = !at_values;
        const std::string right = api::sign(claim.method, secret, signed_text(form, parameters));
        return api::equal_in_constant_time(right, claim.signature);
    };
    const bool may_leave_out = request.method == "POST" && has_at_value(parameters);
    const auto fits = [&] {
        return fits_with(true) || (may_leave_out && fits_with(false));
    };
    if (fits()) return true;
    if (request.path != canonical_path) {
        form.path = canonical_path;
        if (fits()) return true;
        form.path = request.path;
    }
    const std::string_view bare = without_port(form.host);
    if (bare == form.host) return false;
    form.host = bare;
    return fits();
}

bool is_fresh(std::uint64_t timestamp_s, const Freshness& freshness) {
    if (freshness.skew_s == 0) return true;
    const auto now_s = static_cast<std::uint64_t>(freshness.now_s);
    const std::uint64_t off = timestamp_s > now_s ? timestamp_s - now_s : now_s - timestamp_s;
    return off <= static_cast<std::uint64_t>(freshness.skew_s);
}

}  // namespace

std::string signed_text(const SignedText& form, const Parameters& parameters) {
    std::size_t bytes = form.method.size() + form.host.size() + form.path.size() + 1;
    for (const auto& [name, value] : parameters.all()) bytes += name.size() + value.size() + 2;
    std::string text;
    text.reserve(bytes);
    text.append(form.method).append(form.host).append(form.path);
    char separator = '?';
    for (const auto& [name, value] : parameters.all()) {
        if (name == "Signature") continue;
        if (form.without_at_values && value.starts_with('@')) continue;
        text.push_back(separator);
        separator = '&';
        const std::size_t begin = text.size();
        text.append(name);
        std::replace(text.begin() + static_cast<std::ptrdiff_t>(begin), text.end(), '_', '.');
        text.append("=").append(value);
    }
    return text;
}

Failure authenticate(const HttpRequest& request,
                     const Parameters& parameters,
                     const Freshness& freshness,
                     const api::Broker& broker,
                     api::Principal& principal) {
    Claim claim;
    if (auto failure = read_claim(parameters, claim); !failure.none()) return failure;
    const auto key = api::find_key(broker, claim.key_id, claim.token);
    // A key that nobody knows takes as long as one with another secret.
    const bool fits = signature_fits(
        request, parameters, claim, key ? key->secret : std::string(api::nobodys_secret));
    if (!key) return {faults::unknown_key, {}};
    if (!fits) return {faults::unauthenticated, {}};
    if (!is_fresh(claim.timestamp_s, freshness)) {
        return {faults::stale, std::to_string(freshness.skew_s)};
    }
    principal = api::principal_of(claim.key_id, claim.token, *key);
    return {};
}

}  // namespace penstock::plugins::cmq

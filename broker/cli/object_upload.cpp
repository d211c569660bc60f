#include "broker/cli/object_upload.h"

#include "broker/api/signature.h"
#include "broker/base/instant.h"
#include "sinks/client/url.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace penstock::cli {

namespace {

namespace client = sinks::client;

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view service = "s3";
constexpr std::uint32_t upload_ms_max = 600'000;

using Headers = std::vector<std::pair<std::string, std::string>>;

// "20260131T080509Z"
std::string basic_instant(std::int64_t unix_ms) {
    std::string text = format_instant(unix_ms).substr(0, 19) + "Z";
    text.erase(std::remove_if(
                   text.begin(), text.end(), [](char byte) { return byte == '-' || byte == ':'; }),
               text.end());
    return text;
}

// Signature Version 4 of a PUT without a query; `headers` in the order of their names.
std::string authorization(const World& world,
                          const std::string& path,
                          const std::string& instant,
                          const std::string& sha256,
                          const Headers& headers) {
    std::string names;
    std::string canonical = "PUT\n" + path + "\n\n";
    for (const auto& [name, value] : headers) {
        canonical.append(name).append(":").append(value).append("\n");
        names.append(names.empty() ? "" : ";").append(name);
    }
    canonical.append("\n").append(names).append("\n").append(sha256);
    std::string region = world.variable("AWS_REGION");
    if (region.empty()) region = "us-east-1";
    const std::string date = instant.substr(0, 8);
    const std::string scope = date + "/" + region + "/" + std::string(service) + "/aws4_request";
    std::string key = "AWS4" + world.variable("AWS_SECRET_ACCESS_KEY");
    for (const std::string_view part : {std::string_view(date),
                                        std::string_view(region),
                                        service,
                                        std::string_view("aws4_request")}) {
        key = api::hmac_sha256(key, part);
    }
    const std::string text =
        std::string(algorithm) + "\n" + instant + "\n" + scope + "\n" + api::sha256_hex(canonical);
    return std::string(algorithm) + " Credential=" + world.variable("AWS_ACCESS_KEY_ID") + "/" +
           scope + ", SignedHeaders=" + names +
           ", Signature=" + api::to_hex(api::hmac_sha256(key, text));
}

}  // namespace

std::string encoded_path(std::string_view path) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    constexpr std::string_view plain = "-_.~/";
    std::string out;
    for (const char byte : path) {
        const auto code = static_cast<unsigned char>(byte);
        const bool alphanumeric = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                                  (byte >= 'A' && byte <= 'Z');
        if (alphanumeric || plain.find(byte) != std::string_view::npos) {
            out.push_back(byte);
        } else {
            out.append({'%', hex[code >> 4U], hex[code & 15U]});
        }
    }
    return out;
}

boost::system::result<client::HttpCall, Failure> object_upload(const World& world,
                                                               const std::string& url,
                                                               const std::string& sha256,
                                                               std::string content) {
    const auto parsed = client::parse_url(url);
    if (!parsed) return usage_failure("--store: " + parsed.error().detail);
    const bool key = !world.variable("AWS_ACCESS_KEY_ID").empty();
    if (key == world.variable("AWS_SECRET_ACCESS_KEY").empty()) {
        return usage_failure("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together.");
    }
    client::HttpCall call;
    call.method = "PUT";
    call.url = url;
    call.timeout_ms = upload_ms_max;
    if (key) {
        const std::string instant = basic_instant(world.clock.wall_ms());
        Headers headers{
            {"host", parsed->authority}, {"x-amz-content-sha256", sha256}, {"x-amz-date", instant}};
        if (const auto token = world.variable("AWS_SESSION_TOKEN"); !token.empty()) {
            headers.emplace_back("x-amz-security-token", token);
        }
        call.headers.emplace_back("Authorization",
                                  authorization(world, parsed->target, instant, sha256, headers));
        headers.erase(headers.begin());  // the client's own
        call.headers.insert(call.headers.end(), headers.begin(), headers.end());
    }
    call.body = std::move(content);
    return call;
}

}  // namespace penstock::cli

#include "plugins/console/front_end.h"

#include "plugins/console/accepted_encoding.h"
#include "plugins/console/assets.h"

#include <algorithm>

namespace penstock::plugins {

namespace {

using console::Asset;
using console::Encoding;

constexpr std::string_view folder = "/console/";

// Nothing from elsewhere, nothing inline, in nobody's frame.
constexpr std::string_view content_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

HttpResponse plain_text(unsigned status, std::string text) {
    HttpResponse response;
    response.status = status;
    response.content_type = "text/plain; charset=utf-8";
    response.body = std::move(text);
    return response;
}

void protect(HttpResponse& response) {
    response.headers.emplace_back("Content-Security-Policy", content_policy);
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    response.headers.emplace_back("Referrer-Policy", "no-referrer");
    response.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
}

const Asset* find(std::string_view path) {
    const auto& all = console::assets();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Asset& one) { return one.path == path; });
    return found == all.end() ? nullptr : &*found;
}

// Each encoding has a tag of its own, as RFC 9110 wants it.
std::string tag_of(const Asset& asset, Encoding encoding) {
    std::string tag = "\"";
    tag.append(asset.hash);
    if (encoding == Encoding::gzip) tag += "-gz";
    if (encoding == Encoding::brotli) tag += "-br";
    return tag + "\"";
}

HttpResponse show(const Asset& asset, const HttpRequest& request) {
    const Encoding encoding = console::best_encoding(request.header("accept-encoding"));
    const std::string tag = tag_of(asset, encoding);
    HttpResponse response;
    response.content_type = asset.content_type;
    response.headers.emplace_back("ETag", tag);
    response.headers.emplace_back("Vary", "Accept-Encoding");
    response.headers.emplace_back(
        "Cache-Control", asset.lasting ? "public, max-age=31536000, immutable" : "no-cache");
    protect(response);
    if (request.header("if-none-match").find(tag) != std::string_view::npos) {
        response.status = 304;
        return response;
    }
    if (encoding == Encoding::brotli) {
        response.headers.emplace_back("Content-Encoding", "br");
        response.body = asset.brotli;
    } else if (encoding == Encoding::gzip) {
        response.headers.emplace_back("Content-Encoding", "gzip");
        response.body = asset.gzip;
    } else {
        response.body = asset.plain;
    }
    return response;
}

HttpResponse answer(const HttpRequest& request) {
    if (request.method != "GET" && request.method != "HEAD") {
        HttpResponse response = plain_text(405, "The console is read with GET.\n");
        response.headers.emplace_back("Allow", "GET, HEAD");
        return response;
    }
    if (console::assets().empty()) {
        return plain_text(404, "This server was built without the console. The API is at /v1.\n");
    }
    const Asset* asset = find(request.path);
    if (asset == nullptr) return plain_text(404, "There is no such file of the console.\n");
    return show(*asset, request);
}

class ConsoleFrontEnd final : public HttpFrontEnd {
  public:
    [[nodiscard]] bool wants(const HttpRequest& request) const override {
        return request.path == "/" || request.path.starts_with(folder);
    }

    asio::awaitable<HttpResponse> handle(HttpRequest request) override {
        co_return answer(request);
    }
};

}  // namespace

std::unique_ptr<HttpFrontEnd> make_console_front_end() {
    return std::make_unique<ConsoleFrontEnd>();
}

}  // namespace penstock::plugins

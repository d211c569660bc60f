#include "sinks/client/http_client.h"

#include "sinks/client/pool.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <optional>
#include <utility>

namespace penstock::sinks::client {
namespace {

Origin origin_of(const Url& url) {
    return Origin{url.scheme, url.host, url.port, url.socket, url.tls};
}

Result<std::optional<Url>> read_proxy(const std::string& text) {
    if (text.empty()) return std::optional<Url>();
    auto url = parse_url(text);
    if (!url) return error(Errc::invalid, "proxy " + text + ": " + url.error().detail);
    if (url->scheme != Scheme::http || url->target != "/") {
        return error(Errc::invalid, "proxy " + text + ": must be http://host:port");
    }
    return std::optional<Url>(std::move(*url));
}

bool clean(std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

Result<std::string> head_of(const HttpCall& call, const Url& url) {
    std::string head = call.method + " " + url.target + " HTTP/1.1\r\nHost: " + url.authority;
    for (const auto& [name, value] : call.headers) {
        if (!clean(name) || !clean(value)) {
            return error(Errc::invalid, "the header " + name + " has a line break in it");
        }
        head += "\r\n" + name + ": " + value;
    }
    head += "\r\nContent-Length: " + std::to_string(call.body.size()) + "\r\n\r\n";
    return head;
}

Result<HttpAnswer> whole_answer(Exchange exchange, const std::string& url) {
    switch (exchange.ending) {
        case Ending::answered:
            if (exchange.complete) return std::move(exchange.answer);
            return error(Errc::unavailable, url + ": the answer is incomplete or too long");
        case Ending::timeout:
            return error(Errc::timeout, url + ": " + exchange.detail);
        case Ending::stopped:
            return error(Errc::closed, url + ": " + exchange.detail);
        case Ending::refused:
        case Ending::reset:
        case Ending::tls:
        case Ending::name:
        case Ending::guarded:
        case Ending::exhausted:
            break;
    }
    return error(Errc::unavailable, url + ": " + exchange.detail);
}

}  // namespace

Result<std::unique_ptr<HttpClient>> HttpClient::make(asio::any_io_executor executor,
                                                     const Clock& clock,
                                                     Resolver& resolver,
                                                     ClientOptions options) {
    auto tls = TlsIdentities::make(options);
    if (!tls) return tls.error();
    auto proxy = read_proxy(options.proxy);
    if (!proxy) return proxy.error();
    Surroundings surroundings{std::move(executor),
                              clock,
                              resolver,
                              std::move(options),
                              std::move(*tls),
                              std::move(*proxy)};
    return std::make_unique<HttpClient>(std::make_unique<Pool>(std::move(surroundings)));
}

HttpClient::HttpClient(std::unique_ptr<Pool> pool) : pool_(std::move(pool)) {}

HttpClient::~HttpClient() {
    pool_->close();
}

void HttpClient::send(const Url& url, Outgoing request, Done done) {
    auto job = std::make_unique<Job>();
    job->origin = origin_of(url);
    job->deadline_us =
        pool_->surroundings().clock.steady_us() + std::int64_t{request.timeout_ms} * 1000;
    job->request = std::move(request);
    job->done = std::move(done);
    pool_->start(std::move(job));
}

Result<std::shared_ptr<TlsIdentity>> HttpClient::identity(const TlsTexts& texts) {
    return pool_->surroundings().tls.get(texts);
}

void HttpClient::forget(const Url& url) {
    pool_->forget(origin_of(url));
}

void HttpClient::stop() {
    pool_->stop();
}

std::size_t HttpClient::connections() const {
    return pool_->connections();
}

asio::awaitable<Result<HttpAnswer>> fetch(HttpClient& client, HttpCall call) {
    const Result<Url> url = parse_url(call.url);
    if (!url) co_return url.error();
    Result<std::string> head = head_of(call, *url);
    if (!head) co_return head.error();
    Outgoing request;
    request.head = std::move(*head);
    request.body = call.body;
    request.timeout_ms = call.timeout_ms;
    request.answer_bytes_max = call.answer_bytes_max;
    auto initiate = [&client, &url, &request](auto handler) {
        // std::function wants copies; the handler is run once.
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        client.send(*url, std::move(request), [shared](Exchange exchange) {
            std::move (*shared)(std::move(exchange));
        });
    };
    Exchange exchange =
        co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(Exchange)>(
            std::move(initiate), asio::use_awaitable);
    co_return whole_answer(std::move(exchange), call.url);
}

}  // namespace penstock::sinks::client

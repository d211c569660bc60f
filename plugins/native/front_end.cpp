#include "plugins/native/front_end.h"

#include "broker/base/hash.h"
#include "broker/base/log.h"
#include "broker/model/account_name.h"
#include "plugins/native/authentication.h"
#include "plugins/native/events.h"
#include "plugins/native/openapi.h"
#include "plugins/native/rate_fields.h"
#include "plugins/native/routes.h"

#include <array>
#include <atomic>
#include <cstdio>
#include <exception>

namespace penstock::plugins {

namespace {

using native::Problem;
using native::Reply;

constexpr std::size_t request_id_bytes_max = 64;

constexpr std::string_view description_path = "/v1/openapi.json";

bool is_probe(std::string_view path) {
    return path == "/healthz" || path == "/readyz";
}

// Who is on this machine needs no key for it.
bool is_open(std::string_view path) {
    return is_probe(path) || path == description_path;
}

Problem problem_of(model::Reason reason, std::string detail) {
    model::Refusal refusal;
    refusal.reason = reason;
    refusal.detail = std::move(detail);
    return native::refused(refusal);
}

Problem no_such_route(const HttpRequest& request) {
    Problem problem;
    problem.status = 404;
    problem.code = "route_not_found";
    problem.detail = "There is no " + request.method + " " +
                     native::readable(std::string_view(request.path).substr(0, 256)) + ".";
    problem.hint = "GET /v1/openapi.json describes the routes.";
    return problem;
}

Problem wrong_method(const HttpRequest& request, const std::string& allow) {
    Problem problem;
    problem.status = 405;
    problem.code = "method_not_allowed";
    problem.detail = request.method + " is not for this path; it takes " + allow + ".";
    problem.headers.emplace_back("Allow", allow);
    return problem;
}

bool is_request_id(std::string_view text) {
    return !text.empty() && text.size() <= request_id_bytes_max &&
           std::all_of(text.begin(), text.end(), [](char letter) {
               return letter > 0x20 && letter < 0x7F && letter != '"' && letter != '\\';
           });
}

class NativeFrontEnd final : public HttpFrontEnd {
  public:
    NativeFrontEnd(api::Broker& broker, const NativeOptions& options)
        : broker_(broker),
          functions_(options.functions),
          metrics_(options.metrics),
          secrets_(options.secrets),
          tls_(options.tls),
          keys_(options.keys),
          accounts_(options.accounts),
          quotas_(options.quotas),
          uses_(options.uses),
          trials_(options.trials),
          clock_(options.clock),
          id_seed_(static_cast<std::uint64_t>(options.clock.wall_ms())) {}

    [[nodiscard]] bool wants(const HttpRequest& request) const override {
        return request.path == "/v1" || request.path.starts_with("/v1/") || is_probe(request.path);
    }

    asio::awaitable<HttpResponse> handle(HttpRequest request) override;

    [[nodiscard]] std::optional<HttpResponse> refuse(const HttpRequest& request,
                                                     unsigned status) override;

  private:
    asio::awaitable<Reply> answer(HttpRequest request);
    void tell_rates(const native::Route& route, const native::Call& call, Reply& reply) const;
    [[nodiscard]] std::optional<Problem> admit(const HttpRequest& request, api::Principal& who);
    [[nodiscard]] Reply open_answer(const HttpRequest& request) const;
    std::string request_id(const HttpRequest& request);

    api::Broker& broker_;
    api::Functions* const functions_;
    api::MetricSource* const metrics_;
    const api::SecretBox* const secrets_;
    const ServerTls* const tls_;
    api::Keys* const keys_;
    api::Accounts* const accounts_;
    const api::Quotas* const quotas_;
    api::AccountUses* const uses_;
    api::ScriptTrials* const trials_;
    const Clock& clock_;
    const std::uint64_t id_seed_;
    std::atomic<std::uint64_t> requests_ = 0;
    native::EventStreams events_;
};

// The caller's own id when it sent a decent one. Ours need only differ from one another.
std::string NativeFrontEnd::request_id(const HttpRequest& request) {
    const std::string_view given = request.header("x-request-id");
    if (is_request_id(given)) return std::string(given);
    std::array<char, 17> text{};
    const std::uint64_t number = mix64(id_seed_ + (++requests_ << 20));
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(number));
    return text.data();
}

Reply NativeFrontEnd::open_answer(const HttpRequest& request) const {
    if (request.method != "GET" && request.method != "HEAD")
        return wrong_method(request, "GET, HEAD");
    if (request.path == description_path) {
        HttpResponse response;
        response.body = native::openapi_document();
        return response;
    }
    if (request.path == "/readyz" && !broker_.ready()) {
        return problem_of(model::Reason::unavailable,
                          "The server is starting or stopping, or its cluster has no leader.");
    }
    boost::json::object body;
    body["status"] = request.path == "/readyz" ? "ready" : "alive";
    return native::json_reply(body);
}

// Who asks; a problem when nobody known does. Before recovery no key is known: that is not the
// caller's fault and must not look so.
std::optional<Problem> NativeFrontEnd::admit(const HttpRequest& request, api::Principal& who) {
    const bool ready = broker_.ready();
    auto principal = native::authenticate(broker_, request, clock_.wall_ms());
    if (!principal && !ready) {
        return problem_of(model::Reason::unavailable,
                          "The server is starting or stopping, or its cluster has no leader.");
    }
    if (!principal) return principal.error();
    who = std::move(*principal);
    return std::nullopt;
}

asio::awaitable<Reply> NativeFrontEnd::answer(HttpRequest request) {
    if (is_open(request.path) && request.loopback) co_return open_answer(request);
    api::Principal who;
    if (auto problem = admit(request, who)) co_return std::move(*problem);
    if (is_open(request.path)) co_return open_answer(request);

    native::Match found = native::match(request.method, request.path);
    if (found.route == nullptr && found.allow.empty()) co_return no_such_route(request);
    if (found.route == nullptr) co_return wrong_method(request, found.allow);
    if (!found.route->takes_query && !request.query.empty()) {
        co_return native::invalid_parameter("query", "This route takes no query parameters.");
    }
    if (!found.route->takes_body && !request.body.empty()) {
        co_return native::invalid_parameter("body", "This route takes no body.");
    }
    native::Call call{broker_,
                      functions_,
                      metrics_,
                      secrets_,
                      tls_,
                      events_,
                      clock_,
                      std::move(who),
                      std::move(request),
                      std::move(found.names),
                      keys_,
                      accounts_,
                      quotas_,
                      uses_,
                      trials_};
    Reply reply = co_await found.route->handler(call);
    if (quotas_ != nullptr) tell_rates(*found.route, call, reply);
    co_return reply;
}

// As they are behind the request, whether it was refused or not.
void NativeFrontEnd::tell_rates(const native::Route& route,
                                const native::Call& call,
                                Reply& reply) const {
    const std::string& account = call.principal.account;
    api::Charge charge;
    std::string object;
    if (route.use != api::Use::control) object = model::stored_name(account, call.names.at(0));
    charge.use = route.use;
    charge.topic = route.path.starts_with("/v1/topics/");
    charge.object = object;
    charge.account = model::account_of(object);
    const auto standings = quotas_->standings(account, charge);
    if (reply) return native::add_rate_fields(reply->headers, standings);
    Problem problem = reply.error();
    native::add_rate_fields(problem.headers, standings);
    reply = std::move(problem);
}

asio::awaitable<HttpResponse> NativeFrontEnd::handle(HttpRequest request) {
    const std::string id = request_id(request);
    HttpResponse response;
    try {
        Reply reply = co_await answer(std::move(request));
        response = reply ? std::move(*reply) : native::to_response(reply.error(), id);
    } catch (const boost::system::system_error& failure) {
        // Cancelled: the caller is gone, the listener wants to hear it.
        if (failure.code() == asio::error::operation_aborted) throw;
        log_line(LogLevel::error, "plugins/native", std::string("failed what=") + failure.what());
        response = native::to_response(problem_of(model::Reason::internal, "A defect."), id);
    } catch (const std::exception& failure) {
        log_line(LogLevel::error, "plugins/native", std::string("failed what=") + failure.what());
        response = native::to_response(problem_of(model::Reason::internal, "A defect."), id);
    }
    response.headers.emplace_back("X-Request-Id", id);
    co_return response;
}

std::optional<HttpResponse> NativeFrontEnd::refuse(const HttpRequest& request, unsigned status) {
    if (status == 503) {
        const Problem overloaded =
            problem_of(model::Reason::overloaded,
                       "Too many large requests are under way. Nothing of this one was taken.");
        return native::to_response(overloaded, request_id(request));
    }
    Problem problem;
    problem.status = status;
    problem.code = refusal_code(status);
    problem.detail = why_refused(status);
    return native::to_response(problem, request_id(request));
}

}  // namespace

std::unique_ptr<HttpFrontEnd> make_native_front_end(api::Broker& broker,
                                                    const NativeOptions& options) {
    return std::make_unique<NativeFrontEnd>(broker, options);
}

}  // namespace penstock::plugins

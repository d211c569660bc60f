#include "plugins/cmq_http/cloud/front_end.h"

#include "broker/api/signature.h"
#include "broker/base/check.h"
#include "broker/base/hash.h"
#include "plugins/cmq_http/cloud/actions.h"
#include "plugins/cmq_http/cloud/signature.h"

#include <boost/json.hpp>

#include <algorithm>
#include <atomic>
#include <utility>

namespace penstock::plugins {

namespace cmq::cloud {

namespace {

namespace json = boost::json;

constexpr std::size_t shown_bytes_max = 64;  // of a value repeated in an error

// 32 hexadecimal digits in groups, as request ids of API 3.0 look.
std::string shown_request_id(std::uint64_t high, std::uint64_t low) {
    std::string id;
    for (const std::uint64_t half : {high, low}) {
        for (unsigned shift = 64; shift > 0; shift -= 8) {
            id.push_back(static_cast<char>((half >> (shift - 8)) & 0xFFU));
        }
    }
    id = api::to_hex(id);
    for (const std::size_t at : {20U, 16U, 12U, 8U}) id.insert(at, "-");
    return id;
}

class FrontEnd final : public HttpFrontEnd {
  public:
    FrontEnd(api::Broker& broker, const CmqOptions& options)
        : broker_(broker),
          options_(options),
          performed_(cmq::all_actions()),
          actions_(cloud_actions()) {
        check(options.clock != nullptr, "the API 3.0 front end needs a clock");
    }

    [[nodiscard]] bool wants(const HttpRequest& request) const override {
        return request.path == "/" && !request.header("x-tc-action").empty();
    }

    asio::awaitable<HttpResponse> handle(HttpRequest request) override;
    [[nodiscard]] std::optional<HttpResponse> refuse(const HttpRequest& request,
                                                     unsigned status) override;

  private:
    Problem admit(const HttpRequest& request,
                  api::Principal& principal,
                  const CloudAction*& action,
                  std::vector<Parameters::Parameter>& parameters) const;
    [[nodiscard]] HttpResponse respond(CloudAnswer answer);

    api::Broker& broker_;
    CmqOptions options_;
    std::vector<Action> performed_;
    std::vector<CloudAction> actions_;
    std::atomic<std::uint64_t> requests_{0};
};

Problem find_action(const HttpRequest& request,
                    const std::vector<CloudAction>& actions,
                    const CloudAction*& action) {
    const std::string_view version = request.header("x-tc-version");
    if (version.empty()) return {"MissingParameter", "X-TC-Version is missing"};
    if (version != cmq_version && version != tdmq_version) {
        return {"NoSuchVersion", "X-TC-Version must be 2019-03-04 (cmq) or 2020-02-17 (tdmq)"};
    }
    const std::string_view name = request.header("x-tc-action");
    const auto found = std::find_if(actions.begin(), actions.end(), [&](const CloudAction& one) {
        return (version == cmq_version ? one.cmq : one.tdmq) == name;
    });
    if (found == actions.end()) {
        return {"InvalidAction",
                "there is no action " + std::string(name.substr(0, shown_bytes_max)) +
                    " in version " + std::string(version)};
    }
    action = &*found;
    return {};
}

Problem FrontEnd::admit(const HttpRequest& request,
                        api::Principal& principal,
                        const CloudAction*& action,
                        std::vector<Parameters::Parameter>& parameters) const {
    if (request.method != "POST") {
        return {"UnsupportedProtocol", "only POST with a JSON body is supported"};
    }
    const std::int64_t now_s = options_.clock->wall_ms() / 1000;
    const bool judges_time = options_.timestamp_skew_ms != 0;
    auto problem = authenticate(request, now_s, judges_time, broker_, principal);
    if (!problem.none()) return problem;
    problem = find_action(request, actions_, action);
    if (!problem.none()) return problem;
    boost::system::error_code failed;
    const json::value body =
        request.body.empty() ? json::value(json::object()) : json::parse(request.body, failed);
    if (failed || !body.is_object()) {
        return {"InvalidParameter", "the body must be a JSON object"};
    }
    return translate(body.get_object(), action->fields, parameters);
}

asio::awaitable<HttpResponse> FrontEnd::handle(HttpRequest request) {
    CloudAnswer answer;
    api::Principal principal;
    const CloudAction* action = nullptr;
    std::vector<Parameters::Parameter> parameters;
    answer.problem = admit(request, principal, action, parameters);
    if (answer.problem.none()) {
        const bool tdmq = request.header("x-tc-version") == tdmq_version;
        const CloudExchange exchange{broker_,
                                     options_,
                                     performed_,
                                     *action,
                                     tdmq,
                                     std::move(principal),
                                     std::move(parameters),
                                     TraceHeaders(request)};
        answer = co_await action->handler(exchange);
    }
    co_return respond(std::move(answer));
}

std::optional<HttpResponse> FrontEnd::refuse(const HttpRequest& /*request*/, unsigned status) {
    constexpr unsigned unsupported_coding = 415;
    constexpr unsigned overloaded = 503;
    CloudAnswer answer;
    answer.problem = {"RequestSizeLimitExceeded", "the request is too large"};
    if (status == unsupported_coding)
        answer.problem = {"UnsupportedProtocol", "the body's coding is not supported"};
    if (status == overloaded)
        answer.problem = {"RequestLimitExceeded", "too many large requests are under way"};
    return respond(std::move(answer));
}

HttpResponse FrontEnd::respond(CloudAnswer answer) {
    json::object& members = answer.members;
    if (!answer.problem.none()) {
        members = {{"Error", {{"Code", answer.problem.code}, {"Message", answer.problem.message}}}};
    }
    // A permutation of a counter: never twice from one process, and unlikely from the next.
    const std::uint64_t turn = requests_.fetch_add(1, std::memory_order_relaxed);
    members["RequestId"] = shown_request_id(mix64(options_.seed + turn), mix64(~turn));
    HttpResponse response;
    response.body = json::serialize(json::object{{"Response", std::move(members)}});
    return response;
}

}  // namespace

}  // namespace cmq::cloud

std::unique_ptr<HttpFrontEnd> make_cmq_cloud_front_end(api::Broker& broker,
                                                       const CmqOptions& options) {
    return std::make_unique<cmq::cloud::FrontEnd>(broker, options);
}

}  // namespace penstock::plugins

#include "plugins/cmq_http/cloud/front_end.h"

#include "broker/api/signature.h"
#include "broker/base/check.h"
#include "broker/base/hash.h"
#include "plugins/cmq_http/authentication.h"
#include "plugins/cmq_http/cloud/actions.h"
#include "plugins/cmq_http/cloud/form.h"
#include "plugins/cmq_http/cloud/signature.h"
#include "plugins/cmq_http/multipart.h"

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

// The parameters of a request that is a form of API 3.0. Parts are API 2.0's: a message among them
// is not encoded, and may say what it likes.
std::string_view form_of(const HttpRequest& request) {
    if (request.method == "POST") {
        const bool parts = !boundary_of(request.header("content-type")).empty();
        return parts ? std::string_view() : std::string_view(request.body);
    }
    return request.method == "GET" ? std::string_view(request.query) : std::string_view();
}

// What a request that is let in asks for.
struct Asked {
    api::Principal principal;
    const CloudAction* action = nullptr;
    bool tdmq = false;
    std::vector<Parameters::Parameter> parameters;
};

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
        return request.path == "/" &&
               (!request.header("x-tc-action").empty() || names_version(form_of(request)));
    }

    asio::awaitable<HttpResponse> handle(HttpRequest request) override;
    [[nodiscard]] std::optional<HttpResponse> refuse(const HttpRequest& request,
                                                     unsigned status) override;

  private:
    Problem admit(const HttpRequest& request, Asked& asked) const;
    Problem admit_form(const HttpRequest& request, Asked& asked) const;
    Problem find_action(std::string_view name, std::string_view version, Asked& asked) const;
    [[nodiscard]] HttpResponse respond(CloudAnswer answer);

    api::Broker& broker_;
    CmqOptions options_;
    std::vector<Action> performed_;
    std::vector<CloudAction> actions_;
    std::atomic<std::uint64_t> requests_{0};
};

Problem FrontEnd::find_action(std::string_view name, std::string_view version, Asked& asked) const {
    if (version.empty()) return {"MissingParameter", "X-TC-Version is missing"};
    if (version != cmq_version && version != tdmq_version) {
        return {"NoSuchVersion", "X-TC-Version must be 2019-03-04 (cmq) or 2020-02-17 (tdmq)"};
    }
    asked.tdmq = version == tdmq_version;
    const auto found =
        std::find_if(actions_.begin(), actions_.end(), [&](const CloudAction& one) {
            return (asked.tdmq ? one.tdmq : one.cmq) == name;
        });
    if (found == actions_.end()) {
        return {"InvalidAction",
                "there is no action " + std::string(name.substr(0, shown_bytes_max)) +
                    " in version " + std::string(version)};
    }
    asked.action = &*found;
    return {};
}

Problem FrontEnd::admit(const HttpRequest& request, Asked& asked) const {
    const std::string_view name = request.header("x-tc-action");
    if (name.empty()) return admit_form(request, asked);
    if (request.method != "POST") {
        return {"UnsupportedProtocol", "only POST with a JSON body is supported"};
    }
    const std::int64_t now_s = options_.clock->wall_ms() / 1000;
    const bool judges_time = options_.timestamp_skew_ms != 0;
    auto problem = authenticate(request, now_s, judges_time, broker_, asked.principal);
    if (!problem.none()) return problem;
    problem = find_action(name, request.header("x-tc-version"), asked);
    if (!problem.none()) return problem;
    boost::system::error_code failed;
    const json::value body =
        request.body.empty() ? json::value(json::object()) : json::parse(request.body, failed);
    if (failed || !body.is_object()) {
        return {"InvalidParameter", "the body must be a JSON object"};
    }
    return translate(body.get_object(), asked.action->fields, asked.parameters);
}

Problem FrontEnd::admit_form(const HttpRequest& request, Asked& asked) const {
    Parameters form;
    Failure failure = form.parse(form_of(request));
    Freshness freshness;
    freshness.now_s = options_.clock->wall_ms() / 1000;
    freshness.skew_s = options_.timestamp_skew_ms == 0 ? 0 : skew_s_max;
    if (failure.none()) {
        failure = cmq::authenticate(request, form, freshness, broker_, asked.principal);
    }
    if (!failure.none()) return problem_of(failure);
    const std::string* name = form.find("Action");
    const std::string* version = form.find("Version");
    if (name == nullptr || name->empty() || version == nullptr) {
        return {"MissingParameter", "Action is missing"};
    }
    auto problem = find_action(*name, *version, asked);
    if (!problem.none()) return problem;
    const auto body = body_of(form, asked.action->fields);
    if (!body) return {"InvalidParameter", "the names of the parameters contradict each other"};
    return translate(*body, asked.action->fields, asked.parameters);
}

asio::awaitable<HttpResponse> FrontEnd::handle(HttpRequest request) {
    CloudAnswer answer;
    Asked asked;
    answer.problem = admit(request, asked);
    if (answer.problem.none()) {
        const CloudExchange exchange{broker_,
                                     options_,
                                     performed_,
                                     *asked.action,
                                     asked.tdmq,
                                     std::move(asked.principal),
                                     std::move(asked.parameters),
                                     TraceHeaders(request)};
        answer = co_await asked.action->handler(exchange);
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

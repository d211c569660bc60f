#include "plugins/cmq_http/front_end.h"

#include "broker/base/check.h"
#include "broker/base/hash.h"
#include "broker/base/letters.h"
#include "plugins/cmq_http/action.h"
#include "plugins/cmq_http/authentication.h"
#include "plugins/cmq_http/json_fields.h"
#include "plugins/cmq_http/messages.h"
#include "plugins/cmq_http/multipart.h"
#include "plugins/cmq_http/queues.h"
#include "plugins/cmq_http/subscriptions.h"
#include "plugins/cmq_http/topics.h"

#include <algorithm>
#include <atomic>
#include <iterator>

namespace penstock::plugins {

namespace cmq {

std::vector<Action> all_actions() {
    std::vector<Action> all;
    for (auto&& part :
         {queue_actions(), message_actions(), topic_actions(), subscription_actions()}) {
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

namespace {

constexpr std::string_view usual_path = "/v2/index.php";
constexpr std::string_view doubled_path = "/v2/index.php/v2/index.php";  // of PHP's GET

constexpr std::size_t shown_bytes_max = 64;  // of a value repeated in an error

class FrontEnd final : public HttpFrontEnd {
  public:
    FrontEnd(api::Broker& broker, const CmqOptions& options)
        : broker_(broker), options_(options), actions_(all_actions()) {
        check(options.clock != nullptr, "the CMQ front end needs a clock");
    }

    [[nodiscard]] bool wants(const HttpRequest& request) const override;
    asio::awaitable<HttpResponse> handle(HttpRequest request) override;
    [[nodiscard]] std::optional<HttpResponse> refuse(const HttpRequest& request,
                                                     unsigned status) override;

  private:
    Failure admit(const HttpRequest& request,
                  Parameters& parameters,
                  api::Principal& principal,
                  const Action*& action) const;
    [[nodiscard]] const Action* find(std::string_view name) const;
    [[nodiscard]] HttpResponse respond(const Answer& answer, const Parameters& parameters);

    api::Broker& broker_;
    CmqOptions options_;
    std::vector<Action> actions_;
    std::atomic<std::uint64_t> requests_{0};
};

// "Action=" where a parameter may begin.
bool names_action(std::string_view form) {
    return form.starts_with("Action=") || form.find("&Action=") != std::string_view::npos;
}

bool FrontEnd::wants(const HttpRequest& request) const {
    if (request.path == usual_path || request.path == doubled_path) return true;
    if (request.path != "/") return false;
    // Plain "/" is the console's, unless the request speaks CMQ.
    return request.method == "POST" || names_action(request.query);
}

const Action* FrontEnd::find(std::string_view name) const {
    // One Java client spells an action its own way: letter case does not count.
    const auto found = std::find_if(actions_.begin(), actions_.end(), [name](const Action& action) {
        return same_letters(action.name, name);
    });
    return found == actions_.end() ? nullptr : &*found;
}

Failure FrontEnd::admit(const HttpRequest& request,
                        Parameters& parameters,
                        api::Principal& principal,
                        const Action*& action) const {
    const bool post = request.method == "POST";
    if (!post && request.method != "GET") return {faults::method, request.method};
    const auto boundary = post ? boundary_of(request.header("content-type")) : std::string_view();
    Failure failure = boundary.empty() ? parameters.parse(post ? request.body : request.query)
                                       : parameters.parse_parts(request.body, boundary);
    if (!failure.none()) return failure;
    const std::string* name = parameters.find("Action");
    if (name == nullptr) return {faults::missing, "Action"};
    Freshness freshness;
    freshness.now_s = options_.clock->wall_ms() / 1000;
    freshness.skew_s = static_cast<std::int64_t>(options_.timestamp_skew_ms / 1000);
    failure = authenticate(request, parameters, freshness, broker_, principal);
    if (!failure.none()) return failure;
    action = find(*name);
    if (action == nullptr) {
        return {faults::unknown_action, name->size() <= shown_bytes_max ? *name : std::string()};
    }
    return validate(action->parameters, parameters);
}

asio::awaitable<HttpResponse> FrontEnd::handle(HttpRequest request) {
    Parameters parameters;
    Answer answer;
    api::Principal principal;
    const Action* action = nullptr;
    answer.failure = admit(request, parameters, principal, action);
    TraceHeaders trace(request);
    request = HttpRequest();  // a long poll holds the parameters only
    if (answer.failure.none()) {
        const Exchange exchange{broker_,
                                options_,
                                *action,
                                std::move(principal),
                                Arguments(parameters),
                                std::move(trace)};
        answer = co_await action->handler(exchange);
    }
    co_return respond(answer, parameters);
}

std::optional<HttpResponse> FrontEnd::refuse(const HttpRequest& request, unsigned status) {
    constexpr unsigned unsupported_coding = 415;
    constexpr unsigned overloaded = 503;
    Answer answer;
    answer.failure = {faults::too_large, request.method == "GET" ? "uri" : "body"};
    if (status == unsupported_coding) answer.failure = {faults::value_malformed, {}};
    if (status == overloaded) answer.failure = {faults::overloaded, {}};
    const Parameters none;
    return respond(answer, none);
}

HttpResponse FrontEnd::respond(const Answer& answer, const Parameters& parameters) {
    JsonFields json;
    json.number("code", std::int64_t{answer.failure.fault.code});
    json.text("message", message_of(answer.failure));
    // A permutation of a counter: never twice from one process, and unlikely from the next.
    const std::uint64_t turn = requests_.fetch_add(1, std::memory_order_relaxed);
    json.text("requestId", std::to_string(mix64(options_.seed + turn)));
    const std::string* client_id = parameters.find("clientRequestId");
    if (client_id != nullptr) {
        // A number or nothing: Go's client fails on a string.
        if (const auto number = model::parse_decimal(*client_id)) {
            json.number("clientRequestId", *number);
        }
    }
    json.append(answer.members);
    HttpResponse response;
    response.body = "{" + json.take() + "}";
    return response;
}

}  // namespace

}  // namespace cmq

std::unique_ptr<HttpFrontEnd> make_cmq_front_end(api::Broker& broker, const CmqOptions& options) {
    return std::make_unique<cmq::FrontEnd>(broker, options);
}

}  // namespace penstock::plugins

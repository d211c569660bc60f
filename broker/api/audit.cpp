#include "broker/api/audit.h"

#include "broker/api/actions.h"
#include "broker/base/log.h"

#include <algorithm>
#include <memory>
#include <type_traits>
#include <utility>

namespace penstock::api {

namespace {

constexpr std::size_t object_bytes_max = 200;

// What is asked all the time and changes no object. Whatever else there is, or will be, is an act.
template <class R>
constexpr bool is_everyday = is_one_of<R,
                                       SendMessages,
                                       ReceiveMessages,
                                       DeleteMessages,
                                       ChangeVisibility,
                                       PublishMessages,
                                       ConfirmTransactions,
                                       TakeChecks,
                                       FindDeadLetter,
                                       ReadBackup,
                                       TrackMessage>;

bool is_read(std::string_view action) {
    return action.starts_with("List") || action.starts_with("Get") || action.starts_with("Peek") ||
           action.starts_with("Find");
}

template <class R>
std::string object_of(const R& request) {
    if constexpr (requires { request.topic + request.name; }) {
        return request.topic + "/" + request.name;
    } else if constexpr (requires { request.name + std::string(); }) {
        return request.name;
    } else if constexpr (requires { request.queue + std::string(); }) {
        return request.queue;
    } else {
        return {};
    }
}

// In quotes: a name that was refused may be anything, and must not look like more members.
std::string quoted(std::string text) {
    text.resize(std::min(text.size(), object_bytes_max));
    std::replace(text.begin(), text.end(), '"', '\'');
    return "\"" + text + "\"";
}

template <class R>
std::optional<std::string> act_of(const R& request) {
    if constexpr (is_everyday<R>) {
        return std::nullopt;
    } else {
        const std::string& action = action_of<R>();
        if (is_read(action)) return std::nullopt;
        if constexpr (requires { request.preview; }) {
            if (request.preview) return std::nullopt;  // counts, and changes nothing
        }
        std::string act = "action=" + action;
        const std::string object = object_of(request);
        if (!object.empty()) act += " object=" + quoted(object);
        return act;
    }
}

// How the answer to the request's alternative ended.
template <class R>
std::string ending_of(const std::any& answer) {
    const auto* outcome = std::any_cast<Outcome<typename R::Reply>>(&answer);
    if (outcome == nullptr) return "outcome=unknown";
    if (*outcome) return "outcome=done";
    return "outcome=refused reason=" + std::string(to_text(outcome->error().reason)) +
           " detail=" + quoted(outcome->error().detail);
}

std::string of_account(const Principal& principal) {
    return principal.account.empty() ? std::string() : " account=" + quoted(principal.account);
}

}  // namespace

std::optional<std::string> audited_act(const Request& request) {
    return std::visit([](const auto& one) { return act_of(one); }, request);
}

std::shared_ptr<Cancellation> AuditedBroker::call(const Principal& principal,
                                                  Request request,
                                                  asio::any_io_executor executor,
                                                  Answer answer) {
    const auto act = audited_act(request);
    if (!act) {
        return inner_.call(principal, std::move(request), std::move(executor), std::move(answer));
    }
    std::string (*ending)(const std::any&) = std::visit(
        [](const auto& one) { return &ending_of<std::decay_t<decltype(one)>>; }, request);
    auto told = [answer = std::move(answer),
                 line = "event=audit key=" + quoted(principal.key_id) + of_account(principal) +
                        " " + *act,
                 ending,
                 began_us = clock_.steady_us(),
                 &clock = clock_](std::any outcome) {
        const std::int64_t took_ms = (clock.steady_us() - began_us) / 1'000;
        log_line(LogLevel::info,
                 "audit",
                 line + " " + ending(outcome) + " took_ms=" + std::to_string(took_ms));
        answer(std::move(outcome));
    };
    return inner_.call(principal, std::move(request), std::move(executor), std::move(told));
}

}  // namespace penstock::api

// Call: one authenticated request on its way to a handler, and what handlers answer. A handler is
// a named coroutine; the front end's frame keeps the call alive until it is done. One request, one
// I/O thread.
#pragma once

#include "broker/api/account_registry.h"
#include "broker/api/account_uses.h"
#include "broker/api/broker.h"
#include "broker/api/functions.h"
#include "broker/api/keys.h"
#include "broker/api/metrics.h"
#include "broker/api/quotas.h"
#include "broker/api/secrets.h"
#include "broker/base/clock.h"
#include "plugins/listener/http.h"
#include "plugins/listener/server_tls.h"
#include "plugins/native/documents.h"
#include "plugins/native/preconditions.h"
#include "plugins/native/problem.h"
#include "plugins/native/views.h"

#include <boost/json.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace penstock::plugins::native {

class EventStreams;

struct Call {
    api::Broker& broker;
    api::Functions* functions;      // nullptr: none run here
    api::MetricSource* metrics;     // nullptr: it has no figures
    const api::SecretBox* secrets;  // nullptr: no secret can be kept
    const ServerTls* tls;           // nullptr: no TLS
    EventStreams& events;
    const Clock& clock;
    api::Principal principal;
    HttpRequest request;
    std::vector<std::string> names;  // what stands for {} in the route's path, decoded
    api::Keys* keys;                 // nullptr: none can be made, all may look
    api::Accounts* accounts;         // nullptr: there are none
    const api::Quotas* quotas;       // nullptr: nothing is limited
    api::AccountUses* uses;          // nullptr: what accounts use is not known
    api::ScriptTrials* trials;       // nullptr: scripts are taken as they come
};

using Reply = boost::system::result<HttpResponse, Problem>;
using Handler = asio::awaitable<Reply> (*)(Call& call);

// co_await ask(call, std::move(request)): the broker's outcome.
template <class R>
asio::awaitable<api::Outcome<typename R::Reply>> ask(Call& call, R request) {
    api::Principal principal = call.principal;
    co_return co_await api::call(call.broker, std::move(principal), std::move(request));
}

inline Reply json_reply(const boost::json::object& body, unsigned status = 200) {
    HttpResponse response;
    response.status = status;
    response.body = boost::json::serialize(body) + "\n";
    return response;
}

inline Reply empty_reply() {
    HttpResponse response;
    response.status = 204;
    response.content_type.clear();
    return response;
}

// The ETag of what has a definition goes with what is shown of it. No cache of HTTP, such as a
// browser's, may use it: it would answer with counts of before.
template <class T>
Reply tagged(Reply reply, const T& view) {
    if constexpr (requires { view.digest; }) {
        if (reply) {
            reply->headers.emplace_back("ETag", entity_tag(view.digest));
            reply->headers.emplace_back("Cache-Control", "no-store");
        }
    }
    return reply;
}

// The view of what came back, or why not.
template <class T>
Reply shown(const api::Outcome<T>& outcome, unsigned status = 200) {
    if (!outcome) return refused(outcome.error());
    return tagged(json_reply(show(*outcome), status), *outcome);
}

// As above, unless the caller has it already (If-None-Match).
template <class T>
Reply shown_if_new(const Call& call, const api::Outcome<T>& outcome) {
    if (outcome) {
        if (auto instead = not_modified(call.request, outcome->digest)) return std::move(*instead);
    }
    return shown(outcome);
}

inline Reply done(const api::Outcome<api::Nothing>& outcome) {
    if (!outcome) return refused(outcome.error());
    return empty_reply();
}

// A change or delete of an object, if that is as If-Match says.
template <class R>
asio::awaitable<Reply> carry_out(Call& call, R request) {
    auto expected = read_if_match(call.request);
    if (!expected) co_return expected.error();
    request.expected = std::move(*expected);
    const auto outcome = co_await ask(call, std::move(request));
    if constexpr (std::is_same_v<typename R::Reply, api::Nothing>) {
        co_return done(outcome);
    } else {
        co_return shown(outcome);
    }
}

// For what is answered without the broker, which would judge: may the caller have it?
inline bool may(const Call& call, const api::Act& act) {
    return call.keys == nullptr || call.keys->may(call.principal, act);
}

inline Problem denied(std::string detail) {
    model::Refusal refusal;
    refusal.reason = model::Reason::denied;
    refusal.detail = std::move(detail);
    return refused(refusal);
}

// The `cursor` of a list as a position; 0 is the beginning. A foreign cursor is a problem.
std::uint64_t cursor_of(Fields& fields, char kind);

// A list: {"items": [...], "next_cursor": "..."}; `next` 0 is the end.
Reply list_reply(boost::json::array items, char kind, std::uint64_t next);

// Search and page of a list of names, from the query.
struct NameListing {
    std::string search;
    api::Page page;
};

inline constexpr char name_cursor = 'n';
inline constexpr Range name_limit{1, 100};
inline constexpr std::uint32_t name_limit_default = 50;
inline constexpr Range name_bytes{1, 64};
inline constexpr Range rate_per_s{0, model::messages_per_s_most};
inline constexpr Range search_bytes{0, 64};

NameListing name_listing(Fields& fields);

// Where the page after this one begins; 0: nowhere.
std::uint64_t next_page(const api::Page& page, std::size_t items, std::uint64_t total);

}  // namespace penstock::plugins::native

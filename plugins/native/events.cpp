// GET /v1/events: what changes, as it changes, as text/event-stream.
#include "plugins/native/events.h"

#include "plugins/native/call.h"
#include "plugins/native/event_views.h"
#include "plugins/native/figures.h"
#include "plugins/native/gather.h"
#include "plugins/native/routes.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>

namespace penstock::plugins::native {

namespace {

namespace json = boost::json;

constexpr std::chrono::seconds turn_period{1};
constexpr std::uint32_t turns_max = 3600;  // then the caller asks again
constexpr std::int64_t objects_period_us = 2'000'000;
constexpr std::int64_t objects_rest_factor = 10;  // of the time that looking took: it goes last
constexpr std::uint32_t objects_max = 1000;       // of each kind, by name
constexpr std::uint32_t page_items = 100;
constexpr std::uint32_t attempts_max = 50;  // a turn

struct Wanted {
    bool objects = false;
    bool attempts = false;
};

// One caller's stream. Lives with its connection.
class EventStream final : public HttpStream {
  public:
    EventStream(const Call& call, Wanted wanted, EventStreams::Place place)
        : broker_(call.broker),
          metrics_(call.metrics),
          clock_(call.clock),
          principal_(call.principal),
          wanted_(wanted),
          place_(std::move(place)) {}

    asio::awaitable<std::string> next() override;

  private:
    asio::awaitable<std::string> figures();
    asio::awaitable<std::string> attempts();
    asio::awaitable<std::string> objects();
    asio::awaitable<void> tell_subscriptions(json::array& changes, json::array& gone);

    template <class List, class Get>
    asio::awaitable<void> tell_named(List list,
                                     Told& told,
                                     json::array& changes,
                                     json::array& gone);

    api::Broker& broker_;
    api::MetricSource* const metrics_;
    const Clock& clock_;
    const api::Principal principal_;
    const Wanted wanted_;
    const EventStreams::Place place_;
    std::uint32_t turns_ = 0;
    std::int64_t objects_due_us_ = 0;
    NewAttempts new_attempts_;
    Told queues_;
    Told letters_;  // automatic dead-letter queues
    Told topics_;
    Told subscriptions_;
};

asio::awaitable<std::string> EventStream::next() {
    if (turns_ > 0) {
        const auto executor = co_await asio::this_coro::executor;
        asio::steady_timer pause(executor, turn_period);
        const auto [failed] = co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
        if (failed) co_return std::string();
    }
    // A key that is withdrawn sees no more.
    if (turns_++ >= turns_max || !api::is_known(broker_, principal_)) co_return std::string();
    std::string out = co_await figures();
    if (wanted_.attempts) out += co_await attempts();
    if (wanted_.objects && clock_.steady_us() >= objects_due_us_) out += co_await objects();
    // A comment: the caller sees that the stream lives.
    if (out.empty()) out = ": alive\n\n";
    co_return out;
}

asio::awaitable<std::string> EventStream::figures() {
    // They are the server's, of all accounts.
    if (metrics_ == nullptr || !principal_.account.empty()) co_return std::string();
    const auto metrics = co_await figures_of(*metrics_);
    if (!metrics) co_return std::string();
    co_return event_text("figures", figures_event(*metrics, clock_.wall_ms()));
}

asio::awaitable<std::string> EventStream::attempts() {
    api::ListDeliveries request;
    request.limit = attempts_max;
    api::Principal who = principal_;
    const auto page = co_await api::call(broker_, std::move(who), std::move(request));
    if (!page) co_return std::string();
    const auto fresh = new_attempts_.of(page->items);
    if (fresh.empty()) co_return std::string();
    json::array items;
    for (const auto& attempt : fresh) {
        json::object shown = show(attempt);
        shown.erase("excerpt");
        shown.erase("log");
        items.emplace_back(std::move(shown));
    }
    json::object data;
    data["more"] = fresh.size() == attempts_max;
    data["items"] = std::move(items);
    co_return event_text("attempts", data);
}

template <class List, class Get>
asio::awaitable<void> EventStream::tell_named(List list,
                                              Told& told,
                                              json::array& changes,
                                              json::array& gone) {
    told.begin();
    list.page.limit = page_items;
    while (list.page.offset < objects_max) {
        List request = list;
        api::Principal who = principal_;
        const auto page = co_await api::call(broker_, std::move(who), std::move(request));
        if (!page) co_return;
        std::vector<Get> requests;
        for (const auto& item : page->items) {
            Get get;
            get.name = item.name;
            requests.push_back(std::move(get));
        }
        const auto views = co_await gather(broker_, principal_, std::move(requests));
        for (std::size_t at = 0; at < views.size(); ++at) {
            const auto& view = views[at];
            if (view) told.tell(view->name, brief(*view), changes);
            // Its set may be without a leader: it has not gone.
            if (!view) told.keep(page->items[at].name);
        }
        list.page.offset += page_items;
        if (list.page.offset >= page->total) break;
    }
    told.end(gone);
}

asio::awaitable<void> EventStream::tell_subscriptions(json::array& changes, json::array& gone) {
    subscriptions_.begin();
    api::ListSubscriptions list;
    list.page.limit = page_items;
    while (list.page.offset < objects_max) {
        api::ListSubscriptions request = list;
        api::Principal who = principal_;
        const auto page = co_await api::call(broker_, std::move(who), std::move(request));
        if (!page) co_return;
        for (const auto& one : page->items) {
            subscriptions_.tell(one.topic + "/" + one.name, brief(one), changes);
        }
        list.page.offset += page_items;
        if (list.page.offset >= page->total) break;
    }
    subscriptions_.end(gone);
}

asio::awaitable<std::string> EventStream::objects() {
    const std::int64_t began_us = clock_.steady_us();
    json::object data;
    json::object gone;
    json::array changes;
    json::array left;
    api::ListQueues queues;
    co_await tell_named<api::ListQueues, api::GetQueue>(std::move(queues), queues_, changes, left);
    api::ListQueues letters;
    letters.automatic = true;
    letters.only_automatic = true;
    co_await tell_named<api::ListQueues, api::GetQueue>(
        std::move(letters), letters_, changes, left);
    data["queues"] = std::exchange(changes, {});
    gone["queues"] = std::exchange(left, {});
    api::ListTopics topics;
    co_await tell_named<api::ListTopics, api::GetTopic>(std::move(topics), topics_, changes, left);
    data["topics"] = std::exchange(changes, {});
    gone["topics"] = std::exchange(left, {});
    co_await tell_subscriptions(changes, left);
    const auto filled = [](const auto& field) {
        return !field.value().as_array().empty();
    };
    data["subscriptions"] = std::move(changes);
    gone["subscriptions"] = std::move(left);
    const bool changed = std::any_of(data.begin(), data.end(), filled) ||
                         std::any_of(gone.begin(), gone.end(), filled);
    const std::int64_t took_us = clock_.steady_us() - began_us;
    objects_due_us_ = began_us + std::max(objects_period_us, took_us * objects_rest_factor);
    if (!changed && turns_ > 1) co_return std::string();
    data["gone"] = std::move(gone);
    co_return event_text("objects", data);
}

}  // namespace

asio::awaitable<Reply> stream_events(Call& call) {
    Fields fields = query_fields(call.request.query, {"objects", "attempts"});
    Wanted wanted;
    wanted.objects = fields.flag("objects").value_or(false);
    wanted.attempts = fields.flag("attempts").value_or(false);
    if (!fields.ok()) co_return *fields.problem();
    const bool own = call.principal.account.empty();
    const bool allowed = may(call,
                             own ? api::Act{api::Right::look, "GetStatus", "server"}
                                 : api::Act{api::Right::look, "ListQueues", "queue/*"});
    if (!allowed) co_return denied("the key may not look at the server's figures");
    EventStreams::Place place = call.events.enter();
    if (!place) {
        model::Refusal refusal;
        refusal.reason = model::Reason::overloaded;
        refusal.detail = "There are " + std::to_string(EventStreams::open_max) +
                         " open streams of events, as many as may be.";
        co_return refused(refusal);
    }
    HttpResponse response;
    response.content_type = "text/event-stream";
    response.headers.emplace_back("Cache-Control", "no-store");
    response.stream = std::make_shared<EventStream>(call, wanted, std::move(place));
    co_return response;
}

}  // namespace penstock::plugins::native

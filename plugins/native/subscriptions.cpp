#include "broker/model/account_name.h"
#include "plugins/native/pace_fields.h"
#include "plugins/native/push_fields.h"
#include "plugins/native/routes.h"
#include "plugins/native/script_trials.h"
#include "plugins/native/signing_key.h"
#include "plugins/native/sink_fields.h"
#include "plugins/native/url_field.h"

#include <algorithm>

namespace penstock::plugins::native {

namespace {

constexpr Range filter_items{0, 16};
constexpr Range filter_bytes{1, 64};
constexpr Range concurrency_range{1, 1000};
constexpr std::uint32_t exec_processes_max = 64;
constexpr Range timeout_ms_range{100, 300'000, "milliseconds"};
constexpr Range retry_steps{1, 64};
constexpr Range overlap_s_range{0, 30 * 86'400, "seconds"};
constexpr std::uint64_t overlap_s_usual = 86'400;
constexpr Range retry_times{1, 1000};
constexpr Range retry_pause_range_ms{0, 86'400'000, "milliseconds"};

void read_custom_steps(Fields& object, model::RetryPolicy& policy) {
    auto steps = object.objects("steps", {"min_ms", "max_ms", "times"}, retry_steps);
    if (!steps) {
        object.refuse("steps", "is missing; a list of 1 to 64 objects.");
        return;
    }
    policy.steps.clear();
    for (auto& item : *steps) {
        model::RetryStep step;
        step.min_ms = static_cast<std::uint32_t>(item.need_whole("min_ms", retry_pause_range_ms));
        step.max_ms = item.whole32("max_ms", retry_pause_range_ms).value_or(step.min_ms);
        step.times = item.whole32("times", retry_times).value_or(1);
        if (step.max_ms < step.min_ms) item.refuse("max_ms", "must not be below min_ms.");
        object.adopt(item);
        policy.steps.push_back(step);
    }
}

// "backoff", "exponential", "standard", or {"name": ..., "steps": [...], "keeps_order": ...}. A
// known name with steps of its own keeps its name: CMQ clients see that one.
std::optional<model::RetryPolicy> read_retry(Fields& fields) {
    const auto* value = fields.raw("retry");
    if (value == nullptr || value->is_null()) return std::nullopt;
    if (value->is_string()) {
        const auto name = fields.one_of("retry", {"backoff", "exponential", "standard"});
        if (!name) return std::nullopt;
        if (*name == "standard") return model::standard_retry();
        return *name == "backoff" ? model::backoff_retry() : model::exponential_retry();
    }
    auto object = fields.object("retry", {"name", "steps", "keeps_order"});
    if (!object) return std::nullopt;
    const auto name =
        object->one_of("name", {"backoff", "exponential", "standard", "custom"}).value_or("custom");
    model::RetryPolicy policy;
    policy.name = model::RetryPolicy::Name::custom;
    if (name == "backoff") policy = model::backoff_retry();
    if (name == "exponential") policy = model::exponential_retry();
    if (name == "standard") policy = model::standard_retry();
    if (object->has("steps") || name == "custom") read_custom_steps(*object, policy);
    policy.keeps_order = object->flag("keeps_order").value_or(policy.keeps_order);
    fields.adopt(*object);
    return policy;
}

std::optional<model::ContentFormat> read_format(Fields& fields) {
    const auto format = fields.one_of("format",
                                      {"cmq-json",
                                       "simplified",
                                       "scf",
                                       "cloudevents",
                                       "cloudevents-structured",
                                       "cloudevents-batch"});
    if (!format) return std::nullopt;
    return model::content_format(*format);
}

// Behind read_sink().
void read_format_for(Fields& fields, model::SubscriptionSpec& spec) {
    const auto format = read_format(fields);
    if (!format) return;
    spec.format = *format;
    if (spec.sink == model::SinkKind::queue && *format != model::ContentFormat::simplified) {
        fields.refuse("format", "a queue takes the bare message: simplified.");
    }
}

// Absent: the automatic one; null: none; a name: that queue.
void read_dead_letter(Fields& fields, api::Subscribe& request) {
    if (fields.is_null("dead_letter")) {
        request.dead_letter = api::DeadLetterChoice::none;
    } else if (auto queue = fields.text("dead_letter", name_bytes)) {
        request.dead_letter = api::DeadLetterChoice::named;
        request.dead_letter_queue = std::move(*queue);
    }
}

Sealing sealing_for(const Call& call, const std::string& topic, const std::string& name) {
    return {call.secrets, model::stored_name(call.principal.account, topic + "/" + name)};
}

// A new key of that kind, and the secret that the answer shows.
boost::system::result<MadeKey, Problem> new_key(const Call& call,
                                                model::SignatureKind kind,
                                                const Sealing& sealing) {
    if (sealing.box == nullptr) return not_sealed("this server has no key to seal it with");
    auto made = make_signing_key(kind, *sealing.box, sealing.owner, call.clock.wall_ms());
    if (!made) return not_sealed(made.error().detail);
    return std::move(*made);
}

Reply shown_with_secret(const api::Outcome<api::SubscriptionView>& outcome,
                        const std::string& secret,
                        unsigned status) {
    if (!outcome) return refused(outcome.error());
    boost::json::object body = show(*outcome);
    if (!secret.empty()) body["secret"] = secret;
    return tagged(json_reply(body, status), *outcome);
}

// How a subscription is to sign from now on.
struct SigningWish {
    std::optional<std::optional<model::SignatureKind>> sign;
    bool rotate = false;
    std::uint64_t overlap_s = overlap_s_usual;

    [[nodiscard]] bool changes() const { return sign || rotate; }
};

SigningWish read_signing(Fields& fields) {
    SigningWish wish;
    wish.sign = read_sign(fields);
    wish.rotate = fields.flag("rotate_secret").value_or(false);
    wish.overlap_s = fields.whole("overlap", overlap_s_range).value_or(overlap_s_usual);
    return wish;
}

// Looks at how it signs now. Gives the secret to show, if one was made.
asio::awaitable<boost::system::result<std::string, Problem>> fill_signing(
    Call& call, const SigningWish& wish, api::SetSubscription& request) {
    if (!wish.changes()) co_return std::string();
    api::GetSubscription asked;
    asked.topic = request.topic;
    asked.name = request.name;
    const auto present = co_await ask(call, std::move(asked));
    if (!present) co_return refused(present.error());
    std::optional<model::SignatureKind> now;
    if (!present->spec.push.signing_keys.empty()) now = present->spec.push.signing_keys[0].kind;
    const auto then = wish.sign.value_or(now);
    if (wish.rotate && !then) {
        co_return invalid_parameter("rotate_secret", "It does not sign: give sign.");
    }
    if (then == now && !wish.rotate) co_return std::string();
    api::SigningChange change;
    change.overlap_ms = wish.overlap_s * 1'000;
    std::string secret;
    if (then) {
        auto made = new_key(call, *then, sealing_for(call, present->topic, present->name));
        if (!made) co_return made.error();
        change.key = std::move(made->key);
        secret = std::move(made->secret);
    }
    request.signing = std::move(change);
    co_return secret;
}

const std::vector<std::string_view>& creation_fields() {
    static const std::vector<std::string_view> all = [] {
        std::vector<std::string_view> known = sink_fields();
        known.insert(known.end(),
                     {"name",
                      "tags",
                      "bind",
                      "format",
                      "sign",
                      "headers",
                      "authorization",
                      "tls",
                      "retry",
                      "dead_letter",
                      "concurrency",
                      "timeout_ms",
                      "push",
                      "paused"});
        return known;
    }();
    return all;
}

asio::awaitable<Reply> list(Call& call, std::string topic) {
    Fields fields = query_fields(call.request.query, {"search", "limit", "cursor"});
    NameListing listing = name_listing(fields);
    api::ListSubscriptions request;
    request.topic = std::move(topic);
    request.search = std::move(listing.search);
    request.page = listing.page;
    if (!fields.ok()) co_return *fields.problem();
    const auto page = co_await ask(call, std::move(request));
    if (!page) co_return refused(page.error());
    boost::json::array items;
    for (const auto& subscription : page->items) {
        items.emplace_back(show(subscription));
    }
    co_return list_reply(
        std::move(items), name_cursor, next_page(listing.page, page->items.size(), page->total));
}

asio::awaitable<Reply> set_state(Call& call, model::SubscriptionState state) {
    api::SetSubscription request;
    request.topic = call.names[0];
    request.name = call.names[1];
    request.state = state;
    co_return co_await carry_out(call, std::move(request));
}

}  // namespace

asio::awaitable<Reply> list_subscriptions(Call& call) {
    co_return co_await list(call, std::string());
}

asio::awaitable<Reply> list_topic_subscriptions(Call& call) {
    std::string topic = call.names[0];
    co_return co_await list(call, std::move(topic));
}

asio::awaitable<Reply> create_subscription(Call& call) {
    Fields fields = json_fields(call.request.body, creation_fields());
    const bool forced = is_forced(call, fields);
    api::Subscribe request;
    request.topic = call.names[0];
    request.name = fields.need_text("name", name_bytes);
    auto& spec = request.spec;
    read_sink(fields, request);
    read_format_for(fields, spec);
    spec.filter_tags = fields.texts("tags", filter_items, filter_bytes).value_or(spec.filter_tags);
    spec.binding_keys =
        fields.texts("bind", filter_items, filter_bytes).value_or(spec.binding_keys);
    spec.retry = read_retry(fields).value_or(spec.retry);
    spec.pace = first_pace(spec, fields.has("retry"));
    model::apply(read_pace(fields), spec.pace);
    read_dead_letter(fields, request);
    if (const auto concurrency = fields.whole32("concurrency", concurrency_range)) {
        spec.concurrency = *concurrency;
        // One process a message: as many as may be tried at a time.
        if (spec.sink == model::SinkKind::exec) {
            spec.function.processes = std::min(*concurrency, exec_processes_max);
        }
    }
    spec.timeout_ms = fields.whole32("timeout_ms", timeout_ms_range).value_or(spec.timeout_ms);
    if (fields.flag("paused").value_or(false)) spec.state = model::SubscriptionState::paused;
    const Sealing sealing = sealing_for(call, request.topic, request.name);
    const auto sign = read_sign(fields).value_or(std::nullopt);
    if (auto headers = read_headers(fields, sealing)) spec.push.headers = std::move(*headers);
    if (auto authorization = read_authorization(fields, sealing)) {
        spec.push.authorization = std::move(*authorization);
    }
    api::TlsChange tls = read_tls(fields, sealing, call.clock.wall_ms());
    spec.push.tls = {std::move(tls.ca).value_or(""),
                     std::move(tls.client).value_or(model::ClientCertificate{})};
    if (!fields.ok()) co_return *fields.problem();
    if (!forced) {
        const std::uint32_t memory_mib = spec.function.memory_mib;
        const auto problem = co_await try_scripts(call, request.scripts, memory_mib);
        if (problem) co_return *problem;
    }
    std::string secret;
    if (sign) {
        auto made = new_key(call, *sign, sealing);
        if (!made) co_return made.error();
        spec.push.signing_keys.push_back(std::move(made->key));
        secret = std::move(made->secret);
    }
    const auto outcome = co_await ask(call, std::move(request));
    co_return shown_with_secret(outcome, secret, 201);
}

asio::awaitable<Reply> get_subscription(Call& call) {
    api::GetSubscription request;
    request.topic = call.names[0];
    request.name = call.names[1];
    const auto outcome = co_await ask(call, std::move(request));
    co_return shown_if_new(call, outcome);
}

asio::awaitable<Reply> set_subscription(Call& call) {
    Fields fields = json_fields(call.request.body,
                                {"http",
                                 "tags",
                                 "bind",
                                 "format",
                                 "sign",
                                 "rotate_secret",
                                 "overlap",
                                 "headers",
                                 "authorization",
                                 "tls",
                                 "retry",
                                 "concurrency",
                                 "timeout_ms",
                                 "push"});
    api::SetSubscription request;
    request.topic = call.names[0];
    request.name = call.names[1];
    if (auto http = fields.object("http", {"url"})) {
        request.endpoint = need_url(*http, "url");
        fields.adopt(*http);
    }
    request.filter_tags = fields.texts("tags", filter_items, filter_bytes);
    request.binding_keys = fields.texts("bind", filter_items, filter_bytes);
    request.format = read_format(fields);
    request.retry = read_retry(fields);
    request.concurrency = fields.whole32("concurrency", concurrency_range);
    request.timeout_ms = fields.whole32("timeout_ms", timeout_ms_range);
    request.pace = read_pace(fields);
    const Sealing sealing = sealing_for(call, request.topic, request.name);
    request.headers = read_headers(fields, sealing);
    request.authorization = read_authorization(fields, sealing);
    request.tls = read_tls(fields, sealing, call.clock.wall_ms());
    const SigningWish wish = read_signing(fields);
    if (!fields.ok()) co_return *fields.problem();
    auto expected = read_if_match(call.request);
    if (!expected) co_return expected.error();
    request.expected = std::move(*expected);
    const auto secret = co_await fill_signing(call, wish, request);
    if (!secret) co_return secret.error();
    const auto outcome = co_await ask(call, std::move(request));
    co_return shown_with_secret(outcome, *secret, 200);
}

asio::awaitable<Reply> delete_subscription(Call& call) {
    api::Unsubscribe request;
    request.topic = call.names[0];
    request.name = call.names[1];
    co_return co_await carry_out(call, std::move(request));
}

asio::awaitable<Reply> pause_subscription(Call& call) {
    co_return co_await set_state(call, model::SubscriptionState::paused);
}

asio::awaitable<Reply> resume_subscription(Call& call) {
    co_return co_await set_state(call, model::SubscriptionState::active);
}

}  // namespace penstock::plugins::native

// Access keys: made, listed, rotated, deleted, and told what they may do. A secret is drawn here
// and shown once; authorisation seals it before it goes anywhere.
#include "broker/api/keys.h"

#include "broker/api/action_rights.h"
#include "broker/api/policy.h"
#include "broker/api/signature.h"
#include "broker/base/random.h"
#include "broker/model/account_name.h"
#include "plugins/native/answered.h"
#include "plugins/native/routes.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>

namespace penstock::plugins::native {

namespace {

namespace json = boost::json;

constexpr std::size_t id_bytes = 16;  // as hex digits behind AKID
constexpr std::size_t secret_bytes = 32;
static_assert(2 * secret_bytes == api::nobodys_secret.size(), "or their times would differ");
constexpr Range note_bytes{0, 200};
constexpr Range life_s{1, 315'360'000, "seconds"};  // ten years
constexpr Range temporary_life_s{1, api::temporary_life_ms_max / 1'000, "seconds"};
constexpr std::uint64_t temporary_life_s_default = 3'600;
constexpr Range account_bytes{1, model::account_name_chars_max};
constexpr Range overlap_s{0, 31'536'000, "seconds"};
constexpr std::uint64_t overlap_s_default = 86'400;
constexpr std::uint64_t ms_per_s = 1'000;
constexpr Range statements{0, model::statements_max};
constexpr Range patterns{1, model::patterns_max};
constexpr Range pattern_bytes{1, model::pattern_bytes_max};
constexpr Range acts_range{1, 64};
constexpr Range act_bytes{1, 256};

constexpr std::array<std::string_view, 6> kinds = {
    "queue/", "topic/", "subscription/", "message/", "key/", "server"};

bool is_action(const std::string& pattern) {
    const auto& all = api::action_names();
    return std::any_of(all.begin(), all.end(), [&pattern](const std::string& name) {
        return api::matches(pattern, name);
    });
}

bool is_resource(const std::string& pattern) {
    return pattern.starts_with('*') ||
           std::any_of(kinds.begin(), kinds.end(), [&pattern](std::string_view kind) {
               return pattern.starts_with(kind);
           });
}

void check_patterns(Fields& fields, const model::Statement& statement) {
    for (const auto& action : statement.actions) {
        if (!is_action(action))
            fields.refuse("actions", "'" + readable(action) + "' is no action there is.");
    }
    for (const auto& resource : statement.resources) {
        if (!is_resource(resource))
            fields.refuse("resources",
                          "'" + readable(resource) +
                              "' must begin with queue/, topic/, subscription/, message/, key/, "
                              "server or '*'.");
    }
}

model::Statement read_statement(Fields& fields) {
    model::Statement statement;
    statement.deny = fields.one_of("effect", {"allow", "deny"}).value_or("allow") == "deny";
    const auto read = [&fields](std::string_view name, std::vector<std::string>& into) {
        auto given = fields.texts(name, patterns, pattern_bytes);
        if (!given) fields.refuse(name, "is missing.");
        into = std::move(given).value_or(std::vector<std::string>());
    };
    read("actions", statement.actions);
    read("resources", statement.resources);
    check_patterns(fields, statement);
    return statement;
}

model::Access read_access(Fields& fields) {
    model::Access access;
    const auto role = fields.one_of(
        "role", {"root", "admin", "operator", "viewer", "publisher", "consumer", "none"});
    access.role = model::role_named(role.value_or("none")).value_or(model::Role::none);
    auto given = fields.objects("statements", {"effect", "actions", "resources"}, statements);
    if (!given) return access;
    for (Fields& one : *given) {
        access.statements.push_back(read_statement(one));
        fields.adopt(one);
    }
    // They would be read as a promise that is not kept.
    if (access.role == model::Role::root && !access.statements.empty())
        fields.refuse("statements", "must be absent with the role root, which nothing narrows.");
    return access;
}

json::array shown_patterns(const std::vector<std::string>& all) {
    json::array out;
    for (const auto& one : all) out.emplace_back(one);
    return out;
}

json::object show(const api::KeyView& key) {
    json::object out;
    out["key_id"] = key.key_id;
    put_text(out, "account", key.account);
    out["role"] = model::to_text(key.access.role);
    json::array shown;
    for (const auto& statement : key.access.statements) {
        json::object one;
        one["effect"] = statement.deny ? "deny" : "allow";
        one["actions"] = shown_patterns(statement.actions);
        one["resources"] = shown_patterns(statement.resources);
        shown.emplace_back(std::move(one));
    }
    if (!shown.empty()) out["statements"] = std::move(shown);
    put_text(out, "note", key.note);
    put_time(out, "created_at", key.created_ms);
    put_time(out, "ends_at", key.ends_ms);
    return out;
}

// A key that is not there is no parameter out of range.
Problem refused_key(const model::Refusal& refusal) {
    Problem problem = refused(refusal);
    if (refusal.reason != model::Reason::invalid_parameter || refusal.subject != "key_id")
        return problem;
    problem.status = 404;
    problem.code = "key_not_found";
    problem.hint = "GET /v1/keys lists the keys (penstock key list).";
    return problem;
}

Problem no_keys() {
    model::Refusal refusal;
    refusal.reason = model::Reason::unavailable;
    refusal.detail = "this server keeps no keys";
    return refused(refusal);
}

// Gives the key an id and a secret, which is what comes back.
std::string draw(api::NewKey& key, std::string_view prefix) {
    SystemRandom random;
    key.secret = api::to_hex(random.fill(secret_bytes));
    key.key_id = std::string(prefix) + api::to_hex(random.fill(id_bytes));
    return key.secret;
}

// Has the key made, and shows its secret: the only time.
asio::awaitable<Reply> make_key(Call& call, api::NewKey key) {
    if (call.keys == nullptr) co_return no_keys();
    std::string secret = draw(key, "AKID");
    Starts<api::KeyView> start = [&call, &key](const asio::any_io_executor& executor,
                                               api::Answered<api::KeyView> done) {
        call.keys->create(call.principal, std::move(key), executor, std::move(done));
    };
    const auto made = co_await answered<api::KeyView>(std::move(start));
    if (!made) co_return refused_key(made.error());
    json::object body = show(*made);
    body["key_secret"] = secret;
    ::OPENSSL_cleanse(secret.data(), secret.size());
    co_return json_reply(body, 201);
}

// "ACTION:RESOURCE", and whether the caller's key may.
json::object judged_act(const Call& call, Fields& fields, const std::string& written) {
    const std::string action = written.substr(0, written.find(':'));
    const std::string resource =
        action.size() < written.size() ? written.substr(action.size() + 1) : std::string();
    const auto right = api::right_for(action);
    if (!right) fields.refuse("act", "'" + readable(action) + "' is no action there is.");
    if (!is_resource(resource)) {
        fields.refuse("act", "must be ACTION:RESOURCE, such as SetQueue:queue/jobs.");
    }
    json::object out;
    out["action"] = action;
    out["resource"] = resource;
    out["allowed"] = right && may(call, {*right, action, resource});
    return out;
}

}  // namespace

asio::awaitable<Reply> get_own_key(Call& call) {
    Fields fields = query_fields(call.request.query, {"act"}, {"act"});
    json::array acts;
    const auto asked = fields.texts("act", acts_range, act_bytes);
    for (const auto& act : asked.value_or(std::vector<std::string>())) {
        acts.emplace_back(judged_act(call, fields, act));
    }
    if (!fields.ok()) co_return *fields.problem();
    json::object body;
    body["key_id"] = call.principal.key_id;
    body["root"] = call.principal.root;
    put_text(body, "account", call.principal.account);
    body["acts"] = std::move(acts);
    co_return json_reply(body);
}

asio::awaitable<Reply> list_keys(Call& call) {
    if (call.keys == nullptr) co_return no_keys();
    using List = std::vector<api::KeyView>;
    Starts<List> start = [&call](const asio::any_io_executor& executor, api::Answered<List> done) {
        call.keys->list(call.principal, executor, std::move(done));
    };
    const auto views = co_await answered<List>(std::move(start));
    if (!views) co_return refused(views.error());
    json::array items;
    for (const auto& view : *views) items.emplace_back(show(view));
    co_return list_reply(std::move(items), name_cursor, 0);
}

asio::awaitable<Reply> create_key(Call& call) {
    Fields fields =
        json_fields(call.request.body, {"role", "statements", "note", "life", "account"});
    api::NewKey key;
    key.access = read_access(fields);
    key.account = fields.text("account", account_bytes).value_or("");
    key.note = fields.text("note", note_bytes).value_or("");
    key.life_ms = fields.whole("life", life_s).value_or(0) * ms_per_s;
    if (!fields.ok()) co_return *fields.problem();
    co_return co_await make_key(call, std::move(key));
}

// A key that is kept nowhere: its token says all of it.
asio::awaitable<Reply> create_temporary_key(Call& call) {
    Fields fields = json_fields(call.request.body, {"role", "statements", "note", "life"});
    const bool narrowed = fields.has("role") || fields.has("statements");
    api::NewKey key;
    key.access = read_access(fields);
    // All that its maker may, but for what no temporary key may.
    if (!narrowed) key.access.role = model::Role::admin;
    key.note = fields.text("note", note_bytes).value_or("");
    key.life_ms =
        fields.whole("life", temporary_life_s).value_or(temporary_life_s_default) * ms_per_s;
    if (!fields.ok()) co_return *fields.problem();
    if (call.keys == nullptr) co_return no_keys();
    std::string secret = draw(key, api::temporary_key_prefix);
    Starts<api::TemporaryKey> start = [&call, &key](const asio::any_io_executor& executor,
                                                    api::Answered<api::TemporaryKey> done) {
        call.keys->create_temporary(call.principal, std::move(key), executor, std::move(done));
    };
    const auto made = co_await answered<api::TemporaryKey>(std::move(start));
    if (!made) co_return refused_key(made.error());
    json::object body = show(made->view);
    body["key_secret"] = secret;
    body["token"] = made->token;
    ::OPENSSL_cleanse(secret.data(), secret.size());
    co_return json_reply(body, 201);
}

asio::awaitable<Reply> rotate_key(Call& call) {
    Fields fields = json_fields(call.request.body, {"overlap"});
    api::NewKey key;
    key.replaces = call.names[0];
    key.overlap_ms = fields.whole("overlap", overlap_s).value_or(overlap_s_default) * ms_per_s;
    if (!fields.ok()) co_return *fields.problem();
    co_return co_await make_key(call, std::move(key));
}

asio::awaitable<Reply> delete_key(Call& call) {
    if (call.keys == nullptr) co_return no_keys();
    Starts<api::Nothing> start = [&call](const asio::any_io_executor& executor,
                                         api::Answered<api::Nothing> take) {
        call.keys->remove(call.principal, call.names[0], executor, std::move(take));
    };
    const auto outcome = co_await answered<api::Nothing>(std::move(start));
    if (!outcome) co_return refused_key(outcome.error());
    co_return done(outcome);
}

}  // namespace penstock::plugins::native

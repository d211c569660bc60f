#include "broker/api/key_ring.h"

#include "broker/api/refusing.h"
#include "broker/base/base64.h"
#include "broker/base/log.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace penstock::api {

namespace {

using model::Reason;
using model::Refusal;
using model::Role;

constexpr std::size_t opened_max = 2'000;
constexpr std::size_t keys_per_account_max = 100;
constexpr std::size_t token_chars_max = 8 * 1024;
constexpr std::string_view server_resource = "server";

Refusal no_such_key(const std::string& key_id) {
    return {Reason::invalid_parameter, "key_id", "there is no key " + key_id};
}

Refusal keys_of_accounts() {
    return {Reason::denied, {}, "keys of other accounts are for the server's root keys"};
}

bool denies_something(const model::Access& access) {
    return std::any_of(access.statements.begin(),
                       access.statements.end(),
                       [](const model::Statement& statement) { return statement.deny; });
}

// The answer, behind a line of the log.
template <class T>
Answered<T> told(const Principal& principal, const std::string& act, Answered<T> answer) {
    const std::string account =
        principal.account.empty() ? std::string() : "account=\"" + principal.account + "\" ";
    return [line = "event=audit key=\"" + principal.key_id + "\" " + account + act,
            answer = std::move(answer)](Outcome<T> outcome) {
        const std::string ending =
            outcome ? " outcome=done"
                    : " outcome=refused reason=" + std::string(to_text(outcome.error().reason));
        log_line(LogLevel::info, "audit", line + ending);
        answer(std::move(outcome));
    };
}

// What was asked for is shown in a line: a key's id may be anything, and must not look like more.
std::string shown(const std::string& key_id) {
    std::string text = key_id.substr(0, 64);
    std::replace(text.begin(), text.end(), '"', '\'');
    return "\"" + text + "\"";
}

}  // namespace

std::shared_ptr<const Credential> KeyRing::open(std::string_view key_id,
                                                const std::string& kept,
                                                bool lasting_root) const {
    if (!is_sealed(kept)) {
        Credential plain;
        plain.secret = kept;
        plain.view.key_id = key_id;
        if (lasting_root) plain.view.access.role = Role::root;
        return std::make_shared<const Credential>(std::move(plain));
    }
    const auto known = opened_.load();
    if (known) {
        const auto found = known->find(key_id);
        if (found != known->end() && found->second.sealed == kept) return found->second.credential;
    }
    std::shared_ptr<const Credential> credential;
    if (auto opened = open_credential(box_, key_id, kept)) {
        credential = std::make_shared<const Credential>(std::move(*opened));
    } else {
        log_line(
            LogLevel::error,
            "api",
            "event=key_not_opened key=" + std::string(key_id) + " detail=" + opened.error().detail);
    }
    // Two at once: one of them opens it again some time.
    auto more = known && known->size() < opened_max ? std::make_shared<OpenedKeys>(*known)
                                                    : std::make_shared<OpenedKeys>();
    (*more)[std::string(key_id)] = {kept, credential};
    opened_.store(std::move(more));
    return credential;
}

std::shared_ptr<const Credential> KeyRing::kept(std::string_view key_id) const {
    if (is_account_row(key_id)) return nullptr;
    const auto found = broker_.key_of(key_id);
    return found ? open(key_id, found->secret, found->root) : nullptr;
}

bool KeyRing::in_force(const KeyView& view) const {
    if (view.ends_ms != 0 && view.ends_ms <= clock_.wall_ms()) return false;
    if (view.account.empty()) return true;
    const auto account = accounts_.account(view.account);
    return account && account->number == view.account_number;
}

std::shared_ptr<const Credential> KeyRing::valid(std::string_view key_id) const {
    auto credential = kept(key_id);
    if (!credential || !in_force(credential->view)) return nullptr;
    return credential;
}

std::shared_ptr<const Credential> KeyRing::temporary(std::string_view key_id,
                                                     std::string_view token) const {
    if (!key_id.starts_with(temporary_key_prefix) || token.size() > token_chars_max) return nullptr;
    const auto sealed = decode_base64(token);
    if (!sealed) return nullptr;
    auto opened = open_credential(box_, key_id, *sealed);
    if (!opened || opened->maker.empty() || !in_force(opened->view)) return nullptr;
    opened->within = valid(opened->maker);
    if (!opened->within || opened->within->view.account != opened->view.account) return nullptr;
    return std::make_shared<const Credential>(std::move(*opened));
}

std::shared_ptr<const Credential> KeyRing::valid(const Principal& principal) const {
    return principal.token.empty() ? valid(principal.key_id)
                                   : temporary(principal.key_id, principal.token);
}

bool KeyRing::is_root(const std::string& key_id) const {
    const auto found = broker_.key_of(key_id);
    if (!found || is_account_row(key_id)) return false;
    const auto credential = open(key_id, found->secret, found->root);
    return found->root || (credential && credential->view.access.role == Role::root);
}

bool KeyRing::may(const Principal& principal, const Act& act) const {
    const auto credential = valid(principal);
    if (!credential || !allows(*credential, act)) return false;
    return principal.account.empty() || act.resource != server_resource;
}

// Keys of another account do not exist for an account, and are root's in the server's own.
std::optional<Refusal> KeyRing::judge_account(const KeyView& own, const std::string& key_id) const {
    if (is_account_row(key_id)) return no_such_key(key_id);
    if (own.access.role == Role::root) return std::nullopt;
    const auto known = kept(key_id);
    if (!known || known->view.account == own.account) return std::nullopt;
    if (!own.account.empty()) return no_such_key(key_id);
    return keys_of_accounts();
}

std::optional<Refusal> KeyRing::judge_made(const KeyView& own, NewKey& made) const {
    if (made.account.empty()) made.account = own.account;
    if (made.account != own.account && own.access.role != Role::root) return keys_of_accounts();
    if (made.account.empty()) return std::nullopt;
    if (!accounts_.account(made.account))
        return Refusal{Reason::invalid_parameter, "account", "there is no account " + made.account};
    if (made.access.role == Role::root)
        return Refusal{Reason::invalid_parameter,
                       "role",
                       "an account has no root key: its admin keys may all that an account may"};
    return std::nullopt;
}

// Why not; nothing: it may. Nobody makes, replaces or ends a key that can more than its own.
std::optional<Refusal> KeyRing::judge(const Principal& principal,
                                      const Act& act,
                                      NewKey* made) const {
    const auto credential = valid(principal);
    if (!credential) return Refusal{Reason::unauthenticated, {}, "the key is not valid any more"};
    const KeyView& own = credential->view;
    if (!allows(*credential, act))
        return Refusal{Reason::denied,
                       act.resource,
                       "the key, whose role is " + std::string(to_text(own.access.role)) +
                           ", may not do " + std::string(act.action)};
    const std::string key_id = act.resource.substr(act.resource.find('/') + 1);
    if (auto why = judge_account(own, key_id)) return why;
    if (made != nullptr) {
        if (auto why = judge_account(own, made->replaces)) return why;
        if (auto why = judge_made(own, *made)) return why;
    }
    if (own.access.role == Role::root) return std::nullopt;
    const bool of_root =
        is_root(key_id) ||
        (made != nullptr && (made->access.role == Role::root || is_root(made->replaces)));
    if (of_root)
        return Refusal{Reason::denied, {}, "root keys are made and ended with a root key only"};
    if (made != nullptr && denies_something(own.access))
        return Refusal{Reason::denied, {}, "a key that is denied something makes no other keys"};
    return std::nullopt;
}

Outcome<KeptKey> KeyRing::sealed(const Credential& credential) const {
    auto bytes = seal_credential(box_, credential);
    if (!bytes) return Refusal{Reason::unavailable, {}, bytes.error().detail};
    const KeyView& view = credential.view;
    const bool lasting_root = view.access.role == Role::root && view.ends_ms == 0;
    return KeptKey{view.key_id, std::move(*bytes), lasting_root};
}

// The key that is replaced as it will be, with an end; the new one gets what it may do.
Outcome<KeptKey> KeyRing::ending(NewKey& key) const {
    const auto old = valid(key.replaces);
    if (!old) return no_such_key(key.replaces);
    key.access = old->view.access;
    key.note = old->view.note;
    key.account = old->view.account;
    Credential last = *old;
    const model::TimeMs ends_ms = clock_.wall_ms() + static_cast<model::TimeMs>(key.overlap_ms);
    if (last.view.ends_ms == 0 || last.view.ends_ms > ends_ms) last.view.ends_ms = ends_ms;
    return sealed(last);
}

KeyView KeyRing::view_of(const NewKey& key) const {
    KeyView view{key.key_id, key.access, key.note, clock_.wall_ms()};
    if (key.life_ms != 0) view.ends_ms = view.created_ms + static_cast<model::TimeMs>(key.life_ms);
    view.account = key.account;
    const auto account = accounts_.account(key.account);
    if (account) view.account_number = account->number;
    return view;
}

void KeyRing::put(KeptKey made,
                  std::optional<KeptKey> replaced,
                  const KeyView& view,
                  const asio::any_io_executor& executor,
                  Answered<KeyView> answer) {
    const auto finish = [answer = std::move(answer), view](Outcome<Nothing> outcome) {
        answer(outcome ? Outcome<KeyView>(view) : Outcome<KeyView>(outcome.error()));
    };
    if (!replaced) return store_.put(std::move(made), executor, finish);
    // The new one first: a failure in between leaves two keys, never none.
    store_.put(std::move(made),
               executor,
               [this, executor, finish, replaced = std::move(*replaced)](Outcome<Nothing> outcome) {
                   if (!outcome) return finish(std::move(outcome));
                   store_.put(replaced, executor, finish);
               });
}

void KeyRing::create(const Principal& principal,
                     NewKey key,
                     const asio::any_io_executor& executor,
                     Answered<KeyView> answer) {
    std::string act = "action=CreateKey object=" + shown(key.key_id);
    if (!key.replaces.empty()) act += " replaces=" + shown(key.replaces);
    if (!key.account.empty()) act += " account=" + shown(key.account);
    answer = told(principal, act, std::move(answer));
    const Act asked{Right::keys, "CreateKey", "key/" + key.key_id};
    if (auto why = judge(principal, asked, &key)) {
        return refuse(executor, std::move(answer), std::move(*why));
    }
    std::optional<KeptKey> replaced;
    if (!key.replaces.empty()) {
        auto last = ending(key);
        if (!last) return refuse(executor, std::move(answer), last.error());
        replaced = std::move(*last);
    }
    const KeyView view = view_of(key);
    auto made = sealed({key.secret, view});
    if (!made) return refuse(executor, std::move(answer), made.error());
    if (key.account.empty())
        return put(std::move(*made), std::move(replaced), view, executor, std::move(answer));
    // The server's keys are counted by the core, together.
    auto counted = [this, executor, view, made = *made, replaced, answer = std::move(answer)](
                       Outcome<std::vector<KeptKey>> all) {
        if (!all) return answer(all.error());
        if (views_of(*all, view.account).size() >= keys_per_account_max)
            return answer(
                Refusal{Reason::denied, {}, "the account has 100 keys, as many as may be"});
        put(made, replaced, view, executor, answer);
    };
    store_.list(executor, std::move(counted));
}

void KeyRing::create_temporary(const Principal& principal,
                               NewKey key,
                               const asio::any_io_executor& executor,
                               Answered<TemporaryKey> answer) {
    answer =
        told(principal, "action=CreateTemporaryKey object=" + shown(key.key_id), std::move(answer));
    const auto invalid = [&](std::string subject, std::string detail) {
        refuse(executor,
               std::move(answer),
               {Reason::invalid_parameter, std::move(subject), std::move(detail)});
    };
    const auto maker = principal.token.empty() ? valid(principal.key_id) : nullptr;
    if (!maker)
        return refuse(executor,
                      std::move(answer),
                      {Reason::denied, {}, "temporary keys are made with a lasting key"});
    if (key.life_ms == 0 || key.life_ms > temporary_life_ms_max)
        return invalid("life", "allowed: 1 s to 12 h");
    if (key.access.role == Role::root) return invalid("role", "a temporary key is admin at most");
    key.account = maker->view.account;
    Credential credential;
    credential.secret = key.secret;
    credential.view = view_of(key);
    credential.maker = principal.key_id;
    const model::TimeMs maker_ends_ms = maker->view.ends_ms;
    if (maker_ends_ms != 0 && maker_ends_ms < credential.view.ends_ms)
        credential.view.ends_ms = maker_ends_ms;
    auto made = sealed(credential);
    if (!made) return refuse(executor, std::move(answer), made.error());
    TemporaryKey temporary{credential.view, encode_base64(made->credential)};
    if (temporary.token.size() > token_chars_max)
        return invalid("statements",
                       "they are more than a token holds, 8 KiB with all that is in it");
    asio::post(executor, [answer = std::move(answer), temporary = std::move(temporary)]() mutable {
        answer(std::move(temporary));
    });
}

std::vector<KeyView> KeyRing::views_of(const std::vector<KeptKey>& kept,
                                       const OfAccount& account) const {
    std::vector<KeyView> views;
    for (const KeptKey& key : kept) {
        if (is_account_row(key.key_id)) continue;
        const auto credential = open(key.key_id, key.credential, key.lasting_root);
        KeyView view;
        if (credential) view = credential->view;
        if (account && (!credential || view.account != *account)) continue;
        view.key_id = key.key_id;
        views.push_back(std::move(view));
    }
    return views;
}

void KeyRing::list(const Principal& principal,
                   const asio::any_io_executor& executor,
                   Answered<std::vector<KeyView>> answer) {
    if (auto why = judge(principal, {Right::keys, "ListKeys", "key/*"}, nullptr)) {
        return refuse(executor, std::move(answer), std::move(*why));
    }
    OfAccount account;
    if (!principal.account.empty()) account = principal.account;
    auto open_all =
        [this, account, answer = std::move(answer)](Outcome<std::vector<KeptKey>> kept) {
            if (!kept) return answer(kept.error());
            answer(views_of(*kept, account));
        };
    store_.list(executor, std::move(open_all));
}

void KeyRing::remove(const Principal& principal,
                     const std::string& key_id,
                     const asio::any_io_executor& executor,
                     Answered<Nothing> answer) {
    answer = told(principal, "action=DeleteKey object=" + shown(key_id), std::move(answer));
    if (auto why = judge(principal, {Right::keys, "DeleteKey", "key/" + key_id}, nullptr)) {
        return refuse(executor, std::move(answer), std::move(*why));
    }
    store_.put({key_id, {}, false}, executor, std::move(answer));
}

}  // namespace penstock::api

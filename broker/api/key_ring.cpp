#include "broker/api/key_ring.h"

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

Refusal no_such_key(const std::string& key_id) {
    return {Reason::invalid_parameter, "key_id", "there is no key " + key_id};
}

bool denies_something(const model::Access& access) {
    return std::any_of(access.statements.begin(),
                       access.statements.end(),
                       [](const model::Statement& statement) { return statement.deny; });
}

template <class T>
void refuse(const asio::any_io_executor& executor, Answered<T> answer, Refusal why) {
    asio::post(executor, [answer = std::move(answer), why = std::move(why)]() mutable {
        answer(Outcome<T>(std::move(why)));
    });
}

// The answer, behind a line of the log.
template <class T>
Answered<T> told(const Principal& principal, const std::string& act, Answered<T> answer) {
    return [line = "event=audit key=\"" + principal.key_id + "\" " + act,
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

std::shared_ptr<const Credential> KeyRing::valid(std::string_view key_id) const {
    const auto kept = broker_.key_of(key_id);
    if (!kept) return nullptr;
    auto credential = open(key_id, kept->secret, kept->root);
    if (!credential) return nullptr;
    const model::TimeMs ends_ms = credential->view.ends_ms;
    if (ends_ms != 0 && ends_ms <= clock_.wall_ms()) return nullptr;
    return credential;
}

bool KeyRing::is_root(const std::string& key_id) const {
    const auto kept = broker_.key_of(key_id);
    if (!kept) return false;
    const auto credential = open(key_id, kept->secret, kept->root);
    return kept->root || (credential && credential->view.access.role == Role::root);
}

bool KeyRing::may(const Principal& principal, const Act& act) const {
    const auto credential = valid(principal.key_id);
    return credential && allows(credential->view.access, act);
}

// Why not; nothing: it may. Nobody makes, replaces or ends a key that can more than its own.
std::optional<Refusal> KeyRing::judge(const Principal& principal,
                                      const Act& act,
                                      const NewKey* made) const {
    const auto credential = valid(principal.key_id);
    if (!credential) return Refusal{Reason::unauthenticated, {}, "the key is not valid any more"};
    const model::Access& own = credential->view.access;
    if (!allows(own, act))
        return Refusal{Reason::denied,
                       act.resource,
                       "the key, whose role is " + std::string(to_text(own.role)) +
                           ", may not do " + std::string(act.action)};
    if (own.role == Role::root) return std::nullopt;
    const std::string key_id = act.resource.substr(act.resource.find('/') + 1);
    const bool of_root =
        is_root(key_id) ||
        (made != nullptr && (made->access.role == Role::root || is_root(made->replaces)));
    if (of_root)
        return Refusal{Reason::denied, {}, "root keys are made and ended with a root key only"};
    if (made != nullptr && denies_something(own))
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
    Credential last = *old;
    const model::TimeMs ends_ms = clock_.wall_ms() + static_cast<model::TimeMs>(key.overlap_ms);
    if (last.view.ends_ms == 0 || last.view.ends_ms > ends_ms) last.view.ends_ms = ends_ms;
    return sealed(last);
}

void KeyRing::create(const Principal& principal,
                     NewKey key,
                     const asio::any_io_executor& executor,
                     Answered<KeyView> answer) {
    std::string act = "action=CreateKey object=" + shown(key.key_id);
    if (!key.replaces.empty()) act += " replaces=" + shown(key.replaces);
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
    KeyView view{key.key_id, key.access, key.note, clock_.wall_ms()};
    if (key.life_ms != 0) view.ends_ms = view.created_ms + static_cast<model::TimeMs>(key.life_ms);
    auto made = sealed({key.secret, view});
    if (!made) return refuse(executor, std::move(answer), made.error());
    const auto finish = [answer, view](Outcome<Nothing> outcome) {
        answer(outcome ? Outcome<KeyView>(view) : Outcome<KeyView>(outcome.error()));
    };
    if (!replaced) return store_.put(std::move(*made), executor, finish);
    // The new one first: a failure in between leaves two keys, never none.
    store_.put(std::move(*made),
               executor,
               [this, executor, finish, replaced = std::move(*replaced)](Outcome<Nothing> outcome) {
                   if (!outcome) return finish(std::move(outcome));
                   store_.put(replaced, executor, finish);
               });
}

void KeyRing::list(const Principal& principal,
                   const asio::any_io_executor& executor,
                   Answered<std::vector<KeyView>> answer) {
    if (auto why = judge(principal, {Right::keys, "ListKeys", "key/*"}, nullptr)) {
        return refuse(executor, std::move(answer), std::move(*why));
    }
    auto open_all = [this, answer = std::move(answer)](Outcome<std::vector<KeptKey>> kept) {
        if (!kept) return answer(kept.error());
        std::vector<KeyView> views;
        for (const KeptKey& key : *kept) {
            const auto credential = open(key.key_id, key.credential, key.lasting_root);
            KeyView& view = views.emplace_back();
            if (credential) view = credential->view;
            view.key_id = key.key_id;
        }
        answer(std::move(views));
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

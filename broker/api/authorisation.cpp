#include "broker/api/authorisation.h"

#include "broker/api/acts.h"
#include "broker/api/redaction.h"

#include <boost/asio/post.hpp>

#include <utility>
#include <variant>

namespace penstock::api {

namespace {

std::any refusal_of(const Request& request, model::Refusal why) {
    return std::visit(
        [&why]<class R>(const R&) { return std::any(Outcome<typename R::Reply>(std::move(why))); },
        request);
}

std::optional<AccessKey> access_of(const std::shared_ptr<const Credential>& key) {
    if (!key) return std::nullopt;
    const KeyView& view = key->view;
    // Of the server, and lasting: nothing narrows it.
    const bool root =
        view.access.role == model::Role::root && view.account.empty() && key->maker.empty();
    return AccessKey{key->secret, root, view.account};
}

}  // namespace

// Why not; nothing: it may. `content` becomes false when the answer must not show any.
std::optional<model::Refusal> AuthorisedBroker::judge(const Principal& principal,
                                                      const Request& request,
                                                      bool& content) const {
    const auto key = keys_.valid(principal);
    if (!key)
        return model::Refusal{model::Reason::unauthenticated, {}, "the key is not valid any more"};
    const model::Access& access = key->view.access;
    for (const Act& act : acts_of(request)) {
        content = content && allows(*key, {Right::content, content_action, act.resource});
        if (allows(*key, act)) continue;
        return model::Refusal{model::Reason::denied,
                              act.resource,
                              "the key, whose role is " + std::string(model::to_text(access.role)) +
                                  ", may not do " + std::string(act.action)};
    }
    if (!content && asks_for_content(request))
        return model::Refusal{
            model::Reason::denied, "text", "the key may not see what messages contain"};
    return std::nullopt;
}

std::shared_ptr<Cancellation> AuthorisedBroker::call(const Principal& principal,
                                                     Request request,
                                                     asio::any_io_executor executor,
                                                     Answer answer) {
    bool content = true;
    // Nothing narrows a root key.
    auto refusal = principal.root ? std::nullopt : judge(principal, request, content);
    if (refusal) {
        asio::post(executor,
                   [answer = std::move(answer),
                    outcome = refusal_of(request, std::move(*refusal))]() mutable {
                       answer(std::move(outcome));
                   });
        return nullptr;
    }
    if (!content) answer = redacted(request, std::move(answer));
    return inner_.call(principal, std::move(request), std::move(executor), std::move(answer));
}

std::optional<AccessKey> AuthorisedBroker::key_of(std::string_view key_id) const {
    return access_of(keys_.valid(key_id));
}

std::optional<AccessKey> AuthorisedBroker::temporary_key(std::string_view key_id,
                                                         std::string_view token) const {
    return access_of(keys_.temporary(key_id, token));
}

}  // namespace penstock::api

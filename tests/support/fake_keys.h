// FakeKeys: access keys that remember what was asked of them and answer as told, for tests of ways
// in. Answers run on the executor asked for, never inside the call. One test, one thread.
#pragma once

#include "broker/api/keys.h"

#include <boost/asio/post.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

class FakeKeys final : public api::Keys {
  public:
    void create(const api::Principal& principal,
                api::NewKey key,
                const api::asio::any_io_executor& executor,
                api::Answered<api::KeyView> answer) override {
        who = principal.key_id;
        api::KeyView view{key.key_id, key.access, key.note, 1'000};
        made = std::move(key);
        boost::asio::post(executor, [this, answer, view] {
            answer(refusal ? api::Outcome<api::KeyView>(*refusal)
                           : api::Outcome<api::KeyView>(view));
        });
    }

    void list(const api::Principal& /*principal*/,
              const api::asio::any_io_executor& executor,
              api::Answered<std::vector<api::KeyView>> answer) override {
        boost::asio::post(executor, [this, answer] { answer(views); });
    }

    void remove(const api::Principal& /*principal*/,
                const std::string& key_id,
                const api::asio::any_io_executor& executor,
                api::Answered<api::Nothing> answer) override {
        removed = key_id;
        boost::asio::post(executor, [this, answer] {
            answer(refusal ? api::Outcome<api::Nothing>(*refusal)
                           : api::Outcome<api::Nothing>(api::Nothing{}));
        });
    }

    void create_temporary(const api::Principal& principal,
                          api::NewKey key,
                          const api::asio::any_io_executor& executor,
                          api::Answered<api::TemporaryKey> answer) override {
        who = principal.key_id;
        const api::TemporaryKey temporary{{key.key_id, key.access, key.note, 1'000, 2'000},
                                          "sealed"};
        made = std::move(key);
        boost::asio::post(executor, [this, answer, temporary] {
            answer(refusal ? api::Outcome<api::TemporaryKey>(*refusal)
                           : api::Outcome<api::TemporaryKey>(temporary));
        });
    }

    [[nodiscard]] bool may(const api::Principal& /*principal*/,
                           const api::Act& act) const override {
        judged.push_back({act.right, act.resource});
        return looks;
    }

    std::string who;  // asked for the last key
    std::optional<api::NewKey> made;
    std::vector<api::KeyView> views;
    std::string removed;
    std::optional<model::Refusal> refusal;
    bool looks = true;

    struct Judged {
        api::Right right;
        std::string resource;
    };

    mutable std::vector<Judged> judged;
};

}  // namespace penstock::testing

// KeysFixture: a KeyRing over a broker that knows keys by id and a store that keeps what is put.
// One test, one thread.
#pragma once

#include "broker/api/key_ring.h"
#include "tests/support/fake_broker.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace penstock::api {

// What is put is known at once, as a broker knows it and as a store lists it.
class KeptKeys final : public Broker, public KeyStore {
  public:
    std::shared_ptr<Cancellation> call(const Principal& principal,
                                       Request request,
                                       asio::any_io_executor executor,
                                       Answer answer) override {
        return inner.call(principal, std::move(request), std::move(executor), std::move(answer));
    }

    [[nodiscard]] std::optional<AccessKey> key_of(std::string_view key_id) const override {
        const auto found = kept.find(key_id);
        if (found == kept.end()) return std::nullopt;
        return AccessKey{found->second.credential, found->second.lasting_root};
    }

    [[nodiscard]] bool ready() const override { return true; }

    void put(KeptKey key,
             const asio::any_io_executor& executor,
             Answered<Nothing> answer) override {
        puts.push_back(key);
        if (key.credential.empty()) {
            kept.erase(key.key_id);
        } else {
            kept[key.key_id] = key;
        }
        asio::post(executor, [answer] { answer(Nothing{}); });
    }

    void list(const asio::any_io_executor& executor,
              Answered<std::vector<KeptKey>> answer) override {
        std::vector<KeptKey> all;
        for (const auto& [key_id, key] : kept) all.push_back(key);
        asio::post(executor, [answer, all] { answer(all); });
    }

    testing::FakeBroker inner;
    std::map<std::string, KeptKey, std::less<>> kept;
    std::vector<KeptKey> puts;
};

class KeysFixture : public ::testing::Test {
  protected:
    // Keys named after their roles: AKIDr root, AKIDa admin, AKIDo, AKIDv, AKIDp, AKIDc, AKIDn
    // none.
    KeysFixture() {
        using model::Role;
        store.kept["AKIDr"] = {"AKIDr", "plain", true};
        put("AKIDa", {Role::admin, {}});
        put("AKIDo", {Role::operations, {}});
        put("AKIDv", {Role::viewer, {}});
        put("AKIDp", {Role::publisher, {}});
        put("AKIDc", {Role::consumer, {}});
        put("AKIDn", {Role::none, {}});
    }

    void put(const std::string& key_id, const model::Access& access, model::TimeMs ends_ms = 0) {
        const KeyView view{key_id, access, "of " + key_id, 1, ends_ms};
        store.kept[key_id] = {key_id, *seal_credential(box, {"hush of " + key_id, view}), false};
    }

    Principal who(const std::string& key_id) {
        const auto key = ring.valid(key_id);
        return {key_id, key && key->view.access.role == model::Role::root};
    }

    KeyBox box{std::string(KeyBox::key_bytes, 'k')};
    SystemClock clock;
    KeptKeys store;
    KeyRing ring{store, store, box, clock};
};

}  // namespace penstock::api

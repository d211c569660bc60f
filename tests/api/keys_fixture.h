// KeysFixture: a KeyRing over a broker that knows keys by id and a store that keeps what is put.
// One test, one thread.
#pragma once

#include "broker/api/key_ring.h"
#include "tests/support/fake_broker.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
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
        return AccessKey{found->second.credential, found->second.lasting_root, {}};
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

// Those that a test makes.
class FakeAccounts final : public AccountBook {
  public:
    [[nodiscard]] std::shared_ptr<const Account> account(std::string_view name) const override {
        if (name.empty()) return std::make_shared<const Account>(Account{{}, 0, no_limits, 0});
        const auto found = all.find(name);
        return found == all.end() ? nullptr : found->second;
    }

    void make(const std::string& name) {
        all[name] = std::make_shared<const Account>(Account{name, ++numbers, {}, 1});
    }

    std::map<std::string, std::shared_ptr<const Account>, std::less<>> all;
    std::uint64_t numbers = 0;
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
        if (!key) return {key_id, false};
        return {key_id, key->view.access.role == model::Role::root, key->view.account};
    }

    // A key of an account, which is made if there is none yet.
    void put_in(const std::string& account,
                const std::string& key_id,
                const model::Access& access,
                model::TimeMs ends_ms = 0) {
        if (!accounts.all.contains(account)) accounts.make(account);
        KeyView view{key_id, access, "of " + key_id, 1, ends_ms, account};
        view.account_number = accounts.all.at(account)->number;
        store.kept[key_id] = {key_id, *seal_credential(box, {"hush of " + key_id, view}), false};
    }

    KeyBox box{std::string(KeyBox::key_bytes, 'k')};
    SystemClock clock;
    KeptKeys store;
    FakeAccounts accounts;
    KeyRing ring{store, store, box, clock, accounts};
};

}  // namespace penstock::api

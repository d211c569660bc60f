// FakeBroker: a Broker that answers from a script and remembers what it was asked, for tests of
// ways in. Answers run on the executor asked for, never inside call(). One test, one thread.
#pragma once

#include "broker/api/broker.h"

#include <boost/asio/post.hpp>

#include <any>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <typeindex>
#include <utility>
#include <vector>

namespace penstock::testing {

class FakeBroker final : public api::Broker {
  public:
    // Every request of kind R is answered by `script` from now on. Without a script: internal.
    template <class R>
    void answer(std::function<api::Outcome<typename R::Reply>(const R&)> script) {
        scripts_[typeid(R)] = [script = std::move(script)](const api::Request& request) {
            return std::any(script(std::get<R>(request)));
        };
    }

    template <class R>
    void answer_with(typename R::Reply reply) {
        answer<R>([reply](const R&) { return api::Outcome<typename R::Reply>(reply); });
    }

    template <class R>
    void refuse(model::Reason reason, std::string detail = "as scripted") {
        model::Refusal refusal;
        refusal.reason = reason;
        refusal.detail = std::move(detail);
        answer<R>([refusal](const R&) { return api::Outcome<typename R::Reply>(refusal); });
    }

    // The latest request of kind R; nullptr when there was none.
    template <class R>
    [[nodiscard]] const R* last() const {
        for (auto at = requests.rbegin(); at != requests.rend(); ++at) {
            if (const auto* request = std::get_if<R>(&*at)) return request;
        }
        return nullptr;
    }

    std::shared_ptr<api::Cancellation> call(const api::Principal& principal,
                                            api::Request request,
                                            api::asio::any_io_executor executor,
                                            Answer answer) override {
        principals.push_back(principal);
        requests.push_back(std::move(request));
        auto outcome =
            std::visit([this](const auto& value) { return outcome_of(value); }, requests.back());
        boost::asio::post(executor, [answer = std::move(answer), outcome = std::move(outcome)] {
            answer(outcome);
        });
        return std::make_shared<Uncancelled>();
    }

    [[nodiscard]] std::optional<api::AccessKey> key_of(std::string_view key_id) const override {
        const auto found = secrets.find(std::string(key_id));
        if (found == secrets.end()) return std::nullopt;
        return api::AccessKey{found->second, root};
    }

    [[nodiscard]] bool ready() const override { return is_ready; }

    std::vector<api::Request> requests;
    std::vector<api::Principal> principals;
    std::map<std::string, std::string> secrets;
    bool root = true;  // what its keys are
    bool is_ready = true;

  private:
    class Uncancelled final : public api::Cancellation {
      public:
        void cancel() override {}
    };

    template <class R>
    std::any outcome_of(const R& request) {
        const auto script = scripts_.find(typeid(R));
        if (script != scripts_.end()) return script->second(api::Request(request));
        model::Refusal refusal;
        refusal.reason = model::Reason::internal;
        refusal.detail = "the test has no answer for this request";
        return api::Outcome<typename R::Reply>(refusal);
    }

    std::map<std::type_index, std::function<std::any(const api::Request&)>> scripts_;
};

}  // namespace penstock::testing

// FakeResolver: names to addresses from a table; names it does not know fail as `unknown` says.
// Answers are posted, as Resolver promises. Used on the test's thread.
#pragma once

#include "sinks/client/resolver.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

class FakeResolver final : public sinks::client::Resolver {
  public:
    explicit FakeResolver(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

    void resolve(const std::string& host, Answer answer) override {
        asked += 1;
        if (silent) return;
        sinks::client::Resolved resolved;
        resolved.ending = unknown;
        resolved.detail = "not in the table";
        const auto known = names.find(host);
        if (known != names.end()) {
            resolved.ending = sinks::client::Resolved::Ending::found;
            for (const std::string& text : known->second) {
                resolved.addresses.push_back(boost::asio::ip::make_address(text));
            }
        }
        boost::asio::post(executor_,
                          [answer = std::move(answer), resolved]() { answer(resolved); });
    }

    std::map<std::string, std::vector<std::string>> names = {{"127.0.0.1", {"127.0.0.1"}}};
    sinks::client::Resolved::Ending unknown = sinks::client::Resolved::Ending::not_found;
    bool silent = false;  // never answers
    unsigned asked = 0;

  private:
    boost::asio::any_io_executor executor_;
};

}  // namespace penstock::testing

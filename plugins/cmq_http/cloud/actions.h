// The actions of API 3.0, each carried out by actions of API 2.0: one meaning, two spellings
// (cmq-api.md 2.8, 2.9). Any I/O thread.
#pragma once

#include "plugins/cmq_http/action.h"
#include "plugins/cmq_http/cloud/problem.h"
#include "plugins/cmq_http/cloud/request.h"

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include <array>
#include <string_view>
#include <vector>

namespace penstock::plugins::cmq::cloud {

inline constexpr std::string_view cmq_version = "2019-03-04";
inline constexpr std::string_view tdmq_version = "2020-02-17";
inline constexpr std::array<std::string_view, 2> versions{cmq_version, tdmq_version};

struct CloudAnswer {
    Problem problem;
    boost::json::object members;  // of Response, but for RequestId
};

struct CloudAction;

// One request on its way; outlives its handler.
struct CloudExchange {
    api::Broker& broker;
    const CmqOptions& options;
    const std::vector<Action>& actions;  // of API 2.0
    const CloudAction& action;
    bool tdmq = false;  // times are milliseconds
    api::Principal principal;
    std::vector<Parameters::Parameter> parameters;  // as API 2.0 names them
    TraceHeaders trace;
};

using CloudHandler = asio::awaitable<CloudAnswer> (*)(const CloudExchange& exchange);

struct CloudAction {
    std::string_view cmq;   // its name in `cmq` 2019-03-04; empty: not there
    std::string_view tdmq;  // its name in `tdmq` 2020-02-17
    CloudHandler handler = nullptr;
    std::string_view performs;  // the action of API 2.0 that `perform` runs
    std::vector<Field> fields;
};

std::vector<CloudAction> cloud_actions();

}  // namespace penstock::plugins::cmq::cloud

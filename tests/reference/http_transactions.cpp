// What HttpServed asks about transactional messages; over /v1.
#include "tests/reference/http_served.h"

#include <algorithm>
#include <utility>

namespace penstock::reference {

namespace {

namespace json = boost::json;

bool lists(const json::value& answer, std::string_view name, const std::string& id) {
    const json::array& ids = answer.at(name).as_array();
    return std::any_of(
        ids.begin(), ids.end(), [&](const json::value& one) { return one.as_string() == id; });
}

}  // namespace

api::Outcome<api::ConfirmedTransactions> HttpServed::ask(const api::ConfirmTransactions& request) {
    json::array commit;
    json::array rollback;
    for (const auto& item : request.items) {
        (item.commit ? commit : rollback).emplace_back(model::to_text(item.message));
    }
    const auto answer = native("POST",
                               "/queues/" + request.queue + "/transactions",
                               {{"commit", std::move(commit)}, {"rollback", std::move(rollback)}});
    if (!answer) return answer.error();
    api::ConfirmedTransactions confirmed;
    for (const auto& item : request.items) {
        const std::string id = model::to_text(item.message);
        const bool done = lists(*answer, item.commit ? "committed" : "rolled_back", id);
        confirmed.results.push_back(done ? model::ConfirmResult::done
                                    : lists(*answer, "ended_otherwise", id)
                                        ? model::ConfirmResult::otherwise
                                        : model::ConfirmResult::unknown);
    }
    return confirmed;
}

api::Outcome<api::TakenChecks> HttpServed::ask(const api::TakeChecks& request) {
    const auto answer = native("POST",
                               "/queues/" + request.queue + "/transactions/checks",
                               {{"max", request.max}, {"wait", request.wait_s}});
    if (!answer) return answer.error();
    api::TakenChecks taken;
    for (const json::value& shown : answer->at("checks").as_array()) {
        const auto id = model::parse_decimal(std::string(shown.at("id").as_string()));
        taken.items.push_back(
            {model::MessageId(id.value_or(0)), shown.at("checks").to_number<std::uint32_t>()});
    }
    return taken;
}

}  // namespace penstock::reference

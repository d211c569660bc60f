// Handlers for transactional messages: what became of them, and who is to be asked.
#include "plugins/native/routes.h"

namespace penstock::plugins::native {

namespace {

constexpr Range confirm_items{0, model::confirm_items_max};
constexpr Range id_bytes{1, 20};
constexpr Range checks_range{1, model::checks_taken_max};
constexpr Range wait_s{0, 30, "seconds"};
constexpr std::uint32_t checks_default = 16;

void read_items(Fields& fields, std::string_view name, bool commit, api::ConfirmTransactions& to) {
    const auto ids = fields.texts(name, confirm_items, id_bytes);
    if (!ids) return;
    for (const std::string& text : *ids) {
        const auto number = model::parse_decimal(text);
        if (!number || *number == 0) fields.refuse(name, "must be message ids in decimal digits.");
        to.items.push_back({model::MessageId(number.value_or(0)), commit});
    }
}

// By what became of them.
boost::json::object show(const api::ConfirmTransactions& asked,
                         const api::ConfirmedTransactions& confirmed) {
    boost::json::array committed;
    boost::json::array rolled_back;
    boost::json::array unknown;
    boost::json::array ended;
    for (std::size_t at = 0; at < confirmed.results.size(); ++at) {
        const auto& item = asked.items[at];
        const auto result = confirmed.results[at];
        auto& list = result == model::ConfirmResult::unknown     ? unknown
                     : result == model::ConfirmResult::otherwise ? ended
                     : item.commit                               ? committed
                                                                 : rolled_back;
        list.emplace_back(model::to_text(item.message));
    }
    boost::json::object body;
    body["committed"] = std::move(committed);
    body["rolled_back"] = std::move(rolled_back);
    body["unknown"] = std::move(unknown);
    body["ended_otherwise"] = std::move(ended);
    return body;
}

}  // namespace

asio::awaitable<Reply> confirm_transactions(Call& call) {
    Fields fields = json_fields(call.request.body, {"commit", "rollback"});
    api::ConfirmTransactions request;
    request.queue = call.names[0];
    read_items(fields, "commit", true, request);
    read_items(fields, "rollback", false, request);
    if (request.items.empty() || request.items.size() > model::confirm_items_max) {
        fields.refuse("commit", "commit and rollback name 1 to 100 messages together.");
    }
    if (!fields.ok()) co_return *fields.problem();
    api::ConfirmTransactions asked = request;
    const auto outcome = co_await ask(call, std::move(request));
    if (!outcome) co_return refused(outcome.error());
    co_return json_reply(show(asked, *outcome));
}

asio::awaitable<Reply> take_checks(Call& call) {
    Fields fields = json_fields(call.request.body, {"max", "wait"});
    api::TakeChecks request;
    request.queue = call.names[0];
    request.max = fields.whole32("max", checks_range).value_or(checks_default);
    request.wait_s = fields.whole32("wait", wait_s).value_or(0);
    if (!fields.ok()) co_return *fields.problem();
    const auto outcome = co_await ask(call, std::move(request));
    if (!outcome) co_return refused(outcome.error());
    boost::json::array checks;
    for (const model::TransactionCheck& check : outcome->items) {
        boost::json::object one;
        one["id"] = model::to_text(check.message);
        one["checks"] = check.checks;
        checks.emplace_back(std::move(one));
    }
    boost::json::object body;
    body["checks"] = std::move(checks);
    co_return json_reply(body);
}

}  // namespace penstock::plugins::native

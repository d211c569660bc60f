#include "plugins/native/routes.h"

namespace penstock::plugins::native {

namespace {

constexpr Range batch_items{1, 16};
constexpr Range wait_s{0, 30, "seconds"};
constexpr Range visibility_s{1, 43'200, "seconds"};
constexpr Range visibility_change_s{0, 43'200, "seconds"};
constexpr Range receipt_bytes{1, 20};

model::Receipt read_receipt(Fields& fields, std::string_view name, const std::string& text) {
    const auto number = model::parse_decimal(text);
    if (!number) fields.refuse(name, "must be a receipt as received, in decimal digits.");
    return model::Receipt(number.value_or(0));
}

}  // namespace

asio::awaitable<Reply> receive_messages(Call& call) {
    Fields fields = json_fields(call.request.body, {"max", "wait", "visibility"});
    api::ReceiveMessages request;
    request.queue = call.names[0];
    request.messages_max = fields.whole32("max", batch_items).value_or(1);
    request.wait_s = fields.whole32("wait", wait_s);
    request.visibility_s = fields.whole32("visibility", visibility_s).value_or(0);
    if (!fields.ok()) co_return *fields.problem();
    const auto outcome = co_await ask(call, std::move(request));
    if (!outcome) co_return refused(outcome.error());
    boost::json::array messages;
    for (const auto& message : outcome->messages) {
        messages.emplace_back(show(message));
    }
    boost::json::object body;
    body["messages"] = std::move(messages);
    co_return json_reply(body);
}

asio::awaitable<Reply> acknowledge_messages(Call& call) {
    Fields fields = json_fields(call.request.body, {"receipts"});
    api::DeleteMessages request;
    request.queue = call.names[0];
    const auto receipts = fields.texts("receipts", batch_items, receipt_bytes);
    if (!receipts) fields.refuse("receipts", "is missing; a list of 1 to 16 texts.");
    if (receipts) {
        for (const auto& text : *receipts) {
            request.receipts.push_back(read_receipt(fields, "receipts", text));
        }
    }
    if (!fields.ok()) co_return *fields.problem();
    const auto outcome = co_await ask(call, std::move(request));
    if (!outcome) co_return refused(outcome.error());

    boost::json::array acknowledged;
    boost::json::array stale;
    for (std::size_t at = 0; at < receipts->size(); ++at) {
        const bool removed = at < outcome->removed.size() && outcome->removed[at];
        (removed ? acknowledged : stale).emplace_back((*receipts)[at]);
    }
    boost::json::object body;
    body["acknowledged"] = std::move(acknowledged);
    body["stale"] = std::move(stale);
    co_return json_reply(body);
}

asio::awaitable<Reply> change_visibility(Call& call) {
    Fields fields = json_fields(call.request.body, {"receipt", "visibility"});
    api::ChangeVisibility request;
    request.queue = call.names[0];
    const std::string receipt = fields.need_text("receipt", receipt_bytes);
    request.receipt = read_receipt(fields, "receipt", receipt);
    request.visibility_s =
        static_cast<std::uint32_t>(fields.need_whole("visibility", visibility_change_s));
    if (!fields.ok()) co_return *fields.problem();
    const auto outcome = co_await ask(call, std::move(request));
    co_return done(outcome);
}

}  // namespace penstock::plugins::native

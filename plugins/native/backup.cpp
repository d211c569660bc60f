// Copies of sets, made and read by `penstock backup`.
#include "plugins/native/call.h"
#include "plugins/native/routes.h"

#include <boost/json/array.hpp>

#include <algorithm>
#include <cstdint>

namespace penstock::plugins::native {

namespace {

using What = api::ChangeBackup::What;

constexpr Range backup_ids{1, INT64_MAX};
constexpr Range offsets{0, INT64_MAX};
constexpr std::uint64_t no_set = 1U << model::set_bits;

// What is no number is that of no set.
std::uint32_t set_in_path(const Call& call) {
    return static_cast<std::uint32_t>(
        std::min(model::parse_decimal(call.names[0]).value_or(no_set), no_set));
}

std::string_view to_text(api::BackupView::State state) {
    using State = api::BackupView::State;
    switch (state) {
        case State::held:
            return "held";
        case State::flushing:
            return "flushing";
        case State::preparing:
            return "preparing";
        case State::ready:
            break;
    }
    return "ready";
}

Reply reply_of(std::uint32_t set, const api::Outcome<api::BackupView>& outcome) {
    if (!outcome) return refused(outcome.error());
    boost::json::object out;
    out["set"] = set;
    out["state"] = to_text(outcome->state);
    out["index"] = outcome->index;
    out["manifest_bytes"] = outcome->manifest_bytes;
    return json_reply(out);
}

What action_of(Fields& fields) {
    const auto action = fields.one_of("action", {"hold", "begin", "release", "end"});
    if (!action && fields.ok()) fields.refuse("action", "It is hold, begin, release or end.");
    if (action == "begin") return What::begin;
    if (action == "release") return What::release;
    return action == "end" ? What::end : What::hold;
}

}  // namespace

asio::awaitable<Reply> list_backup_sets(Call& call) {
    api::ListBackupSets request;
    const auto outcome = co_await ask(call, std::move(request));
    if (!outcome) co_return refused(outcome.error());
    boost::json::array sets;
    for (const std::uint32_t set : outcome->sets) sets.emplace_back(set);
    boost::json::object out;
    out["sets"] = std::move(sets);
    co_return json_reply(out);
}

asio::awaitable<Reply> change_backup(Call& call) {
    Fields fields = json_fields(call.request.body, {"backup", "action"});
    api::ChangeBackup request;
    request.set = set_in_path(call);
    request.backup = fields.need_whole("backup", backup_ids);
    request.what = action_of(fields);
    if (!fields.ok()) co_return *fields.problem();
    const std::uint32_t set = request.set;
    const auto outcome = co_await ask(call, std::move(request));
    co_return reply_of(set, outcome);
}

asio::awaitable<Reply> get_backup(Call& call) {
    Fields fields = query_fields(call.request.query, {"backup"});
    api::GetBackup request;
    request.set = set_in_path(call);
    request.backup = fields.need_whole("backup", backup_ids);
    if (!fields.ok()) co_return *fields.problem();
    const std::uint32_t set = request.set;
    const auto outcome = co_await ask(call, std::move(request));
    co_return reply_of(set, outcome);
}

asio::awaitable<Reply> read_backup(Call& call) {
    Fields fields = query_fields(call.request.query, {"backup", "offset"});
    api::ReadBackup request;
    request.set = set_in_path(call);
    request.backup = fields.need_whole("backup", backup_ids);
    request.offset = fields.whole("offset", offsets).value_or(0);
    const auto part = model::parse_decimal(call.names[1]);
    if (call.names[1] == "manifest") {
        request.part = api::backup_manifest;
    } else if (part && *part < api::backup_manifest) {
        request.part = static_cast<std::uint32_t>(*part);
    } else if (fields.ok()) {
        fields.refuse("part", "It is a number or 'manifest'.");
    }
    if (!fields.ok()) co_return *fields.problem();
    auto outcome = co_await ask(call, std::move(request));
    if (!outcome) co_return refused(outcome.error());
    HttpResponse response;
    response.content_type = "application/octet-stream";
    response.body = std::move(outcome->bytes);
    co_return response;
}

}  // namespace penstock::plugins::native

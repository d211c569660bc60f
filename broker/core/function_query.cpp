#include "broker/core/data_query.h"
#include "broker/core/records.h"

namespace penstock::core {

std::vector<model::Script> scripts_of(const Rows& rows, SubscriptionNo subscription) {
    std::vector<model::Script> scripts;
    rows.scan(keys::prefix('c', subscription),
              keys::prefix_end('c', subscription),
              [&](std::string_view, std::string_view value) {
                  scripts.push_back(decode<model::Script>(value));
                  return true;
              });
    return scripts;
}

std::optional<model::Script> script_of(const Rows& rows,
                                       SubscriptionNo subscription,
                                       model::ScriptRole role,
                                       std::uint32_t version) {
    const auto bytes = rows.get(keys::script(subscription, role, version));
    if (!bytes) return {};
    return decode<model::Script>(*bytes);
}

KvValue kv_value(const Rows& rows,
                 SubscriptionNo subscription,
                 std::string_view key,
                 TimeMs now_ms) {
    const auto bytes = rows.get(keys::kv(subscription, key));
    if (!bytes) return {};
    auto row = decode<KvEntry>(*bytes);
    if (row.expires_ms > 0 && row.expires_ms <= now_ms) return {};
    return KvValue{row.version, std::move(row.value)};
}

}  // namespace penstock::core

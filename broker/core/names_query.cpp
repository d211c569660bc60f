#include "broker/core/names_query.h"

#include "broker/base/bytes.h"
#include "broker/core/name_rows.h"
#include "broker/model/account_name.h"

#include <algorithm>

namespace penstock::core {

namespace {

char lower(char byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
}

bool contains(std::string_view text, std::string_view part) {
    const auto same = [](char left, char right) {
        return lower(left) == lower(right);
    };
    return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

NameCounters counters_in(const model::Rows& rows) {
    const auto bytes = rows.get(name_keys::counters);
    return bytes ? decode_counters(*bytes) : NameCounters{};
}

}  // namespace

model::ObjectNo next_number(const model::Rows& rows) {
    return model::ObjectNo{counters_in(rows).next};
}

bool was_released(const model::Rows& rows, model::ObjectNo number) {
    return !find_number(rows, number) && number < next_number(rows);
}

std::uint32_t objects_in(const model::Rows& rows, model::SetId set) {
    const NameCounters counters = counters_in(rows);
    const auto found = counters.objects.find(set);
    return found == counters.objects.end() ? 0 : found->second;
}

std::optional<NameInfo> find_number(const model::Rows& rows, model::ObjectNo number) {
    const auto bytes = rows.get(name_keys::by_number(number));
    if (!bytes) return {};
    return decode_name(number, *bytes);
}

std::optional<NameInfo> find_name(const model::Rows& rows,
                                  model::ObjectKind kind,
                                  std::string_view name) {
    const auto bytes = rows.get(name_keys::by_name('n', kind, name));
    if (!bytes) return {};
    auto info = find_number(rows, model::ObjectNo{Reader(*bytes).u32()});
    if (!info || info->state != NameState::ready) return {};
    return info;
}

NamePage list_names(const model::Rows& rows,
                    model::ObjectKind kind,
                    std::string_view search,
                    std::uint64_t offset,
                    std::uint64_t limit,
                    std::optional<std::string_view> account) {
    NamePage page;
    // "acme:" begins all names of its objects, in their order too.
    std::string of_account;
    if (account && !account->empty()) of_account.append(*account) += model::account_separator;
    const std::string first = name_keys::by_name('n', kind, of_account);
    std::string end = first;
    end.back() = static_cast<char>(end.back() + 1);
    rows.scan(first, end, [&](std::string_view, std::string_view value) {
        auto info = find_number(rows, model::ObjectNo{Reader(value).u32()});
        if (!info || info->state != NameState::ready || info->kind != kind) return true;
        if (account && model::account_of(info->name) != *account) return true;
        if (!contains(account ? model::own_name(info->name) : info->name, search)) return true;
        if (page.total >= offset && page.items.size() < limit)
            page.items.push_back(std::move(*info));
        ++page.total;
        return true;
    });
    return page;
}

std::vector<NameInfo> unfinished_names(const model::Rows& rows) {
    std::vector<NameInfo> found;
    rows.scan("o", "p", [&](std::string_view key, std::string_view value) {
        auto info = decode_name(model::ObjectNo{Reader(key.substr(1)).key_u32()}, value);
        if (info.state != NameState::ready) found.push_back(std::move(info));
        return true;
    });
    return found;
}

std::optional<KeyInfo> find_key(const model::Rows& rows, std::string_view key_id) {
    const auto bytes = rows.get(name_keys::key(key_id));
    if (!bytes) return {};
    return decode_key(key_id, *bytes);
}

std::vector<KeyInfo> list_keys(const model::Rows& rows) {
    std::vector<KeyInfo> found;
    rows.scan("k", "l", [&](std::string_view key, std::string_view value) {
        found.push_back(decode_key(key.substr(1), value));
        return true;
    });
    return found;
}

}  // namespace penstock::core

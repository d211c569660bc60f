#include "broker/model/account_name.h"

#include "broker/base/hash.h"

#include <algorithm>

namespace penstock::model {

namespace {

bool is_lower(char byte) {
    return byte >= 'a' && byte <= 'z';
}

bool is_account_char(char byte) {
    return is_lower(byte) || (byte >= '0' && byte <= '9') || byte == '-';
}

}  // namespace

bool valid_account_name(std::string_view name) {
    return !name.empty() && name.size() <= account_name_chars_max && is_lower(name.front()) &&
           std::all_of(name.begin(), name.end(), is_account_char);
}

std::string_view account_of(std::string_view stored_name) {
    const auto separator = stored_name.find(account_separator);
    return separator == std::string_view::npos ? std::string_view()
                                               : stored_name.substr(0, separator);
}

std::string_view own_name(std::string_view stored_name) {
    const auto separator = stored_name.find(account_separator);
    return separator == std::string_view::npos ? stored_name : stored_name.substr(separator + 1);
}

std::string stored_name(std::string_view account, std::string_view own) {
    if (account.empty() || own.empty()) return std::string(own);
    std::string name(account);
    name += account_separator;
    return name.append(own);
}

std::uint64_t owner_number(std::string_view account) {
    constexpr std::uint64_t least = 100'000'000'000;
    return least + hash64(account) % (9 * least);
}

}  // namespace penstock::model

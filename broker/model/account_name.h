// Names of accounts and of what belongs to them. What account `acme` calls "orders" is stored as
// "acme:orders"; the server's own account has no name, and its objects are stored as they are
// called. A colon is in no name that a user may give. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::model {

inline constexpr char account_separator = ':';
inline constexpr std::size_t account_name_chars_max = 32;

// 1-32 of a-z, 0-9 and '-', a letter first.
bool valid_account_name(std::string_view name);

// "acme" of "acme:orders", "acme:events/hook", "acme:events.hook.dlq"; empty: the server's own.
std::string_view account_of(std::string_view stored_name);

// "orders" of "acme:orders": as the account itself calls it.
std::string_view own_name(std::string_view stored_name);

// "acme:orders" of "acme" and "orders". Without an account, or without a name, the name as it is.
std::string stored_name(std::string_view account, std::string_view own);

// What CMQ shows as the owner's number (topicOwner, createUin), 12 digits, made of the name alone.
std::uint64_t owner_number(std::string_view account);

// Of a topic of that account; `of_server` is the number of the server's own.
inline std::uint64_t owner_number(std::string_view account, std::uint64_t of_server) {
    return account.empty() ? of_server : owner_number(account);
}

}  // namespace penstock::model

// The actions on queues themselves and the routes (cmq-api.md 2.1 to 2.3, 2.6).
#pragma once

#include "plugins/cmq_http/action.h"

namespace penstock::plugins::cmq {

std::vector<Action> queue_actions();

// searchWord, offset, limit; shared by all lists.
std::vector<ParameterSpec> page_specs(std::int64_t offset_max, std::int64_t limit_max);
Failure read_page(const Arguments& arguments, api::Page& page);

// totalCount and `list` with items of `kind`Id and `kind`Name.
Answer shown_page(const api::NamePage& page, std::string_view list, std::string_view kind);

// addr: where to reach the object over TCP.
Answer shown_routes(const Exchange& exchange);

inline constexpr std::int64_t offset_max = 1'000'000;
inline constexpr std::int64_t search_bytes_max = 64;

}  // namespace penstock::plugins::cmq

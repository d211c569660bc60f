// The actions on topics, publishing included (cmq-api.md 2.5).
#pragma once

#include "plugins/cmq_http/action.h"

namespace penstock::plugins::cmq {

std::vector<Action> topic_actions();

inline constexpr std::size_t tags_max = 5;
inline constexpr std::int64_t tag_characters_max = 16;
inline constexpr std::int64_t key_bytes_max = 64;

}  // namespace penstock::plugins::cmq

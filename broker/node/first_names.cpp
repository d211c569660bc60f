#include "broker/node/first_names.h"

#include <utility>

namespace penstock::node {

const core::NamePage& FirstNames::of(const model::Rows& names,
                                     model::LogIndex applied,
                                     model::ObjectKind kind) {
    if (std::exchange(applied_, applied) != applied) pages_.clear();
    const auto [page, added] = pages_.try_emplace(kind);
    if (added) page->second = core::list_names(names, kind, {}, 0, names_max);
    return page->second;
}

}  // namespace penstock::node

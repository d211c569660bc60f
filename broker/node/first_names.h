// FirstNames: how many visible names of a kind there are, and the first of them, for figures that
// are asked for every few seconds. Kept until the set of names has applied something: finding them
// reads all names there are. Broker thread only; never fails.
#pragma once

#include "broker/core/names_query.h"
#include "broker/model/rows.h"

#include <cstdint>
#include <map>

namespace penstock::node {

class FirstNames {
  public:
    static constexpr std::uint64_t names_max = 500;  // of a kind, by name

    // `names`: the rows of set 0 as they are after `applied`. Holds until the next call.
    const core::NamePage& of(const model::Rows& names,
                             model::LogIndex applied,
                             model::ObjectKind kind);

  private:
    model::LogIndex applied_ = 0;
    std::map<model::ObjectKind, core::NamePage> pages_;
};

}  // namespace penstock::node

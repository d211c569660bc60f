// RowCache: the rows that were read last from RocksDB, also those that are not there, so that a row
// that is read again and again (a configuration) is not looked for there each time. What is written
// is forgotten; it is told of everything that is. Bounded in bytes; what was not read for longest
// goes first. Owned by one store, its thread only.
#pragma once

#include "broker/model/rows.h"

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace penstock::storage {

class RowCache {
  public:
    using Value = std::optional<std::string>;  // nothing: there is no such row

    // Keeps at most so many bytes, keys and what keeping takes included; 0: none.
    explicit RowCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    // Null: it is not known. Holds until the next call.
    [[nodiscard]] const Value* find(std::string_view key);

    // Read just now, and not known before. A row that would take a 64th of the cache is not kept.
    void keep(std::string_view key, const Value& value);

    // A batch was written.
    void forget(const model::RowBatch& batch);

    [[nodiscard]] std::size_t bytes() const { return bytes_; }

  private:
    struct Row {
        std::string key;
        Value value;
    };

    using Rows = std::list<Row>;  // the one read last in front

    static std::size_t bytes_of(std::string_view key, const Value& value);
    void forget(Rows::iterator row);
    void forget_range(std::string_view first, std::string_view end);

    std::size_t bytes_max_;
    std::size_t bytes_ = 0;
    Rows rows_;
    std::unordered_map<std::string_view, Rows::iterator> places_;  // by the keys in rows_
};

}  // namespace penstock::storage

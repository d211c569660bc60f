// FreshRows: what was written to a store and is not in RocksDB yet, by key. Most rows are erased
// soon after they were written (leases, timers, deliveries under way): they come and go here.
// Written by the store's thread; once nobody writes any more, read by any.
#pragma once

#include "broker/model/rows.h"
#include "broker/storage/rows/key_ranges.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace penstock::storage {

class FreshRows {
  public:
    struct Row {
        std::string value;
        bool erased = false;
        bool was_put = false;  // here, before it was erased: what lies below may not know it
    };

    using Rows = std::map<std::string, Row, std::less<>>;

    void put(std::string key, std::string value);
    void erase(std::string key);
    void erase_range(std::string_view first, std::string_view end);

    // In the order of its writes.
    void apply(model::RowBatch batch);

    // Null: whatever lies below holds. Until the next write.
    [[nodiscard]] const Row* find(std::string_view key) const;

    // In an erased range: rows of that key that lie below do not count.
    [[nodiscard]] bool hides(std::string_view key) const { return erased_ranges_.has(key); }

    [[nodiscard]] const Rows& rows() const { return rows_; }

    [[nodiscard]] const KeyRanges& erased_ranges() const { return erased_ranges_; }

    // Of memory, roughly; 0: nothing was written.
    [[nodiscard]] std::size_t bytes() const { return bytes_ + erased_ranges_.bytes(); }

  private:
    static std::size_t bytes_of(std::string_view key, std::string_view value);
    Rows::iterator remove(Rows::iterator row);

    Rows rows_;
    KeyRanges erased_ranges_;
    std::size_t bytes_ = 0;
};

// What a scan makes of a row that lies below.
enum class Lower : std::uint8_t {
    hidden,    // it does not count, nor will it until these fresh rows are let go; go on
    shown,     // it does; go on
    unwanted,  // the scan ends before or with it
};

// The rows below fresh ones: none that counts before `from`. `scan` visits them from there on, in
// the order of keys.
struct RowsBelow {
    using See = std::function<Lower(std::string_view key, std::string_view value)>;

    std::string from;
    std::function<void(const See& see)> scan;
};

// Visits, in the order of keys, what `newest`, `older` (may be null) and the rows below them make
// together, as model::Rows::scan does. The rows below are not looked at when what is before them is
// enough.
void scan_over(const FreshRows& newest,
               const FreshRows* older,
               std::string_view first,
               std::string_view end,
               const RowsBelow& below,
               const model::Rows::Visit& visit);

}  // namespace penstock::storage

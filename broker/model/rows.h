// Rows: the ordered map a set's state lives in, as the core sees it. Reads see every write of the
// entries applied before. The core never writes: writes leave as RowBatch in Effects.
//
// Implementations (broker/storage/rows) are used by the broker thread only.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::model {

class Rows {
  public:
    virtual ~Rows() = default;

    [[nodiscard]] virtual std::optional<std::string> get(std::string_view key) const = 0;

    // Visits rows with first <= key < end in key order until `visit` answers false.
    using Visit = std::function<bool(std::string_view key, std::string_view value)>;
    virtual void scan(std::string_view first, std::string_view end, const Visit& visit) const = 0;
};

// What one entry changes: applied in order, all or nothing.
struct RowWrite {
    enum class Kind : std::uint8_t { put, erase, erase_range };

    Kind kind = Kind::put;
    std::string key;    // erase_range: first key of the range
    std::string value;  // erase_range: end of the range (exclusive)

    friend bool operator==(const RowWrite&, const RowWrite&) = default;
};

using RowBatch = std::vector<RowWrite>;

}  // namespace penstock::model

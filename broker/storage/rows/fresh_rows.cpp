#include "broker/storage/rows/fresh_rows.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace penstock::storage {

namespace {

constexpr std::size_t bytes_beside =
    144;  // of a row: its node in the tree, what its texts take beside

// The rows of one or two within bounds, in the order of keys.
class Fresh {
  public:
    Fresh(const FreshRows& newest,
          const FreshRows* older,
          std::string_view first,
          std::string_view end)
        : newest_(&newest, first, end), older_(older, first, end) {
        choose();
    }

    // Null: none is left.
    [[nodiscard]] const FreshRows::Rows::value_type* row() const { return row_; }

    void next() {
        const std::string_view key = row_->first;
        if (newest_.is_at(key)) ++newest_.at;
        if (older_.is_at(key)) ++older_.at;
        choose();
    }

    // Whether a row of that key below counts.
    [[nodiscard]] bool hides(std::string_view key) const {
        return newest_.rows->hides(key) || (older_.rows != nullptr && older_.rows->hides(key));
    }

  private:
    struct Part {
        Part(const FreshRows* of, std::string_view first, std::string_view end) : rows(of) {
            if (rows == nullptr) return;
            at = rows->rows().lower_bound(first);
            stop = rows->rows().lower_bound(end);
        }

        [[nodiscard]] bool ended() const { return rows == nullptr || at == stop; }

        [[nodiscard]] bool is_at(std::string_view key) const {
            return !ended() && at->first == key;
        }

        const FreshRows* rows;
        FreshRows::Rows::const_iterator at;
        FreshRows::Rows::const_iterator stop;
    };

    void choose() {
        while (!older_.ended() && newest_.rows->hides(older_.at->first)) ++older_.at;
        row_ = newest_.ended() ? nullptr : &*newest_.at;
        if (!older_.ended() && (row_ == nullptr || older_.at->first < row_->first))
            row_ = &*older_.at;
    }

    Part newest_;
    Part older_;
    const FreshRows::Rows::value_type* row_ = nullptr;
};

}  // namespace

std::size_t FreshRows::bytes_of(std::string_view key, std::string_view value) {
    return bytes_beside + key.size() + value.size();
}

void FreshRows::put(std::string_view key, std::string_view value) {
    const auto place = rows_.lower_bound(key);
    if (place == rows_.end() || place->first != key) {
        rows_.emplace_hint(place, key, Row{std::string(value), false, true});
        bytes_ += bytes_of(key, value);
        return;
    }
    bytes_ += value.size();
    bytes_ -= place->second.value.size();
    place->second.value = value;
    place->second.erased = false;
}

void FreshRows::erase(std::string_view key) {
    const auto place = rows_.lower_bound(key);
    const bool known = place != rows_.end() && place->first == key;
    if (hides(key)) {
        if (known) remove(place);
        return;
    }
    if (!known) {
        rows_.emplace_hint(place, key, Row{{}, true, false});
        bytes_ += bytes_of(key, {});
        return;
    }
    bytes_ -= place->second.value.size();
    std::string().swap(place->second.value);
    place->second.erased = true;
}

void FreshRows::erase_range(std::string_view first, std::string_view end) {
    if (first >= end) return;
    for (auto row = rows_.lower_bound(first); row != rows_.end() && row->first < end;) {
        row = remove(row);
    }
    std::string from(first);
    std::string to(end);
    // With those it meets it is one.
    auto other = erased_ranges_.upper_bound(from);
    if (other != erased_ranges_.begin() && std::prev(other)->second >= from) --other;
    while (other != erased_ranges_.end() && other->first <= to) {
        from = std::min(from, other->first);
        to = std::max(to, other->second);
        bytes_ -= bytes_of(other->first, other->second);
        other = erased_ranges_.erase(other);
    }
    bytes_ += bytes_of(from, to);
    erased_ranges_.emplace(std::move(from), std::move(to));
}

void FreshRows::apply(const model::RowBatch& batch) {
    using Kind = model::RowWrite::Kind;
    for (const model::RowWrite& write : batch) {
        switch (write.kind) {
            case Kind::put:
                put(write.key, write.value);
                break;
            case Kind::erase:
                erase(write.key);
                break;
            case Kind::erase_range:
                erase_range(write.key, write.value);
                break;
        }
    }
}

const FreshRows::Row* FreshRows::find(std::string_view key) const {
    static const Row erased{{}, true, false};
    const auto row = rows_.find(key);
    if (row != rows_.end()) return &row->second;
    return hides(key) ? &erased : nullptr;
}

bool FreshRows::hides(std::string_view key) const {
    if (erased_ranges_.empty()) return false;
    const auto after = erased_ranges_.upper_bound(key);
    return after != erased_ranges_.begin() && key < std::prev(after)->second;
}

FreshRows::Rows::iterator FreshRows::remove(Rows::iterator row) {
    bytes_ -= bytes_of(row->first, row->second.value);
    return rows_.erase(row);
}

void scan_over(const FreshRows& newest,
               const FreshRows* older,
               std::string_view first,
               std::string_view end,
               const ScanBelow& scan_below,
               const model::Rows::Visit& visit) {
    Fresh fresh(newest, older, first, end);
    bool wanted = true;
    const auto give = [&] {
        const auto& [key, row] = *fresh.row();
        wanted = row.erased || visit(key, row.value);
        fresh.next();
        return wanted;
    };
    scan_below([&](std::string_view key, std::string_view value) {
        while (fresh.row() != nullptr && fresh.row()->first < key) {
            if (!give()) return false;
        }
        if (fresh.row() != nullptr && fresh.row()->first == key) return give();
        if (!fresh.hides(key)) wanted = visit(key, value);
        return wanted;
    });
    while (wanted && fresh.row() != nullptr) give();
}

}  // namespace penstock::storage

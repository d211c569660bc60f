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

void FreshRows::put(std::string key, std::string value) {
    const auto place = rows_.lower_bound(key);
    if (place == rows_.end() || place->first != key) {
        bytes_ += bytes_of(key, value);
        rows_.emplace_hint(place, std::move(key), Row{std::move(value), false, true});
        return;
    }
    bytes_ += value.size();
    bytes_ -= place->second.value.size();
    place->second.value = std::move(value);
    place->second.erased = false;
}

void FreshRows::erase(std::string key) {
    const auto place = rows_.lower_bound(key);
    const bool known = place != rows_.end() && place->first == key;
    if (hides(key)) {
        if (known) remove(place);
        return;
    }
    if (!known) {
        bytes_ += bytes_of(key, {});
        rows_.emplace_hint(place, std::move(key), Row{{}, true, false});
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
    erased_ranges_.add(first, end);
}

void FreshRows::apply(model::RowBatch batch) {
    using Kind = model::RowWrite::Kind;
    for (model::RowWrite& write : batch) {
        switch (write.kind) {
            case Kind::put:
                put(std::move(write.key), std::move(write.value));
                break;
            case Kind::erase:
                erase(std::move(write.key));
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

FreshRows::Rows::iterator FreshRows::remove(Rows::iterator row) {
    bytes_ -= bytes_of(row->first, row->second.value);
    return rows_.erase(row);
}

void scan_over(const FreshRows& newest,
               const FreshRows* older,
               std::string_view first,
               std::string_view end,
               const RowsBelow& below,
               const model::Rows::Visit& visit) {
    Fresh fresh(newest, older, first, end);
    bool wanted = true;
    const auto give = [&] {
        const auto& [key, row] = *fresh.row();
        wanted = row.erased || visit(key, row.value);
        fresh.next();
    };
    const auto give_before = [&](std::string_view key) {
        while (wanted && fresh.row() != nullptr && fresh.row()->first < key) give();
        return wanted;
    };
    if (!give_before(below.from)) return;
    const auto see = [&](std::string_view key, std::string_view value) {
        if (!give_before(key)) return Lower::unwanted;
        if (fresh.row() != nullptr && fresh.row()->first == key) {
            give();
            return wanted ? Lower::hidden : Lower::unwanted;
        }
        if (fresh.hides(key)) return Lower::hidden;
        wanted = visit(key, value);
        return wanted ? Lower::shown : Lower::unwanted;
    };
    if (below.from < end) below.scan(see);
    while (wanted && fresh.row() != nullptr) give();
}

}  // namespace penstock::storage

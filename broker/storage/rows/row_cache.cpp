#include "broker/storage/rows/row_cache.h"

#include <iterator>
#include <utility>

namespace penstock::storage {

namespace {

constexpr std::size_t bytes_beside = 192;    // of a row: nodes of the list and the table, strings
constexpr std::size_t part_of_a_cache = 64;  // that one row may take

}  // namespace

std::size_t RowCache::bytes_of(std::string_view key, const Value& value) {
    return bytes_beside + key.size() + (value ? value->size() : 0);
}

const RowCache::Value* RowCache::find(std::string_view key) {
    const auto place = places_.find(key);
    if (place == places_.end()) return nullptr;
    rows_.splice(rows_.begin(), rows_, place->second);
    return &place->second->value;
}

void RowCache::keep(std::string_view key, const Value& value) {
    const std::size_t bytes = bytes_of(key, value);
    if (bytes > bytes_max_ / part_of_a_cache) return;
    rows_.push_front({std::string(key), value});
    places_.emplace(rows_.front().key, rows_.begin());
    bytes_ += bytes;
    while (bytes_ > bytes_max_) forget(std::prev(rows_.end()));
}

void RowCache::forget(const model::RowBatch& batch) {
    for (const model::RowWrite& write : batch) {
        if (write.kind == model::RowWrite::Kind::erase_range) {
            forget_range(write.key, write.value);
            continue;
        }
        const auto place = places_.find(write.key);
        if (place != places_.end()) forget(place->second);
    }
}

void RowCache::forget_range(std::string_view first, std::string_view end) {
    for (auto row = rows_.begin(); row != rows_.end();) {
        const auto here = row++;
        if (here->key >= first && here->key < end) forget(here);
    }
}

void RowCache::forget(Rows::iterator row) {
    bytes_ -= bytes_of(row->key, row->value);
    places_.erase(row->key);
    rows_.erase(row);
}

}  // namespace penstock::storage

#include "broker/storage/rows/applied_index.h"

#include "broker/base/bytes.h"
#include "broker/base/check.h"
#include "broker/storage/rows/row_store.h"

namespace penstock::storage {

std::string encode_applied(model::LogIndex applied) {
    std::string value;
    Writer(value).u64(applied);
    return value;
}

std::optional<model::LogIndex> decode_applied(std::string_view value) {
    Reader reader(value);
    const model::LogIndex applied = reader.u64();
    if (!reader.done()) return {};
    return applied;
}

bool writes_applied(const model::RowBatch& batch, model::LogIndex applied) {
    bool written = false;
    for (const model::RowWrite& write : batch) {
        if (write.key != applied_index_key) continue;
        check(write.kind == model::RowWrite::Kind::put && decode_applied(write.value) == applied,
              "a batch carries another applied index than its own");
        written = true;
    }
    return written;
}

}  // namespace penstock::storage

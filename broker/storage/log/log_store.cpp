#include "broker/storage/log/log_store.h"

#include "broker/storage/log/segment_log_store.h"

namespace penstock::storage {

Result<std::unique_ptr<LogStore>> LogStore::open(Disk& disk,
                                                 const std::string& folder,
                                                 const LogStoreOptions& options,
                                                 const std::function<LogIndex(SetId)>& applied) {
    auto store = std::make_unique<SegmentLogStore>(disk, folder, options);
    if (const auto started = store->open(applied); !started) return started.error();
    return std::unique_ptr<LogStore>(std::move(store));
}

}  // namespace penstock::storage

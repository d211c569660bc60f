#include "broker/cluster/folder.h"

#include "broker/replication/snapshot/incoming.h"
#include "broker/replication/snapshot/install.h"

#include <algorithm>

namespace penstock::cluster {

namespace {

constexpr std::string_view set_prefix = "set-";

}  // namespace

std::string rows_folder(const std::string& data_folder, model::SetId set) {
    return data_folder + "/rows/" + std::string(set_prefix) + std::to_string(set.value);
}

std::vector<model::SetId> sets_with_rows(const Disk& disk, const std::string& data_folder) {
    std::vector<model::SetId> sets;
    const auto folders = disk.list(data_folder + "/rows");
    for (const std::string& folder : folders ? *folders : std::vector<std::string>()) {
        if (!folder.starts_with(set_prefix)) continue;
        const auto number =
            model::parse_decimal(std::string_view(folder).substr(set_prefix.size()));
        if (!number || *number >= (1U << model::set_bits)) continue;
        sets.emplace_back(static_cast<std::uint16_t>(*number));
    }
    std::sort(sets.begin(), sets.end());
    return sets;
}

Result<std::set<model::SetId>> finish_installs(Disk& disk,
                                               const std::string& data_folder,
                                               storage::LogStore& store,
                                               Departures& departures) {
    std::set<model::SetId> here;
    const auto marked = replication::marked_sets(disk, data_folder);
    if (!marked) return marked.error();
    for (const model::SetId set : *marked) {
        if (departures.has(set)) continue;
        here.insert(set);
        auto install = replication::SnapshotInstall::resume(disk, data_folder, set, store);
        if (!install) return install.error();
        for (bool more = *install != nullptr; more;) {
            auto stepped = (*install)->step(store);
            if (!stepped) return stepped.error();
            if (auto synced = store.sync(); !synced) return synced.error();
            more = *stepped;
        }
    }
    if (auto left = departures.finish(store); !left) return left.error();
    return here;
}

Result<bool> is_being_recovered(const Disk& disk, const std::string& data_folder) {
    const auto files = disk.list(data_folder);
    if (!files) {
        if (files.error().code == Errc::not_found) return false;
        return files.error();
    }
    return std::find(files->begin(), files->end(), recovering_name) != files->end();
}

}  // namespace penstock::cluster

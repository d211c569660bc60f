#include "broker/cluster/restoring.h"

#include "broker/cluster/folder.h"
#include "broker/core/placement.h"
#include "broker/node/conf_state_key.h"
#include "broker/node/data_folder.h"
#include "broker/replication/snapshot/install.h"
#include "broker/replication/snapshot/sink.h"

#include <algorithm>

namespace penstock::cluster {

namespace {

using replication::SnapshotManifest;

// All of a folder, and itself.
Result<void> remove_tree(Disk& disk, const std::string& path) {
    if (const auto names = disk.list(path)) {
        for (const std::string& name : *names) {
            if (auto removed = remove_tree(disk, path + "/" + name); !removed) return removed;
        }
    }
    return disk.remove(path);
}

}  // namespace

Result<void> Restoring::mark(bool begun) {
    const std::string path = data_folder_ + "/" + node::restoring_name;
    if (begun) {
        auto file = world_.disk.open(path, Disk::Open::create);
        if (!file) return file.error();
        if (auto synced = (*file)->sync(); !synced) return synced;
    } else if (auto removed = world_.disk.remove(path); !removed) {
        return removed;
    }
    return world_.disk.sync_folder(data_folder_);
}

// What an earlier restore left half done is nobody's.
Result<void> Restoring::make_empty() {
    const auto names = world_.disk.list(data_folder_);
    if (!names) return names.error();
    const auto is_ours = [](const std::string& name) {
        return name == node::lock_name || name == node::restoring_name;
    };
    const bool begun =
        std::find(names->begin(), names->end(), node::restoring_name) != names->end();
    const bool others = !std::all_of(names->begin(), names->end(), is_ours);
    if (others && !begun) {
        return error(Errc::invalid,
                     data_folder_ + " is not empty: a backup is restored into a folder of its own");
    }
    if (auto marked = mark(true); !marked) return marked;
    for (const std::string& name : *names) {
        if (is_ours(name)) continue;
        if (auto removed = remove_tree(world_.disk, data_folder_ + "/" + name); !removed) {
            return removed;
        }
    }
    return {};
}

Result<void> Restoring::receive(std::size_t set_at) {
    const SnapshotManifest& manifest = input_.catalogue().sets[set_at];
    replication::SnapshotSink sink(world_.disk, data_folder_, manifest);
    std::optional<std::uint32_t> part;
    while (!sink.complete()) {
        const auto more = sink.step();
        if (!more) return more.error();
        if (*more || sink.complete()) continue;
        const std::uint32_t wanted = sink.wanted()->part;
        if (part != wanted) {
            if (auto opened = input_.open_part(set_at, wanted); !opened) return opened;
            part = wanted;
        }
        const auto bytes = input_.next();
        if (!bytes) return bytes.error();
        const std::string name = input_.name_of(set_at, wanted);
        if (bytes->empty()) return error(Errc::damaged, name + " is damaged: it ends too early");
        auto taken = sink.take(*bytes);
        if (!taken && taken.error().code == Errc::damaged) {
            return error(Errc::damaged, name + " is damaged: " + taken.error().detail);
        }
        if (!taken) return taken;
        restored_.bytes += bytes->size();
        if (world_.progress) world_.progress(restored_.bytes);
    }
    restored_.sets.push_back({manifest.set, manifest.index, sink.lost_bodies()});
    return {};
}

Result<void> Restoring::install(storage::LogStore& store, const SnapshotManifest& manifest) {
    auto install = replication::SnapshotInstall::begin(world_.disk, data_folder_, manifest);
    if (!install) return install.error();
    for (bool more = true; more;) {
        auto stepped = (*install)->step(store);
        if (!stepped) return stepped.error();
        if (auto synced = store.sync(); !synced) return synced;
        more = *stepped;
    }
    return {};
}

// A later term than any entry of the backup: an entry that follows here is another one than the
// entry of the same index that followed where the backup was made.
Result<void> Restoring::forget_cluster(storage::LogStore& store, const SnapshotManifest& manifest) {
    storage::HardState state = store.hard_state(manifest.set);
    ++state.term;
    state.vote = 0;
    store.append_hard_state(manifest.set, state);
    if (auto synced = store.sync(); !synced) return synced;
    auto rows = world_.open_rows(rows_folder(data_folder_, manifest.set));
    if (!rows) return rows.error();
    model::RowBatch batch{{model::RowWrite::Kind::erase, std::string(node::conf_state_key), {}}};
    if (manifest.set == model::names_set) {
        const model::RowBatch placement = core::without_placement();
        batch.insert(batch.end(), placement.begin(), placement.end());
    }
    if (auto applied = (*rows)->apply(batch, manifest.index); !applied) return applied;
    return (*rows)->flush();
}

Result<Restored> Restoring::run() {
    if (auto empty = make_empty(); !empty) return empty.error();
    const backup::Catalogue& catalogue = input_.catalogue();
    restored_.made_ms = catalogue.made_ms;
    for (std::size_t at = 0; at < catalogue.sets.size(); ++at) {
        if (auto received = receive(at); !received) return received.error();
    }
    if (auto finished = input_.finish(); !finished) return finished.error();
    for (const char* folder : {"/log", "/rows"}) {
        if (auto made = world_.disk.make_folder(data_folder_ + folder); !made) return made.error();
    }
    const auto nothing = [](model::SetId) {
        return storage::nothing_needed;
    };
    auto store = storage::LogStore::open(world_.disk, data_folder_ + "/log", log_, nothing);
    if (!store) return store.error();
    for (const SnapshotManifest& manifest : catalogue.sets) {
        if (auto installed = install(**store, manifest); !installed) return installed.error();
        if (auto forgotten = forget_cluster(**store, manifest); !forgotten) {
            return forgotten.error();
        }
    }
    if (auto removed = remove_tree(world_.disk, data_folder_ + "/incoming"); !removed) {
        return removed.error();
    }
    if (auto unmarked = mark(false); !unmarked) return unmarked.error();
    return restored_;
}

}  // namespace penstock::cluster

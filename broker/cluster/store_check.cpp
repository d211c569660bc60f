#include "broker/cluster/store_check.h"

#include "broker/cluster/folder.h"
#include "broker/core/data_query.h"
#include "broker/core/state_machine.h"
#include "broker/node/checkpoint_source.h"
#include "broker/node/data_folder.h"
#include "broker/replication/local_log.h"
#include "broker/replication/snapshot/incoming.h"

#include <algorithm>
#include <map>
#include <memory>

namespace penstock::cluster {

namespace {

constexpr std::uint32_t entries_at_once = 4'096;

std::string text(model::SetId set) {
    return std::to_string(set.value);
}

Result<void> refuse_unfinished(const StoreWorld& world, const std::string& folder) {
    if (auto whole = node::refuse_half_restored(folder); !whole) return whole;
    const auto recovering = is_being_recovered(world.disk, folder);
    if (!recovering) return recovering.error();
    const auto marked = replication::marked_sets(world.disk, folder);
    if (!marked) return marked.error();
    if (!*recovering && marked->empty()) return {};
    return error(Errc::invalid,
                 folder +
                     " is in the middle of a recovery or of the installation of a snapshot: "
                     "finish that first");
}

void complain(CheckedSet& set, std::string problem) {
    if (set.problems.size() < problems_max) set.problems.push_back(std::move(problem));
}

void check_bodies(const model::Rows& rows, const storage::LogStore& store, CheckedSet& set) {
    const auto look = [&](model::LogIndex index, std::uint32_t) {
        for (const std::uint32_t ordinal : core::live_ordinals(rows, index)) {
            ++set.messages;
            const model::MessageId message(set.set, index, ordinal);
            const auto place = store.find(message);
            Result<void> read;
            if (!place) read = place.error();
            if (place) {
                auto body = place->read(storage::BodySource::Wait::yes);
                if (!body) read = body.error();
            }
            if (read) continue;
            ++set.damaged;
            complain(set, "message " + model::to_text(message) + ": " + read.error().detail);
        }
    };
    for (model::LogIndex next = 1; next != 0;) {
        next = core::count_live(rows, next, entries_at_once, look);
    }
}

using Views = std::map<model::SetId, std::unique_ptr<storage::RowView>>;

// Every row is read once: what reads as damaged is known then.
void check_rows(const StoreWorld& world, const std::string& folder, CheckedSet& set, Views& views) {
    auto view = world.open_view(rows_folder(folder, set.set));
    if (!view) return complain(set, view.error().detail);
    const std::string end(16, '\xff');
    (*view)->scan("", end, [&](std::string_view, std::string_view) {
        ++set.rows;
        return true;
    });
    if (auto health = (*view)->health(); !health) return complain(set, health.error().detail);
    set.applied = core::progress(**view).applied;
    views[set.set] = std::move(*view);
}

}  // namespace

bool CheckedStore::whole() const {
    return problems.empty() && std::all_of(sets.begin(), sets.end(), [](const CheckedSet& set) {
               return set.problems.empty() && set.damaged == 0;
           });
}

Result<CheckedStore> check_store(const StoreWorld& world, const std::string& data_folder) {
    if (auto finished = refuse_unfinished(world, data_folder); !finished) return finished.error();
    CheckedStore checked;
    Views views;
    for (const model::SetId set : sets_with_rows(world.disk, data_folder)) {
        checked.sets.push_back({set, 0, 0, 0, 0, 0, {}});
        check_rows(world, data_folder, checked.sets.back(), views);
    }
    if (checked.sets.empty()) checked.problems.push_back(data_folder + " holds no sets");
    const auto applied = [&](model::SetId set) {
        const auto view = views.find(set);
        return view == views.end() ? storage::nothing_needed
                                   : core::progress(*view->second).applied;
    };
    auto store = storage::LogStore::open(world.disk, data_folder + "/log", world.log, applied);
    if (!store) {
        checked.problems.push_back(store.error().detail);
        return checked;
    }
    for (CheckedSet& set : checked.sets) {
        set.last = (*store)->range(set.set).last;
        const auto view = views.find(set.set);
        if (view == views.end()) continue;
        if (set.last < set.applied) complain(set, "its log ends before its rows");
        if (set.set != model::names_set) check_bodies(*view->second, **store, set);
    }
    return checked;
}

namespace {

class Salvage {
  public:
    Salvage(const StoreWorld& world, const std::string& data_folder)
        : world_(world), data_(data_folder), parent_(data_folder + "/salvage") {}

    // Rows that cannot be opened are left out, with all that is in the set.
    Result<void> open() {
        for (const model::SetId set : sets_with_rows(world_.disk, data_)) {
            auto rows = world_.open_rows(rows_folder(data_, set));
            if (!rows) {
                problems.push_back("set " + text(set) + " is left out: " + rows.error().detail);
                continue;
            }
            sets[set] = std::make_unique<node::HostedSet>(
                set,
                std::move(*rows),
                set == model::names_set ? core::make_name_set() : core::make_data_set());
        }
        if (!sets.contains(model::names_set)) {
            return error(Errc::damaged,
                         "the rows of set 0, which knows the queues, topics and keys, cannot be "
                         "read: " +
                             (problems.empty() ? data_ + " holds none" : problems.front()));
        }
        return open_log();
    }

    // What the log has beyond the rows, as far as it can be read.
    Result<void> take(model::SetId number) {
        node::HostedSet& set = *sets.at(number);
        auto log = std::make_unique<replication::LocalLog>(number, *store_, set.progress().time_ms);
        if (auto replayed = set.open(std::move(log)); !replayed) {
            problems.push_back("set " + text(number) + " ends at entry " +
                               std::to_string(set.progress().applied) + ": " +
                               replayed.error().detail);
        }
        replication::SnapshotManifest facts;
        const core::SetProgress progress = set.progress();
        if (progress.applied == 0) return {};
        facts.set = number;
        facts.index = progress.applied;
        facts.time_ms = progress.time_ms;
        facts.state_hash = progress.state_hash;
        const auto term = store_->term_of(number, progress.applied);
        facts.term = term ? *term : store_->hard_state(number).term;
        if (auto made = world_.disk.make_folder(parent_); !made) return made;
        const std::string folder = parent_ + "/set-" + text(number);
        if (auto cleared = node::remove_flat_folder(world_.disk, folder); !cleared) return cleared;
        auto index = set.row_store().checkpoint(folder);
        if (!index) return index.error();
        auto source =
            node::checkpoint_source(world_.disk, *store_, folder, facts, world_.open_view);
        if (!source) return source.error();
        for (bool complete = false; !complete;) {
            auto stepped = (*source)->prepare();
            if (!stepped) return stepped.error();
            complete = *stepped;
        }
        sources_[number] = std::move(*source);
        return {};
    }

    Result<backup::Copied> copy(model::TimeMs now_ms, backup::BackupOutput& output) {
        backup::Catalogue catalogue;
        catalogue.made_ms = now_ms;
        for (const auto& [number, source] : sources_) catalogue.sets.push_back(source->manifest());
        auto copied = backup::copy_backup(
            catalogue,
            [this](const backup::SnapshotManifest& manifest,
                   std::uint32_t part,
                   std::uint64_t offset) {
                return sources_.at(manifest.set)->read(part, offset, replication::chunk_bytes_max);
            },
            output,
            {});
        for (const auto& [number, source] : sources_) {
            if (auto removed = source->remove(); !removed) return removed.error();
            const std::string folder = parent_ + "/set-" + text(number);
            if (auto removed = node::remove_flat_folder(world_.disk, folder); !removed) {
                return removed.error();
            }
        }
        if (auto removed = world_.disk.remove(parent_); !removed) return removed.error();
        return copied;
    }

    std::vector<std::string> problems;
    std::map<model::SetId, std::unique_ptr<node::HostedSet>> sets;

  private:
    // A log that stops a start, by what is above the rows or by its files, is read as far as it
    // goes.
    Result<void> open_log() {
        const std::string folder = data_ + "/log";
        const auto applied = [this](model::SetId set) {
            const auto here = sets.find(set);
            return here == sets.end() ? storage::nothing_needed
                                      : here->second->row_store().flushed_applied();
        };
        auto store = storage::LogStore::open(world_.disk, folder, world_.log, applied);
        if (!store && store.error().code == Errc::damaged) {
            problems.push_back(store.error().detail);
            const auto nothing = [](model::SetId) {
                return storage::nothing_needed;
            };
            storage::LogStoreOptions options = world_.log;
            options.salvage = true;
            store = storage::LogStore::open(world_.disk, folder, options, nothing);
        }
        if (!store) return store.error();
        store_ = std::move(*store);
        return {};
    }

    const StoreWorld& world_;
    const std::string& data_;
    std::string parent_;
    std::unique_ptr<storage::LogStore> store_;
    std::map<model::SetId, node::SnapshotPtr> sources_;
};

}  // namespace

Result<Salvaged> salvage_store(const StoreWorld& world,
                               const std::string& data_folder,
                               model::TimeMs now_ms,
                               backup::BackupOutput& output) {
    if (auto finished = refuse_unfinished(world, data_folder); !finished) return finished.error();
    Salvage salvage(world, data_folder);
    if (auto opened = salvage.open(); !opened) return opened.error();
    for (const auto& [number, set] : salvage.sets) {
        if (auto taken = salvage.take(number); !taken) return taken.error();
    }
    auto copied = salvage.copy(now_ms, output);
    if (!copied) return copied.error();
    return Salvaged{*copied, salvage.problems};
}

}  // namespace penstock::cluster
